//! The stand-in on a socket.
//!
//! Invariant: a connection that is to be dropped or cut is dropped or cut by the
//! socket, so a client sees what a broken network would show it.

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderName, HeaderValue, Request as HttpRequest, Response, StatusCode};
use axum::serve::IncomingStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::wire::{Answer, Method, Reply, Request, Wire};
use crate::{FaultPlan, StandIn};

/// The longest body it reads; Stripe's own limit is not published.
const BODY_MAX: usize = 1 << 20;

/// Why the stand-in could not listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Something else listens there.
    #[error("port {port} is taken")]
    PortTaken {
        /// The port asked for.
        port: u16,
    },
    /// Anything else the system said.
    #[error("cannot listen on port {port}: {source}")]
    Io {
        /// The port asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
}

/// A stand-in that is listening. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stand_in: Arc<Mutex<StandIn>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<io::Result<()>>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a client calls it, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The stand-in itself, to script it and to ask it. Never hold the guard
    /// across an await: the server needs it to answer.
    pub fn lock(&self) -> MutexGuard<'_, StandIn> {
        lock(&self.stand_in)
    }

    /// Takes a new fault plan.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.lock().set_faults(plan);
    }

    /// Stops listening and waits until the open requests are answered.
    ///
    /// # Errors
    /// When the listener had failed meanwhile.
    pub async fn shut_down(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        match (&mut self.task).await {
            Ok(outcome) => outcome,
            Err(why) => Err(io::Error::other(why)),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.send_replace(true);
    }
}

fn lock(stand_in: &Mutex<StandIn>) -> MutexGuard<'_, StandIn> {
    // A test that failed while it held the lock left the books as they were.
    stand_in.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Listens on 127.0.0.1, on any free port for 0, and answers in a task.
///
/// # Errors
/// When the port is taken or cannot be had.
pub async fn bind(mut stand_in: StandIn, port: u16) -> Result<Server, BindError> {
    let failed = |source: io::Error| {
        if source.kind() == io::ErrorKind::AddrInUse {
            BindError::PortTaken { port }
        } else {
            BindError::Io { port, source }
        }
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    stand_in.serve_pages(&format!("http://{address}"));
    let stand_in = Arc::new(Mutex::new(stand_in));
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(run(Arc::clone(&stand_in), listener, stopped));
    Ok(Server {
        address,
        stand_in,
        stop,
        task,
    })
}

/// Answers on a listener until the task is dropped.
///
/// # Errors
/// When the listener fails.
pub async fn serve(stand_in: Arc<Mutex<StandIn>>, listener: TcpListener) -> io::Result<()> {
    let (_stop, stopped) = watch::channel(false);
    run(stand_in, listener, stopped).await
}

#[derive(Clone)]
struct Shared {
    stand_in: Arc<Mutex<StandIn>>,
    /// The keys of requests whose answers are still held back.
    in_flight: Arc<Mutex<BTreeSet<String>>>,
}

async fn run(
    stand_in: Arc<Mutex<StandIn>>,
    listener: TcpListener,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<()> {
    let shared = Shared {
        stand_in,
        in_flight: Arc::default(),
    };
    let router = Router::new().fallback(answer).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Cutter>();
    axum::serve(Listening(listener), service)
        .with_graceful_shutdown(async move {
            // An error means that nobody is left to stop it but the drop of the task.
            while !*stopped.borrow_and_update() {
                if stopped.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        })
        .await
}

/// The keys in flight, given back however the request ends.
struct InFlight {
    keys: Arc<Mutex<BTreeSet<String>>>,
    key: String,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.keys
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
    }
}

async fn answer(
    State(shared): State<Shared>,
    ConnectInfo(cutter): ConnectInfo<Cutter>,
    request: HttpRequest<Body>,
) -> Response<Body> {
    let Some(request) = read(request).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let key = match request.method {
        Method::Post => request.header_value("Idempotency-Key").map(str::to_owned),
        Method::Get | Method::Delete | Method::Other => None,
    };
    let mut held = None;
    let reply = match key {
        Some(key) if !claim(&shared.in_flight, &key) => lock(&shared.stand_in).in_use(),
        Some(key) => {
            held = Some(InFlight {
                keys: Arc::clone(&shared.in_flight),
                key,
            });
            lock(&shared.stand_in).handle(&request)
        }
        None => lock(&shared.stand_in).handle(&request),
    };
    if reply.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(reply.delay_ms)).await;
    }
    drop(held);
    send(reply, &cutter)
}

