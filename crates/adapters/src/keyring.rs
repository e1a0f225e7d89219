//! Where the Stripe key is kept.
//!
//! Invariants:
//! - there is no fall-back to a file: without a keyring there is no key;
//! - an error never carries the bytes of a secret.

use std::sync::{Mutex, PoisonError};

use ::keyring::{Entry, Error};
use secrecy::{ExposeSecret, SecretString};
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
    /// The entry `evertill` of one shop.
    #[must_use]
    pub fn new(shop_id: impl Into<String>) -> Self {
        Self {
            service: "evertill".into(),
            account: shop_id.into(),
        }
    }

    fn entry(&self) -> Result<Entry, SecretError> {
        Entry::new(&self.service, &self.account).map_err(refused)
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
