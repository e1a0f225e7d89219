//! Webhooks over loopback: what Stripe's own `stripe listen --forward-to` sends now, and
//! a head office later.
//!
//! Invariants:
//! - only this machine is listened to: the socket is bound to 127.0.0.1;
//! - nothing of a body is read before its signature is right;
//! - 200 is said once what the event names is written down, or was known; whatever else
//!   is said, Stripe sends the event again;
//! - a request is small and quick, or it is refused: a stranger holds nothing up.
//!
//! Sources: Stripe docs, "Receive Stripe events in your webhook endpoint"; RFC 9112.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use till_app::Till;
use till_app::error::AppError;
use till_sync::transport::StripeTransport;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// An event's object and what is around it stays far below this.
const BODY_MAX: usize = 256 * 1024;
const HEAD_MAX: usize = 16 * 1024;
/// How long a request may take to come, and an event to be looked up.
const READ_MAX: Duration = Duration::from_secs(10);
/// Requests at once: the rest wait in the system's own queue.
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
    async fn hear(&self, signature: String, body: Vec<u8>) -> Status {
        match self.look_into(signature, body).await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, "a webhook is to come again");
                Status::Later
            }
        }
    }

    async fn look_into(&self, signature: String, body: Vec<u8>) -> Result<Status, AppError> {
        let (till, secrets) = (Arc::clone(&self.till), self.secrets.clone());
        let hearing = blocking(move || {
            let secrets: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
            till.hear(&secrets, &signature, &body)
        })
        .await?;
        let mut hearing = match hearing {
            Err(why) => {
                tracing::info!(?why, "a webhook that is not Stripe's");
                return Ok(Status::Bad);
            }
            Ok(None) => return Ok(Status::Ok),
            Ok(Some(hearing)) => hearing,
        };
        while let Some(request) = hearing.ask() {
            hearing.told(&self.wire.send(&request).await)?;
        }
        let till = Arc::clone(&self.till);
        blocking(move || till.heard(hearing)).await?;
        Ok(Status::Ok)
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
    pub async fn serve(self, ear: Arc<Ear<impl StripeTransport + 'static>>) {
        let room = Arc::new(Semaphore::new(AT_ONCE));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else {
                return;
            };
            let stream = match self.socket.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors, most often: it passes.
                    tracing::warn!(%error, "no connection was taken");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    continue;
                }
            };
            let ear = Arc::clone(&ear);
            tokio::spawn(async move {
                if let Err(error) = answer(stream, &*ear).await {
                    tracing::debug!(%error, "a webhook was not answered");
                }
                drop(permit);
            });
        }
    }
}

/// One request, and the end of its connection.
async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    ear: &Ear<impl StripeTransport + 'static>,
) -> io::Result<()> {
    let status = match tokio::time::timeout(READ_MAX, read(&mut stream)).await {
        Err(_) => Status::Slow,
        Ok(Err(error)) => return Err(error),
        Ok(Ok(Read::Refused(status))) => status,
        Ok(Ok(Read::Webhook { signature, body })) => ear.hear(signature, body).await,
    };
    let line = status.line();
    let reply = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    stream.write_all(reply.as_bytes()).await?;
    stream.shutdown().await
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Ok,
    Bad,
    NoWay,
    Slow,
    NoLength,
    TooLarge,
    Later,
}

impl Status {
    const fn line(self) -> &'static str {
        match self {
            Self::Ok => "200 OK",
            Self::Bad => "400 Bad Request",
            Self::NoWay => "405 Method Not Allowed",
            Self::Slow => "408 Request Timeout",
            Self::NoLength => "411 Length Required",
            Self::TooLarge => "413 Content Too Large",
            Self::Later => "503 Service Unavailable",
        }
    }
}

#[derive(Debug)]
enum Read {
    Webhook { signature: String, body: Vec<u8> },
    Refused(Status),
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Read> {
    let mut taken = Vec::with_capacity(4 * 1024);
    let head_ends = loop {
        if let Some(at) = taken.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if taken.len() > HEAD_MAX {
            return Ok(Read::Refused(Status::TooLarge));
        }
        let mut part = [0; 4 * 1024];
        let got = stream.read(&mut part).await?;
        let Some(got) = part.get(..got).filter(|got| !got.is_empty()) else {
            return Ok(Read::Refused(Status::Bad));
        };
        taken.extend_from_slice(got);
    };
    let mut body = taken.split_off(head_ends + 4);
    taken.truncate(head_ends);
    let Ok(head) = String::from_utf8(taken) else {
        return Ok(Read::Refused(Status::Bad));
    };
    let (length, signature) = match wanted(&head) {
        Ok(wanted) => wanted,
        Err(status) => return Ok(Read::Refused(status)),
    };
    if body.len() > length {
        return Ok(Read::Refused(Status::Bad));
    }
    let had = body.len();
    body.resize(length, 0);
    let Some(rest) = body.get_mut(had..) else {
        return Ok(Read::Refused(Status::Bad));
    };
    match stream.read_exact(rest).await {
        Ok(_) => Ok(Read::Webhook { signature, body }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Read::Refused(Status::Bad))
        }
        Err(error) => Err(error),
    }
}

