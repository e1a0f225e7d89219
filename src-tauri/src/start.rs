//! From arguments to an open till, or to a sentence why not.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use till_adapters::{LateSecrets, RandomIds, SystemClock};
use till_app::error::{AppError, ErrorCode};
use till_app::{Ports, Till};

use crate::args::Args;
use crate::line::LatePrinter;
use crate::log;
use crate::state::Shell;

/// Why there is no till to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    /// Whether the money is all right, and what to do.
    pub(crate) sentence: String,
    pub(crate) exit: u8,
}

impl Refusal {
    /// For the error output: "data_in_use: Another Evertill …".
    pub(crate) fn line(&self) -> String {
        format!("{}: {}", self.code, self.sentence)
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        let code = error.code();
        Self {
            // The name that scripts know it by.
            code: serde_json::to_value(code)
                .ok()
                .and_then(|name| name.as_str().map(str::to_owned))
                .unwrap_or_default(),
            sentence: error.sentence(),
            exit: if code == ErrorCode::DataInUse { 4 } else { 1 },
        }
    }
}

/// Opens the till of a folder; with `--sample` makes the sample shop where the
/// folder has none.
pub(crate) fn open(args: &Args) -> Result<Arc<Shell>, Refusal> {
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        None => usual_folder(args.sample).ok_or_else(|| Refusal {
            code: "no_home".into(),
            sentence: "The system names no home folder. Nothing was changed. Say where the \
                       shop is, with --data."
                .into(),
            exit: 1,
        })?,
    };
    open_folder(&folder, args).map_err(Refusal::from)
}

fn open_folder(folder: &Path, args: &Args) -> Result<Arc<Shell>, AppError> {
    let secrets = Arc::new(LateSecrets::default());
    let printer = Arc::new(LatePrinter::new());
    let ports = Ports {
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds::default()),
        printer: Arc::clone(&printer) as _,
        secrets: Arc::clone(&secrets) as _,
    };
    let till = Till::open(folder, ports)?.with_profiles(args.profiles.clone());
    // Only now: whoever has the folder open writes its log.
    if let Err(error) = log::start(folder) {
        log::say(&format!("There is no log: {error}. The till sells on."));
    }
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "opened");
    if args.sample && !till.has_shop()? {
        till.setup_sample()?;
    }
    Ok(Arc::new(Shell::new(Arc::new(till), secrets, printer)))
}

/// `evertill` in the system's data folder, and `evertill-sample` beside it.
fn usual_folder(sample: bool) -> Option<PathBuf> {
    let folder = till_app::default_folder(&std::env::home_dir()?);
    Some(if sample {
        folder.with_file_name("evertill-sample")
    } else {
        folder
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Args {
        Args {
            sample: true,
            ..Args::default()
        }
    }

    #[test]
    fn a_folder_that_is_in_use_is_said_so_with_its_own_exit_code() {
        let folder = tempfile::tempdir().map(|d| d.keep()).unwrap_or_default();
        let first = open_folder(&folder, &sample());
        assert!(first.is_ok());
        let refusal = open_folder(&folder, &sample()).err().map(Refusal::from);
        assert_eq!(refusal.as_ref().map(|r| r.exit), Some(4));
        let line = refusal.map(|r| r.line()).unwrap_or_default();
        assert!(line.starts_with("data_in_use: Another Evertill"), "{line}");
        let _ = std::fs::remove_dir_all(folder);
    }

    #[test]
    fn a_file_that_is_no_shop_is_refused_and_not_changed() {
        let folder = tempfile::tempdir().map(|d| d.keep()).unwrap_or_default();
        let file = folder.join("till.db");
        let written = std::fs::write(&file, b"not a database, and long enough to be looked at");
        assert!(written.is_ok());
        let refusal = open_folder(&folder, &sample()).err().map(Refusal::from);
        assert_eq!(
            refusal.map(|r| (r.code, r.exit)),
            Some(("database_unreadable".into(), 1))
        );
        let _ = std::fs::remove_dir_all(folder);
    }
}
