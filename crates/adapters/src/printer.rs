//! Where receipts come out.
//!
//! Invariants:
//! - [`PrinterError::Unreachable`] is given only while no byte has left us;
//! - a file that is there is never written again.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use till_app::ports::{PrinterError, ReceiptPrinter};

/// How long a printer has to answer a connection.
const CONNECT: Duration = Duration::from_secs(2);
/// How long it may take no byte.
const WRITE: Duration = Duration::from_secs(5);
/// How long it may take to hang up. Longer, and the next receipt would wait for it.
const HANG_UP: Duration = Duration::from_millis(500);
/// Raw printing ("JetDirect").
const RAW_PORT: u16 = 9100;

/// A receipt printer on the network. Blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TcpPrinter {
    address: String,
}

impl TcpPrinter {
    /// A printer at `host:port`.
    #[must_use]
    pub fn new(address: impl Into<String>) -> Self {
        Self {
            address: address.into(),
        }
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
        for address in self.address.to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, CONNECT) {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn write(mut stream: TcpStream, bytes: &[u8]) -> io::Result<()> {
    stream.set_write_timeout(Some(WRITE))?;
    stream.write_all(bytes)?;
    stream.flush()?;
    stream.shutdown(Shutdown::Write)?;
    // What the printer says is of no use, but left unread it would reset the
    // connection and take the end of the receipt with it. Most hang up at once.
    let until = Instant::now() + HANG_UP;
    let mut ignored = [0_u8; 256];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero()
            || stream.set_read_timeout(Some(left)).is_err()
            || !matches!(stream.read(&mut ignored), Ok(1..))
        {
            return Ok(());
        }
    }
}

impl ReceiptPrinter for TcpPrinter {
    fn print(&self, escpos: &[u8]) -> Result<(), PrinterError> {
        let stream = self.connect().map_err(PrinterError::Unreachable)?;
        write(stream, escpos).map_err(PrinterError::Stopped)
    }
}

/// Writes each receipt to a file `receipt-<n>.escpos` of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePrinter {
    folder: PathBuf,
}

