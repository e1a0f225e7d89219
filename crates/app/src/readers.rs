//! The shop's card readers: where they stand, which there are, and which is this
//! till's.
//!
//! Invariants:
//! - a manager registers, chooses and forgets, and the journal says so;
//! - what is asked of Stripe for it is on disk with its key until it is answered, and
//!   goes by the same way as all that is asked beside the outbox ([`Till::ask`]);
//! - readers are of one Stripe account: those of another are not driven.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use till_domain::ids::{Timestamp, UserId};
use till_domain::journal::{JournalEvent, SettingChange};
use till_store::{StoredRequest, Tx};
use till_sync::readers::{Errand, ListedReader, Place, Told, request, told};
use till_sync::transport::Answer;

use crate::auth::Session;
use crate::error::{AppError, ErrorCode};
use crate::figures::local;
use crate::guard::{check_note, check_text, no_card};
use crate::view::{PlaceInput, ReaderView, ReadersView};
use crate::{Shop, StripeSetting, Till, shop};

/// The setting `readers`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct Readers {
    /// `acct_…` that they are of.
    account: String,
    location: Option<String>,
    listed: Vec<ListedReader>,
    listed_at: Option<Timestamp>,
    chosen: Option<String>,
    forgotten: BTreeSet<String>,
    /// To be done at Stripe, in order.
    errands: Vec<ToDo>,
    /// Numbers the keys.
    count: u64,
    problem: Option<String>,
}

/// Something to be done at Stripe.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct ToDo {
    what: Errand,
    key: String,
    by: Option<UserId>,
}

impl Readers {
    /// As they are kept; none of another account's.
    fn load(tx: &Tx<'_>) -> Result<Self, AppError> {
        let account = tx
            .setting::<StripeSetting>("stripe")?
            .map(|s| s.account)
            .unwrap_or_default();
        let kept: Self = tx.setting("readers")?.unwrap_or_default();
        Ok(if kept.account == account {
            kept
        } else {
            Self {
                account,
                count: kept.count,
                ..Self::default()
            }
        })
    }

    fn save(&self, tx: &Tx<'_>) -> Result<(), AppError> {
        Ok(tx.set_setting("readers", self)?)
    }

    fn shown(&self) -> impl Iterator<Item = &ListedReader> {
        let shown = |r: &&ListedReader| !self.forgotten.contains(&r.id);
        self.listed.iter().filter(shown)
    }

    fn find(&self, id: &str) -> Option<&ListedReader> {
        self.shown().find(|r| r.id == id)
    }

    /// Puts an errand last, with a key of its own.
    fn want(&mut self, shop: &Shop, what: Errand, by: Option<UserId>, now: Timestamp) {
        self.count = self.count.saturating_add(1);
        let key = format!("till-{}:reader:{}:{}", shop.till, now.0, self.count);
        self.errands.push(ToDo { what, key, by });
        self.problem = None;
    }

    fn list(&mut self, shop: &Shop, now: Timestamp) {
        let location = self.location.clone();
        self.want(shop, Errand::List { location }, None, now);
    }
}

/// This till's reader.
pub(crate) fn chosen(tx: &Tx<'_>) -> Result<Option<ListedReader>, AppError> {
    let readers = Readers::load(tx)?;
    let chosen = readers.chosen.as_deref();
    Ok(chosen.and_then(|id| readers.find(id)).cloned())
}

/// A reader of the shop.
pub(crate) fn known(tx: &Tx<'_>, id: &str) -> Result<Option<ListedReader>, AppError> {
    Ok(Readers::load(tx)?.find(id).cloned())
}

/// This till's reader, where the shop has readers at all.
pub(crate) fn offered(tx: &Tx<'_>) -> Result<Option<Option<ListedReader>>, AppError> {
    let some = Readers::load(tx)?.shown().next().is_some();
    Ok(if some { Some(chosen(tx)?) } else { None })
}

/// "Stripe S700" for `stripe_s700`.
fn device_words(device: &str) -> String {
    let plain = device.trim_start_matches("simulated_");
    let name = match plain {
        "stripe_s700" => "Stripe S700",
        "stripe_s710" => "Stripe S710",
        "bbpos_wisepos_e" | "wisepos_e" => "WisePOS E",
        "verifone_P400" => "Verifone P400",
        other => other,
    };
    if plain == device {
        name.to_owned()
    } else {
        format!("{name}, simulated")
    }
}

