//! What is wrong with this machine, and what to do about it. Looks and changes
//! nothing but a file of its own, which it takes away again.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use till_adapters::stripe_http::STRIPE_API;
use till_adapters::{MemorySecrets, OsKeyring, ReqwestTransport};
use till_app::ports::SecretStore as _;
use till_app::{StripeSetting, Till};

use crate::answer::{Answer, Done, exit};
use crate::shop;

/// A shop grows by a few megabytes a month.
const ROOM_MB_MIN: u64 = 200;

#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    ok: bool,
    says: String,
}

fn good(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        what,
        ok: true,
        says: says.into(),
    }
}

fn bad(what: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        what,
        ok: false,
        says: says.into(),
    }
}

fn writable(folder: &Path) -> Finding {
    let probe = folder.join(".till-doctor");
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, [0_u8; 4_096]))
        .and_then(|()| std::fs::remove_file(&probe));
    match written {
        Ok(()) => good("folder", format!("{} can be written.", folder.display())),
        Err(error) => bad(
            "folder",
            format!(
                "{} cannot be written ({error}). Give this user the right to, or name another \
                 folder with --data.",
                folder.display()
            ),
        ),
    }
}

/// Free room by `df`, which every system of the till has.
fn room(folder: &Path) -> Finding {
    let said = std::process::Command::new("df")
        .arg("-Pk")
        .arg(folder)
        .output();
    let free = said.ok().and_then(|out| {
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let row = text.lines().nth(1)?;
        row.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match free.map(|kilobytes| kilobytes / 1_024) {
        Some(mb) if mb >= ROOM_MB_MIN => good("disk", format!("{mb} MB are free.")),
        Some(mb) => bad(
            "disk",
            format!("{mb} MB are free. Free some: a full disk stops sales, and loses none."),
        ),
        None => bad(
            "disk",
            "How much is free could not be found out. Look with df.",
        ),
    }
}

fn keyring(folder: &Path, connected: Option<&StripeSetting>) -> Finding {
    // Any entry says whether there is a keyring.
    let entry = connected.map_or_else(
        || OsKeyring::of_webhooks(folder),
        |setting| OsKeyring::of_account(folder, setting),
    );
    match entry.stripe_key() {
        Ok(Some(_)) if connected.is_some() => {
            good("keyring", "It is there and holds the Stripe key.")
        }
        Ok(None) if connected.is_some() => bad(
            "keyring",
            "It is there and holds no key of the account that the till is connected to: cards \
             queue. Connect again with: till stripe connect",
        ),
        Ok(_) => good(
            "keyring",
            "It is there. The till is not connected to Stripe.",
        ),
        Err(error) => bad(
            "keyring",
            format!(
                "No key can be had: {error}. Selling goes on; cards queue within the limits. \
                 Start or install a keyring, such as gnome-keyring."
            ),
        ),
    }
}

fn clock(till: &Till) -> Finding {
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or(0);
    let mut last = 0_i64;
    let mut lines = Vec::new();
    if till.journal_export(&mut lines).is_ok() {
        for line in lines.split(|byte| *byte == b'\n') {
            if let Ok(entry) = serde_json::from_slice::<till_app::JournalLine>(line) {
                last = last.max(entry.at);
            }
        }
    }
    if last > now.saturating_add(60_000) {
        bad(
            "clock",
            "It is behind the last entry of the journal. Set the system's clock: receipts would \
             carry a time before the ones already given.",
        )
    } else if now < 1_767_225_600_000 {
        bad("clock", "It is before 2026. Set the system's clock.")
    } else {
        good("clock", "It is after the last entry of the journal.")
    }
}

fn printer(till: &Till) -> Finding {
    let setting = match till.shop() {
        Ok(shop) => shop.printer,
        Err(error) => return bad("printer", error.sentence()),
    };
    if setting == "none" {
        return good(
            "printer",
            "None is set up. Receipts are shown and written as PDF.",
        );
    }
    let Some(address) = setting.strip_prefix("tcp://") else {
        return good("printer", format!("{setting} needs no line."));
    };
    let address = if address.contains(':') {
        address.to_owned()
    } else {
        format!("{address}:9100")
    };
    let reached = std::net::ToSocketAddrs::to_socket_addrs(&address)
        .ok()
        .and_then(|mut found| found.next())
        .is_some_and(|at| {
            std::net::TcpStream::connect_timeout(&at, Duration::from_secs(3)).is_ok()
        });
    if reached {
        good("printer", format!("{setting} answers."))
    } else {
        bad(
            "printer",
            format!("{setting} does not answer. Look at its power, paper and cable."),
        )
    }
}

fn network(till: &Till) -> Finding {
    let base = till
        .stripe_setting()
        .ok()
        .flatten()
        .map_or_else(|| STRIPE_API.to_owned(), |setting| setting.api_base);
    let reached = crate::net::runtime().ok().and_then(|runtime| {
        let nobody = Arc::new(MemorySecrets::default());
        let transport = ReqwestTransport::new(&base, nobody).ok()?;
        Some(runtime.block_on(transport.probe()))
    });
    if reached == Some(true) {
        good("network", format!("{base} answers."))
    } else {
        bad(
            "network",
            format!(
                "{base} does not answer. Cash works as always, cards queue within the limits; \
                 what waits is sent when it answers."
            ),
        )
    }
}

/// Looks at everything, also after something was found.
pub(crate) fn run(folder: &Path) -> Done {
    let mut findings = vec![writable(folder), room(folder)];
    let mut connected = None;
    if folder.join("till.db").exists() {
        // One that is in use is not looked into: its holder is at work.
        let till = shop::open(folder)?;
        findings.push(match till.journal_verify() {
            Ok(head) => good(
                "journal",
                format!("{} entries, and the chain verifies.", head.entries),
            ),
            Err(error) => bad("journal", error.sentence()),
        });
        findings.push(clock(&till));
        findings.push(printer(&till));
        findings.push(network(&till));
        connected = till.stripe_setting()?;
    } else {
        findings.push(bad(
            "shop",
            "There is none in this folder. Make one with: till init",
        ));
    }
    findings.push(keyring(folder, connected.as_ref()));
    let all = findings.iter().all(|f| f.ok);
    let text = findings
        .iter()
        .map(|f| {
            format!(
                "{}  {:<8} {}",
                if f.ok { "OK" } else { "!!" },
                f.what,
                f.says
            )
        })
        .collect::<Vec<_>>()
        .join("\n");
    let mut answer = Answer::new(&findings, text)?;
    if !all {
        answer.exit = exit::REFUSED;
    }
    Ok(answer)
}
