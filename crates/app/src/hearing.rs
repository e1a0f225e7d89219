//! Webhooks: an event that Stripe sends of itself, acted on as one that was asked for.
//!
//! Invariants:
//! - nothing of a body is read before one of the secrets has signed it, lately;
//! - what the event names is fetched and believed, not what it says;
//! - it is taken once what was fetched is written down; what the journal says already
//!   costs no request, and a repeated event changes nothing.

use serde_json::Value;
use till_store::StoredRequest;
use till_sync::events::{Polling, told};
use till_sync::reconcile::{Taken, Unread};
use till_sync::transport::Answer;
use till_sync::webhook::{NotStripes, verify};

use crate::asking::{Known, count_reads, learn, worth};
use crate::error::{AppError, ErrorCode};
use crate::{Till, shop};

/// An event that is being looked into.
#[derive(Debug)]
pub struct Hearing {
    polling: Polling,
    known: Known,
}

impl Hearing {
    /// The next request; `None` when all is read.
    #[must_use]
    pub fn ask(&self) -> Option<StoredRequest> {
        self.polling.ask()
    }

    /// Takes in what came back.
    ///
    /// # Errors
    /// [`ErrorCode::Offline`], [`ErrorCode::StripeKeyRefused`]: Stripe sends the event
    /// again.
    pub fn told(&mut self, answer: &Answer) -> Result<(), AppError> {
        match self.polling.take(answer, |_| true) {
            Taken::GoOn => Ok(()),
            Taken::Stop(Unread::Unauthorised) => Err(ErrorCode::StripeKeyRefused.into()),
            Taken::Again { .. } | Taken::Stop(Unread::Unreachable | Unread::Unreadable) => {
                Err(ErrorCode::Offline.into())
            }
        }
    }
}

impl Till {
    /// Begins to look into what a webhook says, once it is known to be Stripe's. `None`:
    /// it is about nothing of this till's, or the journal says so already.
    ///
    /// # Errors
    /// What the store says; inside, why it is not Stripe's.
    pub fn hear(
        &self,
        secrets: &[&str],
        signature: &str,
        body: &[u8],
    ) -> Result<Result<Option<Hearing>, NotStripes>, AppError> {
        let now = self.now();
        if let Err(why) = verify(secrets, signature, body, now) {
            return Ok(Err(why));
        }
        let event: Option<Value> = serde_json::from_slice(body).ok();
        let Some(told) = event.as_ref().and_then(told) else {
            return Ok(Ok(None));
        };
        let known = self.store()?.read(Known::read)?;
        Ok(Ok(worth(&known, &told).then(|| Hearing {
            polling: Polling::of(told, now),
            known,
        })))
    }

    /// Writes down what was fetched; true where it was news.
    ///
    /// # Errors
    /// What the store says.
    pub fn heard(&self, hearing: Hearing) -> Result<bool, AppError> {
        let now = self.now();
        let Hearing { polling, known } = hearing;
        let reads = polling.reads();
        self.store()?.write(|tx| {
            let shop = shop(tx)?;
            let mut news = false;
            for found in polling.found() {
                news |= learn(tx, &shop, &known, found, now)?;
            }
            count_reads(tx, reads, now)?;
            Ok(news)
        })
    }
}
