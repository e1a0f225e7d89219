//! Who may do what: PINs, sessions, approvals.
//!
//! Invariants:
//! - a PIN is kept as argon2id alone, and is in no log, view or error;
//! - five wrong PINs lock a person for five minutes, whoever asks;
//! - a [`Session`] and an [`Approval`] can be had by a right PIN alone.

use argon2::password_hash::{PasswordHash, SaltString, rand_core::OsRng};
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use till_domain::catalog::{Role, User};
use till_domain::ids::{Timestamp, UserId};
use till_domain::journal::{JournalEvent, StaffChange};
use till_domain::sale::Approval;
use till_store::{Tx, UserRow};

use crate::Till;
use crate::error::{AppError, ErrorCode};
use crate::guard::{check_note, check_text};
use crate::view::ApprovalInput;

/// Wrong PINs before a person is locked.
pub const TRIES: u32 = 5;
/// How long a person is locked.
pub const LOCK_MS: i64 = 5 * 60_000;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Session {
    user: User,
}

impl Session {
    /// Who.
    #[must_use]
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// Nobody but a manager goes on.
    pub(crate) fn must_manage(&self) -> Result<(), AppError> {
        if self.user.role.may_approve() {
            Ok(())
        } else {
            Err(ErrorCode::NeedsManager.into())
        }
    }
}

/// Argon2id with a salt of its own.
pub(crate) fn hash_pin(pin: &str) -> Result<String, AppError> {
    if !(4..=12).contains(&pin.len()) || !pin.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AppError::refused(
            ErrorCode::BadText,
            "a PIN is 4 to 12 digits",
        ));
    }
    Argon2::default()
        .hash_password(pin.as_bytes(), &SaltString::generate(&mut OsRng))
        .map(|hash| hash.to_string())
        .map_err(|_| AppError::internal("a PIN could not be hashed"))
}

impl Till {
    /// Signs somebody in.
    ///
    /// # Errors
    /// [`AppError::Pin`] with the tries left, or until when the PIN is locked.
    pub fn sign_in(&self, user: UserId, pin: &str) -> Result<Session, AppError> {
        Ok(Session {
            user: self.check_pin(user, pin)?,
        })
    }

    /// A manager's yes to one act.
    ///
    /// # Errors
    /// As [`Till::sign_in`]; [`ErrorCode::NeedsManager`] from anyone else.
    pub fn approve(&self, input: &ApprovalInput) -> Result<Approval, AppError> {
        let id = input
            .user
            .parse()
            .map(UserId)
            .map_err(|_| ErrorCode::NotFound)?;
        let reason = check_note(&input.reason, 200)?;
        let user = self.check_pin(id, &input.pin)?;
        if !user.role.may_approve() {
            return Err(ErrorCode::NeedsManager.into());
        }
        Ok(Approval {
            by: user.id,
            reason: reason.to_owned(),
        })
    }

    /// A manager's yes to one act: typed on the spot, or that of who is signed in.
    /// None where nobody of them is a manager.
    ///
    /// # Errors
    /// As [`Till::approve`].
    pub(crate) fn managers_yes(
        &self,
        session: &Session,
        approval: Option<&ApprovalInput>,
    ) -> Result<Option<Approval>, AppError> {
        let own = || Approval {
            by: session.user().id,
            reason: String::new(),
        };
        match approval {
            Some(input) => self.approve(input).map(Some),
            None => Ok(session.user().role.may_approve().then(own)),
        }
    }

    /// Everybody of the staff, those too who may not sign in.
    ///
    /// # Errors
    /// What the store says.
    pub fn staff(&self) -> Result<Vec<UserRow>, AppError> {
        Ok(self.store()?.read(|tx| tx.users())?)
    }

    /// Adds somebody to the staff. Only an owner adds an owner.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; a name that is taken, or a name or PIN that
    /// cannot be.
    pub fn add_user(
        &self,
        session: &Session,
        name: &str,
        role: Role,
        pin: &str,
    ) -> Result<UserId, AppError> {
        may_change(session, role)?;
        check_text(name, 80)?;
        let name = name.trim().to_owned();
        // Outside the lock: a PIN's hash is slow on purpose.
        let hash = hash_pin(pin)?;
        let id = UserId(self.new_id());
        let now = self.now();
        self.store()?.write(|tx| {
            let taken = |u: &UserRow| u.user.name.to_lowercase() == name.to_lowercase();
            if tx.users()?.iter().any(taken) {
                return Err(AppError::refused(
                    ErrorCode::BadText,
                    format!("somebody here is called {name} already"),
                ));
            }
            tx.add_user(&User { id, name, role }, &hash)?;
            journal(tx, id, StaffChange::Added(role), session, now)?;
            Ok(id)
        })
    }

