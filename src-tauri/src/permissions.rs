//! Checks what the window may do: the till's commands, one event, nothing else.

use std::collections::BTreeSet;

const COMMANDS_TS: &str = include_str!("../../ui/src/ipc/commands.ts");
const CAPABILITY: &str = include_str!("../capabilities/main.json");
const CONFIG: &str = include_str!("../../tauri.conf.json");

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}

/// What stands between `before` and the next quote, wherever it stands.
fn quoted<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn every_command_of_the_window_is_answered_and_no_other() {
    let asked = quoted(COMMANDS_TS, "invoke(\"");
    let answered: BTreeSet<_> = crate::commands::NAMES.iter().copied().collect();
    assert!(
        asked.len() > 50,
        "commands.ts is written otherwise: {asked:?}"
    );
    assert_eq!(asked, answered);
}

#[test]
fn the_window_hears_the_event_that_is_told() {
    let heard = quoted(COMMANDS_TS, "listen<ConnectionView>(\"");
    assert_eq!(heard, BTreeSet::from([crate::events::TILL_CHANGED]));
}

#[test]
fn the_window_may_listen_and_nothing_more() {
    let capability = json(CAPABILITY);
    assert_eq!(
        capability.get("permissions"),
        Some(&serde_json::json!([
            "core:event:allow-listen",
            "core:event:allow-unlisten"
        ]))
    );
    assert_eq!(
        capability.get("windows"),
        Some(&serde_json::json!(["main"]))
    );
    assert_eq!(capability.get("remote"), None);
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_evaluates_nothing() {
    let config = json(CONFIG);
    assert_eq!(config.pointer("/app/withGlobalTauri"), Some(&false.into()));
    let csp = config
        .pointer("/app/security/csp")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    assert!(csp.starts_with("default-src 'self';"), "{csp}");
    let allowed = ["'self'", "'none'", "data:", "ipc:", "http://ipc.localhost"];
    for directive in csp.split(';') {
        let mut words = directive.split_whitespace();
        let name = words.next().unwrap_or_default();
        for word in words {
            let inline_style = name == "style-src" && word == "'unsafe-inline'";
            assert!(allowed.contains(&word) || inline_style, "{name} {word}");
        }
    }
}