fn claim(keys: &Mutex<BTreeSet<String>>, key: &str) -> bool {
    keys.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key.to_owned())
}

async fn read(request: HttpRequest<Body>) -> Option<Request> {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, BODY_MAX).await.ok()?;
    let headers = head
        .headers
        .iter()
        .filter_map(|(name, value)| {
            Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
        })
        .collect();
    Some(Request {
        method: Method::parse(head.method.as_str()),
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: body.to_vec(),
    })
}

fn send(reply: Reply, cutter: &Cutter) -> Response<Body> {
    match reply.wire {
        Wire::Answer(answer) => response(answer),
        Wire::NoRoute | Wire::DropBeforeAct | Wire::DropAfterAct => {
            cutter.cut(Cut::Now);
            plain(StatusCode::OK)
        }
        Wire::Truncated { answer, sent } => {
            cutter.cut(Cut::Body {
                left: sent,
                head: Vec::new(),
            });
            response(answer)
        }
    }
}

fn response(answer: Answer) -> Response<Body> {
    let mut out = Response::new(Body::from(answer.body));
    *out.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(&value);
        if let (Ok(name), Ok(value)) = (name, value) {
            out.headers_mut().insert(name, value);
        }
    }
    out
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut out = Response::new(Body::empty());
    *out.status_mut() = status;
    out
}

/// Where a connection is to be cut.
#[derive(Debug, Default)]
enum Cut {
    #[default]
    Not,
    /// Before another byte.
    Now,
    /// After the head and so many bytes of the body.
    Body {
        left: usize,
        /// What has gone of a head not yet at its end.
        head: Vec<u8>,
    },
}

/// The handler's hand on the wire of its connection.
#[derive(Debug, Clone, Default)]
struct Cutter(Arc<Mutex<Cut>>);

impl Cutter {
    fn cut(&self, cut: Cut) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cut;
    }

    /// How many of these bytes may go; `None` if the wire is cut.
    fn allow(&self, bytes: &[u8]) -> Option<usize> {
        let mut cut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *cut {
            Cut::Not => Some(bytes.len()),
            Cut::Now => None,
            Cut::Body { left, head } => {
                const END: &[u8] = b"\r\n\r\n";
                if head.ends_with(END) {
                    return (*left > 0).then(|| bytes.len().min(*left));
                }
                // The end of the head may lie across two writes.
                let mut seen = head.clone();
                for (at, byte) in bytes.iter().enumerate() {
                    seen.push(*byte);
                    if seen.ends_with(END) {
                        return Some(at.saturating_add(1));
                    }
                }
                Some(bytes.len())
            }
        }
    }

    /// These bytes have gone.
    fn gone(&self, bytes: &[u8]) {
        let mut cut = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Cut::Body { left, head } = &mut *cut {
            if head.ends_with(b"\r\n\r\n") {
                *left = left.saturating_sub(bytes.len());
            } else {
                head.extend_from_slice(bytes);
            }
        }
    }
}

struct Listening(TcpListener);

impl axum::serve::Listener for Listening {
    type Io = Wired;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            match self.0.accept().await {
                Ok((stream, address)) => {
                    return (
                        Wired {
                            stream,
                            cutter: Cutter::default(),
                        },
                        address,
                    );
                }
                Err(why) => {
                    // Out of file handles, or gone before it was taken: wait, go on.
                    tracing::warn!(%why, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, Listening>> for Cutter {
    fn connect_info(stream: IncomingStream<'_, Listening>) -> Self {
        stream.io().cutter.clone()
    }
}

/// A connection that can be cut.
struct Wired {
    stream: TcpStream,
    cutter: Cutter,
}

impl AsyncRead for Wired {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wired {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let allowed = match this.cutter.allow(bytes) {
            Some(count) => bytes.get(..count).unwrap_or_default(),
            None => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
        };
        let written = Pin::new(&mut this.stream).poll_write(context, allowed);
        if let Poll::Ready(Ok(count)) = &written {
            this.cutter.gone(allowed.get(..*count).unwrap_or_default());
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
