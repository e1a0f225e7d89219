//! The line to Stripe: what is known of it, and the outbox's next step.
//!
//! The till is online when a probe reached Stripe, whatever the operating system
//! thinks, and when nobody has switched it off to practise.

use till_domain::charge::{ChargeState, RefundState};
use till_domain::ids::Timestamp;
use till_domain::journal::JournalEvent;
use till_store::Tx;
use till_sync::machine::DELAY_MAX_MS;
use till_sync::phases::{self, Claim, Claimed, Recorded};
use till_sync::request::stripe_factor;
use till_sync::retry;
use till_sync::transport::Answer;

use crate::asking::{count_reads, needs_a_person};
use crate::error::{AppError, ErrorCode};
use crate::figures::{local, money};
use crate::outbox::exposure;
use crate::reconcile::with_tip;
use crate::sale::drop_canceled;
use crate::view::{ConnectionView, StripeView};
use crate::{Till, shop};

/// What is known of the line. Not on disk: a start finds out anew.
#[derive(Debug, Clone, Default)]
pub struct Line {
    reachable: bool,
    forced_offline: bool,
    offline_since: Option<Timestamp>,
    paused: Option<ErrorCode>,
    not_before: Option<Timestamp>,
    sending: bool,
    /// Entries that waited when the send began.
    began_with: u32,
}

/// The setting `stripe`: which account the outbox belongs to. Never the key.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StripeSetting {
    /// Where Stripe is.
    pub api_base: String,
    /// `acct_…`.
    pub account: String,
    /// Real money.
    pub livemode: bool,
}

/// A queue belongs to one account and one mode. What waits in a till that was never
/// connected belongs to whichever account comes first, in the mode that its screen and
/// its receipts said: practice is not charged real money, nor a sale practice money.
fn may_join(tx: &Tx<'_>, setting: &StripeSetting) -> Result<(), AppError> {
    let before: Option<StripeSetting> = tx.setting("stripe")?;
    let same = match &before {
        Some(before) => before.account == setting.account && before.livemode == setting.livemode,
        None => setting.livemode != shop(tx)?.test_mode,
    };
    let waits = tx.outbox_waiting_count()? > 0 || !tx.card_tasks_waiting()?.is_empty();
    if !same && waits {
        return Err(ErrorCode::StripeAccountDiffers.into());
    }
    Ok(())
}

impl Till {
    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        // Plain values: whatever a panicking thread left in it is as good as new.
        self.line
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Card tenders are charged at once: Stripe was reached and may be asked.
    #[must_use]
    pub fn is_online(&self) -> bool {
        let line = self.line();
        line.reachable && !line.forced_offline && line.paused.is_none()
    }

    /// Requests may go out now.
    #[must_use]
    pub fn may_send(&self) -> bool {
        !self.is_stopped() && self.slow_until().is_none()
    }

    /// Offline on purpose, or a person must look first.
    fn is_stopped(&self) -> bool {
        let line = self.line();
        line.forced_offline || line.paused.is_some()
    }

    /// Stripe asked the whole queue to slow down, and nothing else is in the way:
    /// nothing goes out before this.
    #[must_use]
    pub fn slow_until(&self) -> Option<Timestamp> {
        if self.is_stopped() {
            return None;
        }
        let now = self.now();
        // Further off than anything is put off: the clock was set back since.
        let waits = |t: &Timestamp| *t > now && t.ms_since(now) <= DELAY_MAX_MS;
        self.line().not_before.filter(waits)
    }

    /// What a probe or a send found.
    pub fn set_reachable(&self, reachable: bool) {
        let now = self.now();
        let mut line = self.line();
        line.reachable = reachable;
        line.offline_since = if reachable && !line.forced_offline {
            None
        } else {
            line.offline_since.or(Some(now))
        };
    }

