//! Where the Stripe key is kept.
//!
//! Invariants:
//! - there is no fall-back to a file: without a keyring there is no key;
//! - a key is found only by a till that is connected to the account and the mode it was
//!   kept for;
//! - an error never carries the bytes of a secret.

use std::path::{Path, absolute};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use ::keyring::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};
use till_app::StripeSetting;
use till_app::ports::{SecretError, SecretStore};

/// The operating system's keyring: Secret Service, Keychain, Credential Manager.
///
/// Every call blocks, for as long as a person takes to unlock the keyring where
/// the system asks: call it from a blocking thread, never from an async one.
///
/// A locked keyring may read as if it held nothing. So `None` means "no key that
/// can be had now", and nothing may be made in its place before a write went well.
/// Whether there is a keyring is found out once a process: one that is started
/// later is seen at the till's next start.
#[derive(Debug, Clone)]
pub struct OsKeyring {
    service: String,
    account: String,
}

impl OsKeyring {
    fn new(account: impl Into<String>) -> Self {
        Self {
            service: "evertill".into(),
            account: account.into(),
        }
    }

    /// The key of the account that the shop in `folder` is connected to. For another
    /// account, or the other mode of this one, it is another entry: after a backup of
    /// earlier is put back, after half a connecting, and after one whose key was kept
    /// nowhere, nothing is sent with a key that the shop's own words do not name.
    #[must_use]
    pub fn of_account(folder: &Path, setting: &StripeSetting) -> Self {
        let mode = if setting.livemode { "live" } else { "test" };
        Self::new(format!("{} {} {mode}", shop(folder), setting.account))
    }

    /// The secret that the webhooks of the shop in `folder` are signed with.
    #[must_use]
    pub fn of_webhooks(folder: &Path) -> Self {
        Self::new(format!("{} (webhooks)", shop(folder)))
    }

    fn entry(&self) -> Result<Entry, SecretError> {
        Entry::new(&self.service, &self.account).map_err(refused)
    }
}

/// A folder is a shop, however it is spelled.
fn shop(folder: &Path) -> String {
    let folder = folder
        .canonicalize()
        .or_else(|_| absolute(folder))
        .unwrap_or_else(|_| folder.to_owned());
    folder.display().to_string()
}

/// The keyring's entry is not a key that the till wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the keyring's entry cannot be read")]
struct UnreadableEntry;

fn refused(error: Error) -> SecretError {
    if matches!(error, Error::NoDefaultStore) {
        SecretError::NoKeyring
    } else if matches!(error, Error::BadEncoding(_) | Error::BadDataFormat(..)) {
        // These carry the secret's own bytes.
        SecretError::Refused(Box::new(UnreadableEntry))
    } else {
        SecretError::Refused(Box::new(error))
    }
}

impl SecretStore for OsKeyring {
    fn stripe_key(&self) -> Result<Option<SecretString>, SecretError> {
        match self.entry()?.get_password() {
            Ok(key) => Ok(Some(key.into())),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }

    fn set_stripe_key(&self, key: &SecretString) -> Result<(), SecretError> {
        self.entry()?
            .set_password(key.expose_secret())
            .map_err(refused)
    }
}

/// Keeps the key as long as the process lives: stand-ins, training, tests.
#[derive(Debug, Default)]
pub struct MemorySecrets {
    key: Mutex<Option<SecretString>>,
}

impl MemorySecrets {
    /// Holds `key`.
    #[must_use]
    pub fn with_stripe_key(key: impl Into<SecretString>) -> Self {
        Self {
            key: Mutex::new(Some(key.into())),
        }
    }
}

impl SecretStore for MemorySecrets {
    fn stripe_key(&self) -> Result<Option<SecretString>, SecretError> {
        Ok(self
            .key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone())
    }

    fn set_stripe_key(&self, key: &SecretString) -> Result<(), SecretError> {
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Some(key.clone());
        Ok(())
    }
}

/// No key, until it is known where the shop's is kept: the shop itself says to which
/// account it is connected.
#[allow(missing_debug_implementations, reason = "a port, which has none")]
pub struct LateSecrets(RwLock<Arc<dyn SecretStore>>);

impl Default for LateSecrets {
    fn default() -> Self {
        Self(RwLock::new(Arc::new(MemorySecrets::default())))
    }
}

impl LateSecrets {
    /// It is kept there.
    pub fn set(&self, secrets: impl SecretStore + 'static) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(secrets);
    }

    fn get(&self) -> Arc<dyn SecretStore> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl SecretStore for LateSecrets {
    fn stripe_key(&self) -> Result<Option<SecretString>, SecretError> {
        self.get().stripe_key()
    }

    fn set_stripe_key(&self, key: &SecretString) -> Result<(), SecretError> {
        self.get().set_stripe_key(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_account_and_mode_and_of_a_folder_however_it_is_spelled() {
        let folder = tempfile::tempdir().unwrap();
        let setting = |account: &str, livemode| StripeSetting {
            api_base: String::new(),
            account: account.into(),
            livemode,
        };
        let name = |folder: &Path, account, livemode| {
            OsKeyring::of_account(folder, &setting(account, livemode)).account
        };
        let test = name(folder.path(), "acct_1", false);
        assert_eq!(test, name(&folder.path().join("."), "acct_1", false));
        let slash = format!("{}/", folder.path().display());
        assert_eq!(test, name(slash.as_ref(), "acct_1", false));
        let others = [
            name(folder.path(), "acct_1", true),
            name(folder.path(), "acct_2", false),
            name(&folder.path().join("other"), "acct_1", false),
            OsKeyring::of_webhooks(folder.path()).account,
        ];
        assert!(!others.contains(&test), "{others:?}");
    }

    #[test]
    fn a_key_in_memory_is_not_in_debug_output() {
        let secrets = MemorySecrets::default();
        assert!(secrets.stripe_key().unwrap().is_none());
        secrets.set_stripe_key(&"sk_test_topsecret".into()).unwrap();
        let key = secrets.stripe_key().unwrap().unwrap();
        assert_eq!(key.expose_secret(), "sk_test_topsecret");
        assert!(!format!("{secrets:?}").contains("topsecret"));
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_not_in_the_error() {
        let error = refused(Error::BadEncoding(b"sk_live_\xFF".to_vec()));
        assert_eq!(format!("{error:?}"), "Refused(UnreadableEntry)", "{error}");
    }

    /// With a bus and an unlocked keyring: set and get. Without a bus: no keyring.
    #[test]
    fn the_keyring_keeps_a_key_or_says_that_there_is_none() {
        let account = format!("test-{}", std::process::id());
        let secrets = OsKeyring::new(&account);
        if std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_none() {
            println!("skipped: set and get of the system's keyring (no D-Bus session)");
            if cfg!(target_os = "linux") {
                assert!(matches!(secrets.stripe_key(), Err(SecretError::NoKeyring)));
            }
            return;
        }
        assert!(secrets.stripe_key().unwrap().is_none());
        secrets.set_stripe_key(&"rk_test_1".into()).unwrap();
        secrets.set_stripe_key(&"rk_test_2".into()).unwrap();
        let key = secrets.stripe_key().unwrap().unwrap();
        assert_eq!(key.expose_secret(), "rk_test_2");
        let other = OsKeyring::new(format!("{account}-other"));
        assert!(other.stripe_key().unwrap().is_none());
        Entry::new("evertill", &account)
            .unwrap()
            .delete_credential()
            .unwrap();
        assert!(secrets.stripe_key().unwrap().is_none());
    }
}
