//! What the window is told unasked: `till-changed`, with the connection pill.

use std::sync::Arc;

use tauri::{AppHandle, Emitter};

use crate::state::Shell;

/// The name that the window listens for.
pub(crate) const TILL_CHANGED: &str = "till-changed";

/// Tells the window whenever something may have changed. Changes that come while
/// one is being told are told once.
pub(crate) async fn tell(app: AppHandle, shell: Arc<Shell>) {
    loop {
        shell.changed.notified().await;
        match shell.ask(till_app::Till::connection).await {
            Ok(connection) => {
                if let Err(error) = app.emit(TILL_CHANGED, connection) {
                    tracing::warn!(%error, "the window was not told");
                }
            }
            // There is no shop yet, or the till has said what is wrong already.
            Err(error) => tracing::debug!(code = ?error.code, "nothing to tell the window"),
        }
    }
}