impl FilePrinter {
    /// Writes into `folder`, which is made when the first receipt is printed.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self {
            folder: folder.into(),
        }
    }

    /// One more than the highest number in the folder.
    fn next_number(&self) -> io::Result<u64> {
        let mut highest = 0;
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let number = name
                .to_str()
                .and_then(|n| n.strip_prefix("receipt-")?.strip_suffix(".escpos"))
                .and_then(|n| n.parse::<u64>().ok());
            highest = highest.max(number.unwrap_or(0));
        }
        Ok(highest.saturating_add(1))
    }

    /// Gives a finished file its name. Fails where the name is taken.
    fn publish(part: &Path, path: &Path) -> io::Result<()> {
        match fs::hard_link(part, path) {
            Ok(()) => fs::remove_file(part),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(error),
            // A file system without links: take the name, then fill it.
            Err(_) => {
                File::create_new(path)?;
                fs::rename(part, path)
            }
        }
    }

    fn save(&self, part: &Path, mut file: File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)?;
        file.sync_all()?;
        drop(file);
        let mut number = self.next_number()?;
        loop {
            let path = self.folder.join(format!("receipt-{number}.escpos"));
            match Self::publish(part, &path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                done => return done,
            }
        }
    }

    fn part(&self) -> io::Result<(PathBuf, File)> {
        fs::create_dir_all(&self.folder)?;
        let mut number = 0_u64;
        loop {
            let path = self
                .folder
                .join(format!(".receipt-{}-{number}.part", std::process::id()));
            match File::create_new(&path) {
                Ok(file) => return Ok((path, file)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

impl ReceiptPrinter for FilePrinter {
    fn print(&self, escpos: &[u8]) -> Result<(), PrinterError> {
        let (part, file) = self.part().map_err(PrinterError::Unreachable)?;
        self.save(&part, file, escpos).map_err(|error| {
            // Half a receipt is of no use to anybody.
            let _ = fs::remove_file(&part);
            PrinterError::Stopped(error)
        })
    }
}

/// No printer: the receipt is on the screen and in the till.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NoPrinter;

impl ReceiptPrinter for NoPrinter {
    fn print(&self, _escpos: &[u8]) -> Result<(), PrinterError> {
        Ok(())
    }
}

/// The setting names no printer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrinterSettingError {
    /// Not one of the kinds.
    #[error("{setting:?} is not a printer: none, tcp://host:9100 or file:/folder")]
    Unknown {
        /// What was set.
        setting: String,
    },
    /// No host, or no port number.
    #[error("{address:?} is not the address of a printer, such as 192.0.2.7:9100")]
    Address {
        /// What was set after `tcp://`.
        address: String,
    },
    /// `file:` and nothing else.
    #[error("no folder is named after file:")]
    Folder,
}

/// The printer that a setting names: `none`, `tcp://host:9100` (9100 where no port
/// is given) or `file:/folder`.
///
/// # Errors
/// [`PrinterSettingError`].
pub fn printer_from(setting: &str) -> Result<Box<dyn ReceiptPrinter>, PrinterSettingError> {
    let setting = setting.trim();
    if setting == "none" {
        return Ok(Box::new(NoPrinter));
    }
    if let Some(address) = setting.strip_prefix("tcp://") {
        return Ok(Box::new(TcpPrinter::new(tcp_address(address)?)));
    }
    if let Some(folder) = setting.strip_prefix("file:") {
        // file:///folder is the same place.
        let folder = folder.strip_prefix("//").unwrap_or(folder);
        if folder.is_empty() {
            return Err(PrinterSettingError::Folder);
        }
        return Ok(Box::new(FilePrinter::new(folder)));
    }
    Err(PrinterSettingError::Unknown {
        setting: setting.into(),
    })
}

fn tcp_address(text: &str) -> Result<String, PrinterSettingError> {
    let bad = || PrinterSettingError::Address {
        address: text.into(),
    };
    let text = text.strip_suffix('/').unwrap_or(text);
    let (host, port) = match text.rsplit_once(':') {
        // The colon of an IPv6 address without a port is inside the brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
        Some(_) | None => (text, RAW_PORT),
    };
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let is_v6 = bare.parse::<std::net::Ipv6Addr>().is_ok();
    let is_host = bare == host
        && bare
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if bare.is_empty() || port == 0 || !(is_host || is_v6 && bare != host) {
        return Err(bad());
    }
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_printer_that_is_off_cannot_be_reached() {
        let address = {
            let gone = TcpListener::bind("127.0.0.1:0").unwrap();
            gone.local_addr().unwrap()
        };
        let printer = TcpPrinter::new(address.to_string());
        assert!(matches!(
            printer.print(b"receipt"),
            Err(PrinterError::Unreachable(_))
        ));
    }

    #[test]
    fn a_printer_that_is_on_gets_every_byte() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let printed = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(b"status nobody asked for").unwrap();
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).unwrap();
            bytes
        });
        let receipt = vec![0x1B; 300_000];
        TcpPrinter::new(address.to_string())
            .print(&receipt)
            .unwrap();
        assert_eq!(printed.join().unwrap(), receipt);
    }

    #[test]
    fn each_receipt_gets_a_file_and_none_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let printer = FilePrinter::new(folder.path().join("made/when/needed"));
        let at = |n: u32| {
            folder
                .path()
                .join(format!("made/when/needed/receipt-{n}.escpos"))
        };
        printer.print(b"one").unwrap();
        printer.print(b"two").unwrap();
        fs::write(at(7), b"not ours").unwrap();
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let printer = printer.clone();
                std::thread::spawn(move || printer.print(b"at once").unwrap())
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(fs::read(at(1)).unwrap(), b"one");
        assert_eq!(fs::read(at(2)).unwrap(), b"two");
        assert_eq!(fs::read(at(7)).unwrap(), b"not ours");
        for n in 8..16 {
            assert_eq!(fs::read(at(n)).unwrap(), b"at once", "receipt {n}");
        }
        let files = fs::read_dir(folder.path().join("made/when/needed")).unwrap();
        assert_eq!(files.count(), 11, "nothing half-written is left");
    }

    #[test]
    fn a_folder_that_cannot_be_made_cannot_be_reached() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let printer = FilePrinter::new(file.path().join("inside-a-file"));
        assert!(matches!(
            printer.print(b"receipt"),
            Err(PrinterError::Unreachable(_))
        ));
    }

    #[test]
    fn the_setting_names_a_printer() {
        let rows = [
            ("192.0.2.7:9101", Some("192.0.2.7:9101")),
            ("printer.local", Some("printer.local:9100")),
            ("[::1]:9100", Some("[::1]:9100")),
            ("[::1]", Some("[::1]:9100")),
            ("printer/", Some("printer:9100")),
            ("::1", None),
            ("", None),
            (":9100", None),
            ("printer:0", None),
            ("printer:raw", None),
            ("a b:9100", None),
            ("[printer]:9100", None),
        ];
        for (text, address) in rows {
            assert_eq!(tcp_address(text).ok().as_deref(), address, "{text}");
        }
        assert!(printer_from("none").unwrap().print(b"").is_ok());
        let kind = |setting| printer_from(setting).err();
        assert_eq!(kind("tcp://printer"), None);
        assert_eq!(kind(" file:/var/receipts "), None);
        assert_eq!(kind("file:"), Some(PrinterSettingError::Folder));
        assert_eq!(kind("file://"), Some(PrinterSettingError::Folder));
        assert!(matches!(
            kind("usb"),
            Some(PrinterSettingError::Unknown { .. })
        ));
    }
}
