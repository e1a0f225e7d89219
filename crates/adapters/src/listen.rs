//! Webhooks over loopback: what Stripe's own `stripe listen --forward-to` sends now, and
//! a head office later.
//!
//! Invariants:
//! - only this machine is listened to: the socket is bound to 127.0.0.1;
//! - nothing of a body is read before its signature is right;
//! - 200 is said once what the event names is written down, or was known; whatever else
//!   is said, Stripe sends the event again;
//! - a body is small and comes quickly, or it is refused: a stranger holds nothing up.
//!
//! Source: Stripe docs, "Receive Stripe events in your webhook endpoint".

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::State;
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::post;
use secrecy::{ExposeSecret, SecretString};
use till_app::Till;
use till_app::error::AppError;
use till_sync::transport::StripeTransport;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// An event's object and what is around it stays far below this.
const BODY_MAX: usize = 256 * 1024;
/// How long a body may take to come.
const READ_MAX: Duration = Duration::from_secs(10);
/// Looked into at once; the rest wait.
const AT_ONCE: usize = 8;

/// Acts on webhooks: a till, the way to its Stripe, and the endpoint's secrets.
#[allow(missing_debug_implementations, reason = "it holds secrets")]
pub struct Ear<W> {
    /// The till.
    pub till: Arc<Till>,
    /// The way to Stripe: what an event names is fetched.
    pub wire: Arc<W>,
    /// Any of them may have signed; two while one is being replaced.
    pub secrets: Vec<SecretString>,
}

impl<W: StripeTransport + 'static> Ear<W> {
    async fn hear(&self, signature: String, body: Vec<u8>) -> StatusCode {
        match self.look_into(signature, body).await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, "a webhook is to come again");
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    async fn look_into(&self, signature: String, body: Vec<u8>) -> Result<StatusCode, AppError> {
        let (till, secrets) = (Arc::clone(&self.till), self.secrets.clone());
        let hearing = blocking(move || {
            let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
            till.hear(&secrets, &signature, &body)
        })
        .await?;
        let mut hearing = match hearing {
            Err(why) => {
                tracing::info!(?why, "a webhook that is not Stripe's");
                return Ok(StatusCode::BAD_REQUEST);
            }
            Ok(None) => return Ok(StatusCode::OK),
            Ok(Some(hearing)) => hearing,
        };
        while let Some(request) = hearing.ask() {
            hearing.told(&self.wire.send(&request).await)?;
        }
        let till = Arc::clone(&self.till);
        blocking(move || till.heard(hearing)).await?;
        Ok(StatusCode::OK)
    }
}

/// What waits for the disk, on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(AppError::internal("a webhook was not looked into")))
}

/// A listener on 127.0.0.1.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Listens on a port of this machine; 0 for any that is free.
    ///
    /// # Errors
    /// What the system says.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let socket = TcpListener::bind(at).await?;
        Ok(Self { socket })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// What the system says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Answers for as long as it is awaited.
    ///
    /// # Errors
    /// What the system says.
    pub async fn serve<W: StripeTransport + 'static>(self, ear: Arc<Ear<W>>) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let heard = post(answer::<W>).with_state((ear, room));
        let all = Router::new().fallback_service(heard);
        axum::serve(self.socket, all.layer(map_response(one_each))).await
    }
}

/// One request on a connection: none is held open by somebody who sends nothing.
async fn one_each(mut reply: Response) -> Response {
    let close = HeaderValue::from_static("close");
    reply.headers_mut().insert(CONNECTION, close);
    reply
}

async fn answer<W: StripeTransport + 'static>(
    State((ear, room)): State<(Arc<Ear<W>>, Arc<Semaphore>)>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let said = body.size_hint().lower();
    if usize::try_from(said).map_or(true, |said| said > BODY_MAX) {
        return StatusCode::PAYLOAD_TOO_LARGE;
    }
    let body = match tokio::time::timeout(READ_MAX, to_bytes(body, BODY_MAX)).await {
        Ok(Ok(body)) => body,
        // Larger than it said, or cut short.
        Ok(Err(_)) => return StatusCode::BAD_REQUEST,
        Err(_) => return StatusCode::REQUEST_TIMEOUT,
    };
    let signature = headers.get("stripe-signature");
    let signature = signature.and_then(|s| s.to_str().ok()).unwrap_or_default();
    let Ok(_room) = room.acquire().await else {
        return StatusCode::SERVICE_UNAVAILABLE;
    };
    ear.hear(signature.to_owned(), body.to_vec()).await
}