/// Where the shop is, as far as its printed address says.
fn place_of(shop: &Shop) -> PlaceInput {
    let country = shop.locale.rsplit('-').next().unwrap_or_default();
    let country = if country.len() == 2 { country } else { "" };
    let last = match shop.address.as_slice() {
        [_, .., last] => last.as_str(),
        [_] | [] => "",
    };
    // "3511 AB Utrecht": the words behind the last one with a digit or in capitals.
    let words: Vec<&str> = last.split_whitespace().collect();
    let is_code = |word: &&str| {
        word.chars().any(|c| c.is_ascii_digit())
            || word.len() <= 3 && word.chars().all(|c| c.is_ascii_uppercase())
    };
    let code: Vec<&str> = words.iter().copied().take_while(is_code).collect();
    let city: Vec<&str> = words.iter().copied().skip(code.len()).collect();
    PlaceInput {
        line1: shop.address.first().cloned().unwrap_or_default(),
        city: city.join(" "),
        postal_code: code.join(" "),
        state: String::new(),
        country: country.to_uppercase(),
    }
}

fn changed(
    tx: &Tx<'_>,
    setting: &str,
    from: Option<String>,
    to: Option<String>,
    by: UserId,
    now: Timestamp,
) -> Result<(), AppError> {
    if from == to {
        return Ok(());
    }
    let changes = vec![SettingChange {
        setting: setting.to_owned(),
        from,
        to,
    }];
    tx.append(JournalEvent::SettingsChanged { changes, by }, now)?;
    Ok(())
}

/// A sentence for what Stripe refuses about readers.
fn problem(code: &str) -> String {
    match code {
        "invalid_registration_code" | "terminal_reader_registration_code_invalid" => {
            "Nothing was changed. Stripe does not know this code: read it off the reader again, it changes."
                .to_owned()
        }
        "resource_missing" => {
            "Nothing was changed. Stripe does not know the shop's location. Make it again.".to_owned()
        }
        code => format!("Nothing was changed. Stripe refused it: {code}."),
    }
}

