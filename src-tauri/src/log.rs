//! The log: one line of JSON an event, in the shop's folder.
//!
//! Invariant: it holds facts with names, and never a key, a card number, a name of a
//! person or the body of a request; it takes no more than twice [`KEEP`] bytes of the
//! disk.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use till_domain::barcode::hide_cards;
use tracing_subscriber::EnvFilter;

/// A file is put aside when it is larger than this.
const KEEP: u64 = 4 * 1024 * 1024;

/// Starts logging to `<folder>/log/evertill.log`. Where that cannot be had the
/// till sells on without a log.
pub(crate) fn start(folder: &Path) -> io::Result<()> {
    let log = Capped::open(folder.join("log").join("evertill.log"))?;
    let filter = EnvFilter::try_from_env("EVERTILL_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    // Refused where somebody logs already, and then nothing is lost.
    let _ = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(Mutex::new(log))
        .try_init();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let at = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::error!(at, "a command failed");
        before(panic);
    }));
    Ok(())
}

/// A file that is put aside when it has grown.
struct Capped {
    path: PathBuf,
    file: File,
    size: u64,
}

impl Capped {
    fn open(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path)?;
        let size = file.metadata()?.len();
        Ok(Self { path, file, size })
    }

    fn put_aside(&mut self) -> io::Result<()> {
        std::fs::rename(&self.path, self.path.with_extension("log.1"))?;
        *self = Self::open(self.path.clone())?;
        Ok(())
    }
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.size > KEEP {
            self.put_aside()?;
        }
        // An event is one write. What it repeats of what was typed is no card number.
        let line = String::from_utf8_lossy(bytes);
        let line = hide_cards(&line);
        self.file.write_all(line.as_bytes())?;
        self.size += u64::try_from(line.len()).unwrap_or_default();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes to the error output: what a person at a terminal is told. Where that is
/// closed nobody reads it, and that is no reason to stop.
pub(crate) fn say(text: &str) {
    let mut err = io::stderr().lock();
    let _ = writeln!(err, "{text}").and_then(|()| err.flush());
}

/// Prints what was asked for.
pub(crate) fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A value behind a lock that a panicking thread left whole.
pub(crate) fn locked<T>(value: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_has_grown_is_put_aside_once() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("log").join("evertill.log");
        let mut log = Capped::open(path.clone())?;
        for _ in 0..3 {
            log.size = KEEP + 1;
            log.write_all(b"no 4242 4242 4242 4242\n")?;
        }
        assert_eq!(std::fs::read_to_string(&path)?, "no •••• •••• •••• ••••\n");
        assert_eq!(std::fs::read_dir(folder.path().join("log"))?.count(), 2);
        Ok(())
    }
}
