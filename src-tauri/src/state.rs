//! The one value that commands share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use till_adapters::LateSecrets;
use till_app::Till;
use till_app::auth::Session;
use till_app::error::{AppError, ErrorCode};
use till_app::view::CommandError;
use tokio::sync::Notify;

use crate::line::{LatePrinter, Line};
use crate::log::locked;

/// What a command answers.
pub(crate) type Answer<T> = Result<T, CommandError>;

/// A till, who is signed in at it, and its line to Stripe.
pub(crate) struct Shell {
    pub(crate) till: Arc<Till>,
    pub(crate) line: Arc<Line>,
    pub(crate) secrets: Arc<LateSecrets>,
    pub(crate) printer: Arc<LatePrinter>,
    /// Something in the window's pill may read otherwise now.
    pub(crate) changed: Arc<Notify>,
    session: Mutex<Option<Session>>,
    /// The loop to Stripe runs.
    joined: AtomicBool,
}

impl Shell {
    pub(crate) fn new(
        till: Arc<Till>,
        secrets: Arc<LateSecrets>,
        printer: Arc<LatePrinter>,
    ) -> Self {
        let changed = Arc::new(Notify::new());
        Self {
            line: Arc::new(Line::new(Arc::clone(&till), Arc::clone(&changed))),
            till,
            secrets,
            printer,
            changed,
            session: Mutex::new(None),
            joined: AtomicBool::new(false),
        }
    }

    /// Asks the till on a thread that may wait for the disk.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Till) -> Result<T, AppError> + Send + 'static,
    ) -> Answer<T> {
        let till = Arc::clone(&self.till);
        tauri::async_runtime::spawn_blocking(move || {
            what(&till).map_err(|error| told(&till, &error))
        })
        .await
        .unwrap_or_else(|_| {
            Err(told(
                &self.till,
                &AppError::internal("a command did not end"),
            ))
        })
    }

    /// The same, for what only somebody who is signed in may do.
    pub(crate) async fn act<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Till, &Session) -> Result<T, AppError> + Send + 'static,
    ) -> Answer<T> {
        let Some(session) = self.session() else {
            return Err(told(&self.till, &ErrorCode::NotSignedIn.into()));
        };
        self.ask(move |till| what(till, &session)).await
    }

    /// The same, for what may give Stripe something to do.
    pub(crate) async fn act_and_send<T: Send + 'static>(
        &self,
        what: impl FnOnce(&Till, &Session) -> Result<T, AppError> + Send + 'static,
    ) -> Answer<T> {
        let answer = self.act(what).await;
        // Also after a refusal: it may have taken something back out.
        self.line.wake();
        self.changed.notify_one();
        answer
    }

    pub(crate) fn session(&self) -> Option<Session> {
        locked(&self.session).clone()
    }

    pub(crate) fn set_session(&self, session: Option<Session>) {
        *locked(&self.session) = session;
    }

    /// True the first time.
    pub(crate) fn joins_now(&self) -> bool {
        !self.joined.swap(true, Ordering::SeqCst)
    }
}

/// An error as the window is told it; a fault of ours is in the log.
fn told(till: &Till, error: &AppError) -> CommandError {
    let told = till.command_error(error);
    if told.code == ErrorCode::Internal {
        tracing::error!(%error, "a command failed");
    }
    told
}
