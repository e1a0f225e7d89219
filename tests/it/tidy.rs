//! House rules as tests.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
}

/// Who may depend on whom: the table of ARCHITECTURE.md, held against Cargo.
#[test]
fn the_crates_depend_on_each_other_as_the_map_says() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split(['`', ',', ' '])
            .map(str::trim)
            .filter(|w| w.starts_with("till-") || *w == "evertill")
            .map(str::to_owned)
            .collect()
    };
    let mut allowed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in map.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').collect();
        if let [_, name, may_use, ..] = cells.as_slice() {
            for name in names(name) {
                allowed.insert(name, names(may_use));
            }
        }
    }
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.len() >= 9, "the workspace is here");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let uses: BTreeSet<String> = package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|d| d["kind"].is_null())
            .map(|d| d["name"].as_str().unwrap().to_owned())
            .filter(|d| d.starts_with("till-"))
            .collect();
        let may = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the table of ARCHITECTURE.md"));
        assert_eq!(&uses, may, "what {name} uses is not what the table says");
    }
}

#[test]
fn every_table_is_strict_and_holds_no_real_number() {
    let mut found = Vec::new();
    files(&root().join("migrations"), "sql", &mut found);
    for file in found {
        let sql = std::fs::read_to_string(&file).unwrap();
        let code: String = sql
            .lines()
            .map(|l| l.split("--").next().unwrap_or_default())
            .collect::<Vec<_>>()
            .join("\n");
        for statement in code.split(';') {
            let words = statement.to_uppercase();
            if words.contains("CREATE TABLE") {
                assert!(words.contains("STRICT"), "{}: {statement}", file.display());
            }
            for word in [" REAL", "IF NOT EXISTS", "CURRENT_TIMESTAMP", "DATETIME"] {
                assert!(
                    !words.contains(word),
                    "{}: {word} in {statement}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn no_float_is_near_money() {
    for folder in [
        "crates/domain/src",
        "crates/store/src",
        "crates/sync/src",
        "crates/app/src",
    ] {
        let mut found = Vec::new();
        files(&root().join(folder), "rs", &mut found);
        assert!(!found.is_empty());
        for file in found {
            let code = std::fs::read_to_string(&file).unwrap();
            for word in ["f32", "f64"] {
                let used = code
                    .split(|c: char| !c.is_alphanumeric() && c != '_')
                    .any(|w| w == word);
                assert!(!used, "{} uses {word}", file.display());
            }
        }
    }
}

#[test]
fn sql_lives_in_the_store_alone() {
    for folder in [
        "crates/domain/src",
        "crates/sync/src",
        "crates/app/src",
        "crates/adapters/src",
        "crates/cli/src",
        "src-tauri/src",
    ] {
        let mut found = Vec::new();
        files(&root().join(folder), "rs", &mut found);
        for file in found {
            let code = std::fs::read_to_string(&file).unwrap();
            for word in [
                "SELECT ",
                "INSERT INTO",
                "UPDATE ",
                "DELETE FROM",
                "rusqlite",
            ] {
                assert!(!code.contains(word), "{} holds {word}", file.display());
            }
        }
    }
}

#[test]
fn the_changelog_has_a_heading_for_this_version() {
    let log = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(log.contains(concat!("## ", env!("CARGO_PKG_VERSION"))));
}

/// A mutant that does not apply any more proves nothing.
#[test]
fn every_mutant_still_breaks_the_core_where_it_says() {
    let mut patches = Vec::new();
    files(&root().join("tests/mutants"), "patch", &mut patches);
    assert!(patches.len() >= 40, "{}", patches.len());
    let listed = std::fs::read_to_string(root().join("tests/mutants/README.md")).unwrap();
    for patch in patches {
        let name = patch.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            listed.contains(&format!("`{name}`")),
            "{name} is not listed"
        );
        let checked = Command::new("git")
            .args(["apply", "--check"])
            .arg(patch.canonicalize().unwrap())
            .current_dir(root())
            .output()
            .unwrap();
        let why = String::from_utf8_lossy(&checked.stderr);
        assert!(checked.status.success(), "{name}: {why}");
    }
}