    /// Gives somebody another PIN: a manager to anybody, anybody to themselves. Only
    /// an owner gives one to another owner. A lock is opened by it.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`], [`ErrorCode::NotFound`], or a PIN that cannot be.
    pub fn set_pin(&self, session: &Session, user: UserId, pin: &str) -> Result<(), AppError> {
        let hash = hash_pin(pin)?;
        self.change_user(session, user, StaffChange::Pin, |tx, id| {
            tx.set_pin(id, &hash)
        })
    }

    /// Lets somebody sign in no more, or again. Nobody shuts themselves out.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`], [`ErrorCode::NotFound`].
    pub fn set_user_enabled(
        &self,
        session: &Session,
        user: UserId,
        enabled: bool,
    ) -> Result<(), AppError> {
        if user == session.user().id {
            return Err(AppError::refused(
                ErrorCode::NeedsManager,
                "another manager does that",
            ));
        }
        let change = if enabled {
            StaffChange::Enabled
        } else {
            StaffChange::Disabled
        };
        self.change_user(session, user, change, |tx, id| {
            tx.set_disabled(id, !enabled)
        })
    }

    fn change_user(
        &self,
        session: &Session,
        id: UserId,
        change: StaffChange,
        work: impl FnOnce(&Tx<'_>, UserId) -> till_store::Result<()>,
    ) -> Result<(), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let users = tx.users()?;
            let row = users.iter().find(|u| u.user.id == id);
            let role = row.ok_or(ErrorCode::NotFound)?.user.role;
            if id != session.user().id {
                may_change(session, role)?;
            }
            work(tx, id)?;
            journal(tx, id, change, session, now)
        })
    }

    fn check_pin(&self, id: UserId, pin: &str) -> Result<User, AppError> {
        let now = self.now();
        let secrets = self
            .store()?
            .read(|tx| tx.user_secrets(id))?
            .ok_or(ErrorCode::NotFound)?;
        if let Some(until) = secrets.locked_until.filter(|until| *until > now) {
            return Err(AppError::Pin {
                tries_left: 0,
                locked_until: Some(until),
            });
        }
        // Outside the lock: a PIN takes tens of milliseconds, and selling goes on.
        let right = PasswordHash::new(&secrets.pin_hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(pin.as_bytes(), &hash)
                .is_ok()
        });
        self.store()?
            .write(|tx| {
                // Read again: another window may have guessed meanwhile.
                let secrets = tx.user_secrets(id)?.ok_or(ErrorCode::NotFound)?;
                let locked = secrets.locked_until.filter(|until| *until > now);
                if let Some(until) = locked {
                    return Ok(Err(pin_error(0, Some(until))));
                }
                if right {
                    if secrets.wrong_pins > 0 || secrets.locked_until.is_some() {
                        tx.set_wrong_pins(id, 0, None)?;
                    }
                    return Ok(Ok(secrets.user));
                }
                // A lock that has run out starts the count again.
                let before = if secrets.locked_until.is_some() {
                    0
                } else {
                    secrets.wrong_pins
                };
                let wrong = before + 1;
                let until = (wrong >= TRIES).then(|| now.plus_ms(LOCK_MS));
                tx.set_wrong_pins(id, if until.is_some() { 0 } else { wrong }, until)?;
                tx.append(
                    JournalEvent::PinRefused {
                        user: id,
                        locked: until.is_some(),
                    },
                    now,
                )?;
                Ok(Err(pin_error(TRIES.saturating_sub(wrong), until)))
            })
            .and_then(|checked: Result<User, AppError>| checked)
    }
}

/// A manager's PIN and the reason, for what may cost the shop the money.
///
/// # Errors
/// [`ErrorCode::NeedsManager`]; [`ErrorCode::NeedsReason`].
pub(crate) fn with_reason(yes: Option<&Approval>) -> Result<&Approval, AppError> {
    let yes = yes.ok_or(ErrorCode::NeedsManager)?;
    if yes.reason.is_empty() {
        return Err(ErrorCode::NeedsReason.into());
    }
    Ok(yes)
}

/// A manager changes the staff, an owner the owners.
fn may_change(session: &Session, role: Role) -> Result<(), AppError> {
    let mine = session.user().role;
    if mine.may_approve() && mine >= role {
        Ok(())
    } else {
        Err(ErrorCode::NeedsManager.into())
    }
}

fn journal(
    tx: &Tx<'_>,
    user: UserId,
    change: StaffChange,
    session: &Session,
    now: Timestamp,
) -> Result<(), AppError> {
    tx.append(
        JournalEvent::StaffChanged {
            user,
            change,
            by: session.user().id,
        },
        now,
    )?;
    Ok(())
}

const fn pin_error(tries_left: u32, locked_until: Option<Timestamp>) -> AppError {
    AppError::Pin {
        tries_left,
        locked_until,
    }
}