    /// Goes offline on purpose, or back.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_forced_offline(&self, offline: bool) -> Result<ConnectionView, AppError> {
        let now = self.now();
        {
            let mut line = self.line();
            line.forced_offline = offline;
            line.offline_since = if offline || !line.reachable {
                line.offline_since.or(Some(now))
            } else {
                None
            };
        }
        if !offline {
            self.hurry()?;
        }
        self.connection()
    }

    /// Offline on purpose.
    #[must_use]
    pub fn is_forced_offline(&self) -> bool {
        self.line().forced_offline
    }

    /// What is missing to send with. A key that Stripe refused stays refused until
    /// somebody has looked.
    pub fn set_key_missing(&self, why: Option<ErrorCode>) {
        let mut line = self.line();
        if line.paused != Some(ErrorCode::StripeKeyRefused) {
            line.paused = why;
        }
    }

    /// The till's time.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.now()
    }

    /// Why nothing can be sent although the network is there; `None` to go on.
    pub fn set_paused(&self, why: Option<ErrorCode>) {
        self.line().paused = why;
    }

    /// A send begins or ends: what the progress is counted from.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_sending(&self, sending: bool) -> Result<(), AppError> {
        let waiting = self.store()?.read(|tx| tx.outbox_waiting_count())?;
        let mut line = self.line();
        if sending && !line.sending {
            line.began_with = waiting;
        }
        line.sending = sending;
        Ok(())
    }

    /// Per cent of the send that is done.
    pub(crate) fn progress(&self, waiting: u32) -> Option<u32> {
        let line = self.line();
        (line.sending && line.began_with > 0).then(|| {
            let done = line.began_with.saturating_sub(waiting);
            done.saturating_mul(100) / line.began_with
        })
    }

    /// Makes everything that waits due now.
    ///
    /// # Errors
    /// What the store says.
    pub fn hurry(&self) -> Result<(), AppError> {
        let now = self.now();
        self.line().not_before = None;
        self.store()?.write(|tx| tx.outbox_hurry(now))?;
        Ok(())
    }

    /// The connection pill.
    ///
    /// # Errors
    /// What the store says.
    pub fn connection(&self) -> Result<ConnectionView, AppError> {
        let now = self.now();
        let line = self.line().clone();
        self.store()?.read(|tx| {
            let shop = shop(tx)?;
            let at_risk = exposure(tx, &shop)?;
            let (_, charges) = tx.charges_open_count()?;
            let shift = tx.current_shift()?;
            let cases = tx.stripe_cases()?.into_iter();
            let cases = cases.filter(|case| needs_a_person(case, shift)).count();
            let need = charges
                .saturating_add(tx.open_parts_count(false)?)
                .saturating_add(u32::try_from(cases).unwrap_or(u32::MAX));
            Ok(ConnectionView {
                online: line.reachable && !line.forced_offline && line.paused.is_none(),
                forced_offline: line.forced_offline,
                offline_since: line.offline_since.map(|t| local(&shop, t)),
                waiting: tx.outbox_waiting_count()?,
                at_risk: money(at_risk.amount),
                need_a_person: need,
                oldest_at: at_risk.oldest_at.map(|t| local(&shop, t)),
                too_old: at_risk.oldest_at.is_some_and(|t| {
                    now.ms_since(t) >= i64::from(shop.limits.oldest_hours).saturating_mul(3_600_000)
                }),
                sending: line.sending,
                paused: line.paused.map(|code| code.sentence().to_owned()),
            })
        })
    }

    pub(crate) fn offline_since(&self) -> Option<Timestamp> {
        self.line().offline_since
    }

    /// Takes the entry that has been due longest.
    ///
    /// # Errors
    /// What the store says.
    pub fn claim(&self) -> Result<Claimed, AppError> {
        let kept = self.unrecorded().clone();
        for (claim, answer) in &kept {
            self.record(claim, answer)?;
        }
        let now = self.now();
        let online = self.is_online();
        self.store()?.write(|tx| {
            // While nothing can be sent a case stays one that a person can decide.
            while online && retry::begin(tx, now)? {}
            let claimed = phases::claim(tx, now)?;
            if matches!(claimed, Claimed::Decided) {
                drop_canceled(tx, now)?;
            }
            Ok(claimed)
        })
    }

    fn unrecorded(&self) -> std::sync::MutexGuard<'_, Vec<(Claim, Answer)>> {
        self.unrecorded
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Writes down what came back. An answer that the disk does not take is kept, and
    /// written down before anything else is claimed.
    ///
    /// # Errors
    /// What the store says.
    pub fn record(&self, claim: &Claim, answer: &Answer) -> Result<Recorded, AppError> {
        let now = self.now();
        let recorded = self.store().and_then(|mut store| {
            store.write(|tx| {
                let recorded = phases::record(tx, claim, answer, now)?;
                crate::cards::learn_gone(tx, claim, answer, now)?;
                drop_canceled(tx, now)?;
                if claim.request.method == "GET" && matches!(answer, Answer::Http(_)) {
                    count_reads(tx, 1, now)?;
                }
                retry::plan(
                    tx,
                    claim.id,
                    || Ok::<_, AppError>(shop(tx)?.retry_after_hours),
                    now,
                )?;
                Ok::<_, AppError>(recorded)
            })
        });
        let mut kept = self.unrecorded();
        kept.retain(|(other, _)| other.id != claim.id);
        if recorded.is_err() {
            kept.push((claim.clone(), answer.clone()));
        }
        drop(kept);
        let recorded = recorded?;
        if recorded.pause {
            self.set_paused(Some(ErrorCode::StripeKeyRefused));
        }
        if let Some(ms) = recorded.slow_ms {
            self.line().not_before = Some(now.plus_ms(ms));
        }
        if recorded.unreachable {
            self.set_reachable(false);
        } else if matches!(answer, Answer::Http(_)) {
            self.set_reachable(true);
        }
        Ok(recorded)
    }

    /// Which account the outbox belongs to.
    ///
    /// # Errors
    /// What the store says.
    pub fn stripe_setting(&self) -> Result<Option<StripeSetting>, AppError> {
        Ok(self.store()?.read(|tx| tx.setting("stripe"))?)
    }

    /// Whether the till may be joined to an account: with charges waiting, another
    /// account or mode is refused.
    ///
    /// # Errors
    /// [`ErrorCode::StripeAccountDiffers`], and what the store says.
    pub fn may_join_stripe(&self, setting: &StripeSetting) -> Result<(), AppError> {
        self.store()?.read(|tx| may_join(tx, setting))
    }

    /// Joins the till to an account whose key Stripe has just accepted.
    ///
    /// # Errors
    /// As [`Till::may_join_stripe`].
    pub fn join_stripe(&self, setting: &StripeSetting) -> Result<(), AppError> {
        let now = self.now();
        self.store()?.write(|tx| {
            may_join(tx, setting)?;
            let before: Option<StripeSetting> = tx.setting("stripe")?;
            tx.set_setting("stripe", setting)?;
            let mut facts = shop(tx)?;
            facts.test_mode = !setting.livemode;
            tx.set_setting("shop", &facts)?;
            if before.as_ref() != Some(setting) {
                tx.forget_retries()?;
                tx.append(
                    JournalEvent::StripeConnected {
                        account: setting.account.clone(),
                        livemode: setting.livemode,
                    },
                    now,
                )?;
            }
            Ok::<_, AppError>(())
        })?;
        self.set_paused(None);
        Ok(())
    }

    /// What is known of Stripe here.
    ///
    /// # Errors
    /// What the store says.
    pub fn stripe_status(&self) -> Result<StripeView, AppError> {
        let setting = self.stripe_setting()?;
        let (connected, says) = match (self.ports.secrets.stripe_key(), &setting) {
            (Err(_), _) => (false, ErrorCode::KeyringMissing.sentence().to_owned()),
            (Ok(Some(_)), Some(s)) if s.livemode => {
                (true, "Connected. Cards are charged real money.".to_owned())
            }
            (Ok(Some(_)), Some(_)) => (
                true,
                "Connected in test mode. No real money moves.".to_owned(),
            ),
            (Ok(_), _) => (false, ErrorCode::StripeNotConnected.sentence().to_owned()),
        };
        Ok(StripeView {
            connected,
            account: setting.as_ref().map(|s| s.account.clone()),
            livemode: setting.is_some_and(|s| s.livemode),
            says,
        })
    }
}