/// How long the body is, and its signature.
fn wanted(head: &str) -> Result<(usize, String), Status> {
    let mut lines = head.split("\r\n");
    let mut request = lines.next().unwrap_or_default().split(' ');
    let (method, _, version) = (request.next(), request.next(), request.next());
    if !version.is_some_and(|v| v.starts_with("HTTP/1.")) || request.next().is_some() {
        return Err(Status::Bad);
    }
    if method != Some("POST") {
        return Err(Status::NoWay);
    }
    let (mut length, mut signature) = (None, None);
    for line in lines {
        let (name, value) = line.split_once(':').ok_or(Status::Bad)?;
        let place = match name.to_ascii_lowercase().as_str() {
            "content-length" => &mut length,
            "stripe-signature" => &mut signature,
            // Two ways to say where a body ends are one too many.
            "transfer-encoding" => return Err(Status::NoLength),
            _ => continue,
        };
        if place.replace(value.trim()).is_some() {
            return Err(Status::Bad);
        }
    }
    let length = length.ok_or(Status::NoLength)?;
    if !length.bytes().all(|b| b.is_ascii_digit()) {
        return Err(Status::Bad);
    }
    match length.parse::<usize>() {
        Ok(length) if length <= BODY_MAX => Ok((length, signature.unwrap_or_default().to_owned())),
        Ok(_) | Err(_) => Err(Status::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_of(request: &str) -> Result<(String, Vec<u8>), Status> {
        let (mut near, mut far) = tokio::io::duplex(64 * 1024);
        near.write_all(request.as_bytes()).await.unwrap();
        near.shutdown().await.unwrap();
        match read(&mut far).await.unwrap() {
            Read::Webhook { signature, body } => Ok((signature, body)),
            Read::Refused(status) => Err(status),
        }
    }

    #[tokio::test]
    async fn a_request_is_read_or_refused_by_name() {
        let good = "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\
                    stripe-signature: t=1,v1=00\r\n\r\n{}";
        let webhook = |signature: &str| Ok((signature.to_owned(), b"{}".to_vec()));
        let head = |lines: &str| format!("POST / HTTP/1.1\r\n{lines}\r\n\r\n");
        for (name, request, expected) in [
            ("good", good.to_owned(), webhook("t=1,v1=00")),
            (
                "no signature",
                good.replace("stripe-signature", "x"),
                webhook(""),
            ),
            ("a look", good.replace("POST", "GET"), Err(Status::NoWay)),
            ("no HTTP", "hello\r\n\r\n".into(), Err(Status::Bad)),
            ("nothing", String::new(), Err(Status::Bad)),
            ("no length", head("Host: a"), Err(Status::NoLength)),
            (
                "chunked",
                head("Transfer-Encoding: chunked"),
                Err(Status::NoLength),
            ),
            (
                "two lengths",
                head("Content-Length: 2\r\nContent-Length: 3"),
                Err(Status::Bad),
            ),
            (
                "a length below nothing",
                head("Content-Length: -2"),
                Err(Status::Bad),
            ),
            (
                "too large",
                head("Content-Length: 262145"),
                Err(Status::TooLarge),
            ),
            (
                "larger than any",
                head("Content-Length: 99999999999999999999999"),
                Err(Status::TooLarge),
            ),
            (
                "a head without an end",
                format!("POST / HTTP/1.1\r\nx: {}", "y".repeat(20_000)),
                Err(Status::TooLarge),
            ),
            (
                "cut short",
                good.replace("Length: 2", "Length: 9"),
                Err(Status::Bad),
            ),
            (
                "longer than said",
                good.replace("Length: 2", "Length: 1"),
                Err(Status::Bad),
            ),
        ] {
            assert_eq!(read_of(&request).await, expected, "{name}");
        }
    }
}