impl Till {
    /// The shop's card readers.
    ///
    /// # Errors
    /// What the store says.
    pub fn readers(&self) -> Result<ReadersView, AppError> {
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let readers = Readers::load(tx)?;
            let working = readers.errands.first().map(|todo| {
                match todo.what {
                    Errand::List { .. } => "Asking Stripe for the readers.",
                    Errand::Locate(_) => "Telling Stripe where the shop is.",
                    Errand::Register { .. } => "Registering the reader at Stripe.",
                }
                .to_owned()
            });
            Ok(ReadersView {
                readers: readers
                    .shown()
                    .map(|r| ReaderView {
                        id: r.id.clone(),
                        label: r.label.clone(),
                        device: device_words(&r.device),
                        online: r.online,
                        chosen: readers.chosen.as_ref() == Some(&r.id),
                    })
                    .collect(),
                location: readers.location.clone(),
                place: place_of(&shop),
                listed_at: readers.listed_at.map(|t| local(&shop, t)),
                working,
                problem: readers.problem.clone(),
                tips: shop.reader_tips,
            })
        })
    }

    /// The reader that this till's cards go to.
    ///
    /// # Errors
    /// What the store says.
    pub fn chosen_reader(&self) -> Result<Option<ReaderView>, AppError> {
        let readers = self.readers()?.readers;
        Ok(readers.into_iter().find(|r| r.chosen))
    }

    /// Asks Stripe which readers there are; [`Till::ask`] carries it.
    ///
    /// # Errors
    /// [`ErrorCode::Offline`], and what the store says.
    pub fn readers_look(&self) -> Result<ReadersView, AppError> {
        self.errand(|_, shop, readers, now| {
            let looking = |todo: &ToDo| matches!(todo.what, Errand::List { .. });
            if !readers.errands.iter().any(looking) {
                readers.list(shop, now);
            }
            Ok(())
        })
    }

    /// Tells Stripe where the shop is, so that readers can be registered there.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::AlreadyDone`] where there is a
    /// location; [`ErrorCode::Offline`]; [`ErrorCode::BadText`].
    pub fn readers_place(
        &self,
        session: &Session,
        place: &PlaceInput,
    ) -> Result<ReadersView, AppError> {
        session.must_manage()?;
        for text in [
            &place.line1,
            &place.city,
            &place.postal_code,
            &place.state,
            &place.country,
        ] {
            check_note(text, 80)?;
        }
        let country = place.country.trim().to_uppercase();
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(AppError::refused(
                ErrorCode::BadText,
                "a country is two letters, such as NL",
            ));
        }
        self.errand(|_, shop, readers, now| {
            let locating = |todo: &ToDo| matches!(todo.what, Errand::Locate(_));
            if readers.location.is_some() || readers.errands.iter().any(locating) {
                return Err(ErrorCode::AlreadyDone.into());
            }
            let what = Errand::Locate(Place {
                name: shop.name.clone(),
                line1: place.line1.trim().to_owned(),
                city: place.city.trim().to_owned(),
                postal_code: place.postal_code.trim().to_owned(),
                state: place.state.trim().to_owned(),
                country,
            });
            readers.want(shop, what, Some(session.user().id), now);
            Ok(())
        })
    }

    /// Takes a location that Stripe has already for the shop's.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::BadText`] for what is no location's
    /// id.
    pub fn readers_at(&self, session: &Session, location: &str) -> Result<ReadersView, AppError> {
        session.must_manage()?;
        no_card(location)?;
        let location = location.trim();
        let plain = |id: &str| id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !location.strip_prefix("tml_").is_some_and(plain) || location.len() > 60 {
            return Err(AppError::refused(
                ErrorCode::BadText,
                "a location's id begins with tml_",
            ));
        }
        self.errand(|tx, shop, readers, now| {
            let from = readers.location.replace(location.to_owned());
            let to = readers.location.clone();
            changed(tx, "readers.location", from, to, session.user().id, now)?;
            readers.list(shop, now);
            Ok(())
        })
    }

    /// Registers a reader by the code on its screen.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::NotNow`] without a location;
    /// [`ErrorCode::Offline`]; [`ErrorCode::BadText`].
    pub fn reader_register(
        &self,
        session: &Session,
        code: &str,
        label: &str,
    ) -> Result<ReadersView, AppError> {
        session.must_manage()?;
        check_text(code, 60)?;
        check_text(label, 60)?;
        self.errand(|_, shop, readers, now| {
            let location = readers.location.clone();
            let location = location.ok_or_else(|| {
                AppError::refused(
                    ErrorCode::NotNow,
                    "Stripe is to be told first where the shop is",
                )
            })?;
            let what = Errand::Register {
                code: code.trim().to_owned(),
                label: label.trim().to_owned(),
                location,
            };
            readers.want(shop, what, Some(session.user().id), now);
            Ok(())
        })
    }

    /// Sends this till's cards to a reader.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::NotFound`].
    pub fn reader_use(&self, session: &Session, reader: &str) -> Result<ReadersView, AppError> {
        session.must_manage()?;
        self.keep_readers(|tx, readers, now| {
            if !readers.listed.iter().any(|r| r.id == reader) {
                return Err(ErrorCode::NotFound.into());
            }
            readers.forgotten.remove(reader);
            let from = readers.chosen.replace(reader.to_owned());
            let to = readers.chosen.clone();
            changed(tx, "readers.chosen", from, to, session.user().id, now)
        })
    }

    /// Whether readers ask the customer for a tip: the setting `reader_tips`.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`].
    pub fn readers_tips(&self, session: &Session, on: bool) -> Result<ReadersView, AppError> {
        let set = if on {
            "reader_tips = true"
        } else {
            "reader_tips = false"
        };
        self.set_settings(session, "readers", set)?;
        self.readers()
    }

    /// Forgets a reader here. At Stripe it stays registered; to choose it takes it up
    /// again.
    ///
    /// # Errors
    /// [`ErrorCode::NeedsManager`]; [`ErrorCode::NotFound`].
    pub fn reader_forget(&self, session: &Session, reader: &str) -> Result<ReadersView, AppError> {
        session.must_manage()?;
        self.keep_readers(|tx, readers, now| {
            if readers.find(reader).is_none() {
                return Err(ErrorCode::NotFound.into());
            }
            readers.forgotten.insert(reader.to_owned());
            let from = readers.chosen.take_if(|id| id == reader);
            changed(tx, "readers.chosen", from, None, session.user().id, now)
        })
    }

    fn keep_readers(
        &self,
        change: impl FnOnce(&Tx<'_>, &mut Readers, Timestamp) -> Result<(), AppError>,
    ) -> Result<ReadersView, AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            let mut readers = Readers::load(tx)?;
            change(tx, &mut readers, now)?;
            readers.save(tx)
        })?;
        self.readers()
    }

    /// Something that Stripe must be asked, while it can be.
    fn errand(
        &self,
        change: impl FnOnce(&Tx<'_>, &Shop, &mut Readers, Timestamp) -> Result<(), AppError>,
    ) -> Result<ReadersView, AppError> {
        if !self.is_online() {
            return Err(ErrorCode::Offline.into());
        }
        self.keep_readers(|tx, readers, now| change(tx, &shop(tx)?, readers, now))
    }

    /// What is to be asked of Stripe about readers.
    pub(crate) fn readers_ask(&self) -> Result<Option<StoredRequest>, AppError> {
        let first = self.store()?.read(|tx| {
            if tx.setting::<Shop>("shop")?.is_none() {
                return Ok::<_, AppError>(None);
            }
            Ok(Readers::load(tx)?.errands.into_iter().next())
        })?;
        Ok(first.map(|todo| request(&todo.what, &todo.key)))
    }

    /// Takes in what came back. Gives how long to wait before it is asked again.
    pub(crate) fn readers_told(&self, answer: &Answer) -> Result<i64, AppError> {
        let now = self.now();
        let mut wait_ms = 0;
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let mut readers = Readers::load(tx)?;
            let Some(todo) = readers.errands.first().cloned() else {
                return Ok(());
            };
            let told = told(&todo.what, answer);
            let done = match told {
                Told::Again { after_ms } => {
                    wait_ms = after_ms;
                    false
                }
                // Asked again under its key; whoever waits for it is told why.
                Told::Lost => {
                    wait_ms = 2_000;
                    readers.problem = Some(ErrorCode::Offline.sentence().to_owned());
                    false
                }
                Told::Unauthorised => {
                    readers.problem = Some(ErrorCode::StripeKeyRefused.sentence().to_owned());
                    true
                }
                Told::Refused { code } => {
                    readers.problem = Some(problem(&code));
                    true
                }
                Told::Listed(list) => {
                    readers.listed = list;
                    readers.listed_at = Some(now);
                    readers.problem = None;
                    true
                }
                Told::Located(id) => {
                    let from = readers.location.replace(id.clone());
                    if let Some(by) = todo.by {
                        changed(tx, "readers.location", from, Some(id), by, now)?;
                    }
                    readers.problem = None;
                    true
                }
                Told::Registered(reader) => {
                    let label = reader.label.clone();
                    readers.forgotten.remove(&reader.id);
                    readers.listed.retain(|r| r.id != reader.id);
                    if let Some(by) = todo.by {
                        let setting = format!("readers.{}", reader.id);
                        changed(tx, &setting, None, Some(label), by, now)?;
                        // The first one is this till's.
                        if readers.chosen.is_none() {
                            let to = Some(reader.id.clone());
                            changed(tx, "readers.chosen", None, to.clone(), by, now)?;
                            readers.chosen = to;
                        }
                    }
                    readers.listed.push(reader);
                    readers.list(&shop, now);
                    true
                }
            };
            if done && !readers.errands.is_empty() {
                readers.errands.remove(0);
            }
            readers.save(tx)
        })?;
        Ok(wait_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_called_by_their_names() {
        for (device, expected) in [
            ("stripe_s700", "Stripe S700"),
            ("bbpos_wisepos_e", "WisePOS E"),
            ("simulated_wisepos_e", "WisePOS E, simulated"),
            ("something_new", "something_new"),
        ] {
            assert_eq!(device_words(device), expected);
        }
    }
}