/// Card money as the journal has it, by tender, in Stripe's minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CardBooks {
    /// Charged.
    pub charged: std::collections::BTreeMap<String, i64>,
    /// Given back.
    pub refunded: std::collections::BTreeMap<String, i64>,
}

impl Till {
    /// What the journal says that Stripe collected and gave back.
    ///
    /// # Errors
    /// What the store says.
    pub fn card_books(&self) -> Result<CardBooks, AppError> {
        self.store()?.read(|tx| {
            let factor = stripe_factor(shop(tx)?.currency());
            let mut books = CardBooks::default();
            for charge in tx.all_charges()? {
                if charge.state == ChargeState::Succeeded {
                    books
                        .charged
                        .insert(charge.tender.to_string(), with_tip(&charge) * factor);
                }
            }
            for part in tx.all_stripe_parts()? {
                let given = match part.state {
                    RefundState::Succeeded | RefundState::Pending => true,
                    // Stripe has it, and waits for somebody to act.
                    RefundState::NeedsAttention => part.stripe_refund.is_some(),
                    RefundState::Queued
                    | RefundState::Sending
                    | RefundState::AtReader
                    | RefundState::Unknown
                    | RefundState::Failed
                    | RefundState::Canceled => false,
                };
                if let (Some(tender), true) = (part.tender, given) {
                    *books.refunded.entry(tender.to_string()).or_default() +=
                        part.amount_minor * factor;
                }
            }
            Ok(books)
        })
    }
}
