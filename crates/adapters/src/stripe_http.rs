//! Requests to Stripe over HTTP.
//!
//! Invariants:
//! - a stored request is sent once for each [`send`](StripeTransport::send), as it
//!   is stored: nothing here repeats it, follows a redirect or changes a byte;
//! - [`Answer::Unreachable`] is given only where no byte of the request can have
//!   reached Stripe, and [`Answer::Http`] only for an answer whose end was seen;
//! - a live key never leaves over plain HTTP.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, Once, PoisonError};
use std::time::Duration;

use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER,
    TRANSFER_ENCODING,
};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response, Url, Version};
use secrecy::{ExposeSecret, SecretString};
use till_app::ports::{SecretError, SecretStore};
use till_store::StoredRequest;
use till_sync::request::API_VERSION;
use till_sync::transport::{Answer, HttpAnswer, StripeTransport};

/// Where Stripe is.
pub const STRIPE_API: &str = "https://api.stripe.com";

/// Nine tenths of what Stripe allows: 100 requests a second, 25 in test mode.
/// Source: <https://docs.stripe.com/rate-limits>.
const LIVE_PER_SECOND: u32 = 90;
const TEST_PER_SECOND: u32 = 22;

/// No answer of Stripe's is near this; what is larger is not read to its end.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why nothing can be sent.
#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    /// Not an address of a server, or one with more than a path after it.
    #[error("not the address of an API")]
    BadAddress,
    /// Plain HTTP to another machine.
    #[error("plain http is for this machine alone")]
    PlainHttp,
    /// A live key is not sent over plain HTTP, not even to this machine.
    #[error("a live key is not sent over plain http")]
    LiveKeyOverHttp,
    /// The system has no keyring.
    #[error("the system has no keyring")]
    NoKeyring,
    /// The keyring did not give the key.
    #[error("the keyring did not give the key")]
    Keyring(#[source] SecretError),
    /// No key was set, or the keyring is locked and reads as empty.
    #[error("no Stripe key is set")]
    NoKey,
    /// What is set as the key cannot be one.
    #[error("what is set is not a Stripe key")]
    BadKey,
    /// The HTTP client could not be made.
    #[error("no HTTP client")]
    Client(#[source] reqwest::Error),
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountFacts {
    /// `acct_…`.
    pub id: String,
    /// The key moves real money.
    pub livemode: bool,
}

/// Why the account is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// Stripe does not know the key, or the key may not ask.
    #[error("Stripe refused the key")]
    Refused,
    /// No whole answer came.
    #[error("Stripe cannot be reached")]
    Unreachable,
    /// The answer was not an account.
    #[error("Stripe's answer is not an account")]
    Unreadable,
    /// A live key is not sent over plain HTTP.
    #[error("a live key is not sent over plain http")]
    LiveKeyOverHttp,
}

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection.
    pub connect: Duration,
    /// For a whole answer.
    pub total: Duration,
    /// For [`ReqwestTransport::probe`].
    pub probe: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(30),
            probe: Duration::from_secs(3),
        }
    }
}

/// The key once it was read, and how often it was forgotten: a key that was being
/// read meanwhile is not kept.
#[derive(Default)]
struct Cached {
    key: Option<SecretString>,
    forgotten: u64,
}

/// Sends to one API, with one shop's key.
pub struct ReqwestTransport {
    client: Client,
    /// Keeps no connection, so that a probe measures the way there.
    prober: Client,
    base: String,
    plain_http: bool,
    loopback: bool,
    per_second: Option<u32>,
    secrets: Arc<dyn SecretStore>,
    cached: Mutex<Cached>,
    recorder: Option<Mutex<File>>,
}

impl std::fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReqwestTransport")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// Whether a key moves real money: `sk_live_…`, `rk_live_…`.
#[must_use]
pub fn is_live(key: &SecretString) -> bool {
    key.expose_secret().split('_').nth(1) == Some("live")
}

fn bearer(key: &SecretString) -> Option<HeaderValue> {
    let key = key.expose_secret();
    if key.is_empty() || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return None;
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The address without a `/` at its end, and whether it is plain HTTP.
fn checked(api_base: &str) -> Result<(String, bool), TransportError> {
    let url = Url::parse(api_base).map_err(|_| TransportError::BadAddress)?;
    let host = url.host_str().ok_or(TransportError::BadAddress)?;
    let more = url.query().is_some() || url.fragment().is_some();
    if more || !url.username().is_empty() || url.password().is_some() {
        return Err(TransportError::BadAddress);
    }
    let plain_http = match url.scheme() {
        "https" => false,
        "http" if is_loopback(host) => true,
        "http" => return Err(TransportError::PlainHttp),
        _ => return Err(TransportError::BadAddress),
    };
    Ok((url.as_str().trim_end_matches('/').to_owned(), plain_http))
}

fn is_loopback(host: &str) -> bool {
    let address = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn builder(loopback: bool, connect: Duration, total: Duration) -> ClientBuilder {
    let builder = Client::builder()
        .user_agent(concat!("Evertill/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        // Should another crate switch them on: a length is of the bytes that came.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(connect)
        .timeout(total)
        // A connection that the network left behind must not eat a minute of
        // requests before it is noticed.
        .pool_idle_timeout(Duration::from_secs(50))
        .http2_keep_alive_interval(Duration::from_secs(10))
        .http2_keep_alive_timeout(Duration::from_secs(5))
        .http2_keep_alive_while_idle(true);
    if loopback {
        builder.no_proxy()
    } else {
        builder
    }
}

impl ReqwestTransport {
    /// Sends to `api_base`: `https`, or `http` on this machine.
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn new(api_base: &str, secrets: Arc<dyn SecretStore>) -> Result<Self, TransportError> {
        Self::with_timeouts(api_base, secrets, Timeouts::default())
    }

    /// [`new`](Self::new) with other timeouts, for tests.
    ///
    /// # Errors
    /// [`TransportError`].
    pub fn with_timeouts(
        api_base: &str,
        secrets: Arc<dyn SecretStore>,
        timeouts: Timeouts,
    ) -> Result<Self, TransportError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Refused only where the process has chosen one before.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let (base, plain_http) = checked(api_base)?;
        let loopback = Url::parse(&base).is_ok_and(|u| u.host_str().is_some_and(is_loopback));
        Ok(Self {
            client: builder(loopback, timeouts.connect, timeouts.total)
                .build()
                .map_err(TransportError::Client)?,
            prober: builder(loopback, timeouts.probe, timeouts.probe)
                .pool_max_idle_per_host(0)
                .build()
                .map_err(TransportError::Client)?,
            base,
            plain_http,
            loopback,
            per_second: None,
            secrets,
            cached: Mutex::default(),
            recorder: None,
        })
    }

    /// Also appends `METHOD PATH<TAB>FORM` to a file for each request before it is
    /// sent, ids in the path as `{intent}`, for checking against Stripe's schemas.
    /// For tests: a form names the customer.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn with_recorder(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        self.recorder = Some(Mutex::new(file));
        Ok(self)
    }

    /// Another pace than Stripe's, for a server that has one of its own.
    #[must_use]
    pub const fn at_most(mut self, per_second: u32) -> Self {
        self.per_second = Some(per_second);
        self
    }

    /// The most requests in a second: what Stripe allows an account, less a tenth for
    /// whoever else uses it; a server on this machine has no limit. Ask once there is
    /// a key.
    #[must_use]
    pub fn per_second(&self) -> Option<u32> {
        if self.per_second.is_some() || self.loopback {
            return self.per_second;
        }
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let live = cached.key.as_ref().is_some_and(is_live);
        Some(if live {
            LIVE_PER_SECOND
        } else {
            TEST_PER_SECOND
        })
    }

    /// Whether there is a key to send with. Ask before anything is taken out of
    /// the outbox.
    ///
    /// # Errors
    /// [`TransportError`]: what is missing.
    pub async fn ready(&self) -> Result<(), TransportError> {
        self.key().await.map(drop)
    }

    /// Reads the key anew next time: another one was set, or Stripe refused it.
    pub fn forget_key(&self) {
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        cached.key = None;
        cached.forgotten += 1;
    }

    async fn key(&self) -> Result<HeaderValue, TransportError> {
        let (key, forgotten) = {
            let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
            (cached.key.clone(), cached.forgotten)
        };
        let key = match key {
            Some(key) => key,
            None => self.read_key(forgotten).await?,
        };
        if self.plain_http && is_live(&key) {
            return Err(TransportError::LiveKeyOverHttp);
        }
        bearer(&key).ok_or(TransportError::BadKey)
    }

    async fn read_key(&self, forgotten: u64) -> Result<SecretString, TransportError> {
        let secrets = Arc::clone(&self.secrets);
        let key = tokio::task::spawn_blocking(move || secrets.stripe_key())
            .await
            .map_err(|_| TransportError::NoKeyring)?
            .map_err(|error| match error {
                SecretError::NoKeyring => TransportError::NoKeyring,
                SecretError::Refused(_) => TransportError::Keyring(error),
            })?
            .ok_or(TransportError::NoKey)?;
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.forgotten == forgotten {
            cached.key = Some(key.clone());
        }
        Ok(key)
    }

    /// Whether the API can be reached: any answer at all. Sends no key.
    pub async fn probe(&self) -> bool {
        let url = format!("{}/", self.base);
        self.prober.head(url).send().await.is_ok()
    }

    /// Whose key `key` is. A restricted key without the right to read its account is
    /// [`UNNAMED_ACCOUNT`] unless Stripe's refusal names it.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn account(&self, key: &SecretString) -> Result<AccountFacts, AccountError> {
        if self.plain_http && is_live(key) {
            return Err(AccountError::LiveKeyOverHttp);
        }
        let bearer = bearer(key).ok_or(AccountError::Refused)?;
        let ask = |path: &str| {
            let request = self
                .client
                .get(format!("{}{path}", self.base))
                .header(AUTHORIZATION, bearer.clone())
                .header("Stripe-Version", API_VERSION);
            exchange(request)
        };
        let id = match answered(ask("/v1/account").await)? {
            http if (200..300).contains(&http.status) => {
                account_id(&http.body).ok_or(AccountError::Unreadable)?
            }
            // A restricted key may read PaymentIntents and not the account: it is
            // good when it can do what the till does.
            http if http.status == 403 => {
                let listed = answered(ask("/v1/payment_intents?limit=1").await)?;
                match listed.status {
                    200..300 => named_account(&http.body),
                    401 | 403 => return Err(AccountError::Refused),
                    _ => return Err(AccountError::Unreadable),
                }
            }
            http if http.status == 401 => return Err(AccountError::Refused),
            _ => return Err(AccountError::Unreadable),
        };
        Ok(AccountFacts {
            id,
            livemode: is_live(key),
        })
    }

    fn record(&self, request: &StoredRequest) {
        let Some(file) = &self.recorder else {
            return;
        };
        let (path, query) = split_query(&request.path);
        let form = match &request.body {
            Some(body) => String::from_utf8_lossy(body),
            None => query.into(),
        };
        let line = format!("{} {}\t{form}\n", request.method, template(path));
        let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = file.write_all(line.as_bytes()) {
            tracing::warn!(%error, "a request was not recorded");
        }
    }

    fn request(&self, request: &StoredRequest, bearer: HeaderValue) -> Option<RequestBuilder> {
        // What follows the host must not be able to change it.
        if !request.path.starts_with('/') {
            return None;
        }
        let method = Method::from_bytes(request.method.as_bytes()).ok()?;
        let mut builder = self
            .client
            .request(method, format!("{}{}", self.base, request.path))
            .header(AUTHORIZATION, bearer)
            .header("Stripe-Version", &request.api_version);
        if let Some(key) = &request.idempotency_key {
            builder = builder.header("Idempotency-Key", key);
        }
        if let Some(body) = &request.body {
            builder = builder
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body.clone());
        }
        Some(builder)
    }
}

impl StripeTransport for ReqwestTransport {
    async fn send(&self, request: &StoredRequest) -> Answer {
        let bearer = match self.key().await {
            Ok(bearer) => bearer,
            Err(error) => {
                tracing::warn!(%error, "nothing was sent");
                return Answer::Unreachable;
            }
        };
        let Some(builder) = self.request(request, bearer) else {
            tracing::error!(method = request.method, "a stored request cannot be sent");
            return Answer::Unreachable;
        };
        self.record(request);
        exchange(builder).await
    }
}

async fn exchange(request: RequestBuilder) -> Answer {
    match request.send().await {
        Ok(response) => match whole(response).await {
            Some(http) => Answer::Http(http),
            None => Answer::Lost,
        },
        Err(error) => {
            tracing::debug!(
                connect = error.is_connect(),
                timeout = error.is_timeout(),
                "no answer"
            );
            // Also a handshake that failed: a hotel's login page is not Stripe.
            if error.is_connect() || error.is_builder() {
                Answer::Unreachable
            } else {
                Answer::Lost
            }
        }
    }
}

/// The answer, if its end was seen.
async fn whole(mut response: Response) -> Option<HttpAnswer> {
    let headers = response.headers();
    // Such a body ends where the connection does, cut short or not.
    let open_ended = response.version() <= Version::HTTP_11
        && !headers.contains_key(CONTENT_LENGTH)
        && !headers.contains_key(TRANSFER_ENCODING);
    let mut http = HttpAnswer {
        status: response.status().as_u16(),
        request_id: text(headers, "request-id"),
        should_retry: text(headers, "stripe-should-retry").and_then(|t| t.parse().ok()),
        rate_limited: text(headers, "stripe-rate-limited-reason"),
        retry_after_ms: headers
            .get(RETRY_AFTER)
            .and_then(|v| v.to_str().ok()?.trim().parse::<u32>().ok())
            .map(|seconds| i64::from(seconds) * 1_000),
        replayed: text(headers, "idempotent-replayed").as_deref() == Some("true"),
        body: Vec::new(),
    };
    if open_ended && http.status != 204 && http.status != 304 {
        return None;
    }
    while let Some(chunk) = response.chunk().await.ok()? {
        if http.body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        http.body.extend_from_slice(&chunk);
    }
    Some(http)
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    Some(headers.get(name)?.to_str().ok()?.trim().to_owned())
}

/// The account of a key that may not say whose it is.
pub const UNNAMED_ACCOUNT: &str = "acct_unnamed";

/// The `acct_…` that a refusal names, if it does.
fn named_account(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .find(|word| word.len() > 10 && word.starts_with("acct_"))
        .map_or_else(|| UNNAMED_ACCOUNT.to_owned(), str::to_owned)
}

fn answered(answer: Answer) -> Result<HttpAnswer, AccountError> {
    match answer {
        Answer::Unreachable | Answer::Lost => Err(AccountError::Unreachable),
        Answer::Http(http) => Ok(http),
    }
}

fn account_id(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let id = value.get("id")?.as_str()?;
    id.starts_with("acct_").then(|| id.to_owned())
}

fn split_query(path: &str) -> (&str, &str) {
    path.split_once('?').unwrap_or((path, ""))
}

/// A path with its ids in braces, named as in Stripe's list of endpoints.
fn template(path: &str) -> String {
    let mut before = "";
    let segments = path.split('/').map(|segment| {
        let name = match (before, segment) {
            (_, "search") => None,
            ("payment_intents", _) => Some("{intent}"),
            ("refunds", _) => Some("{refund}"),
            ("events", _) => Some("{event}"),
            ("customers", _) => Some("{customer}"),
            ("payment_methods", _) => Some("{pm}"),
            ("sessions", _) => Some("{session}"),
            ("charges", _) => Some("{charge}"),
            ("disputes", _) => Some("{dispute}"),
            ("readers", _) => Some("{r}"),
            _ => None,
        };
        before = segment;
        name.unwrap_or(segment)
    });
    segments.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::MemorySecrets;
    use std::io::{BufRead, BufReader, Read};
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::sync::mpsc;
    use std::thread;

    const FAST: Timeouts = Timeouts {
        connect: Duration::from_millis(500),
        total: Duration::from_millis(500),
        probe: Duration::from_millis(500),
    };

    const SOON: Duration = Duration::from_secs(5);

    /// Reads one request whole: its head and its body.
    fn read_request(stream: &TcpStream) -> String {
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
                break;
            }
            if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                length = n.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        head + "\r\n" + &String::from_utf8(body).unwrap()
    }

    /// Answers each connection with `answer`, after `wait`, and closes it.
    fn serve(answer: &'static str, wait: Duration) -> (SocketAddr, mpsc::Receiver<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, requests) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let request = read_request(&stream);
                thread::sleep(wait);
                let _ = stream.write_all(answer.as_bytes());
                drop(stream);
                if sender.send(request).is_err() {
                    break;
                }
            }
        });
        (address, requests)
    }

    fn refused_port() -> SocketAddr {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap();
        gone.local_addr().unwrap()
    }

    fn transport(address: SocketAddr) -> ReqwestTransport {
        let secrets = Arc::new(MemorySecrets::with_stripe_key("sk_test_topsecret"));
        ReqwestTransport::with_timeouts(&format!("http://{address}/"), secrets, FAST).unwrap()
    }

    fn confirm() -> StoredRequest {
        StoredRequest {
            idempotency_key: Some("till-1:t:confirm:2".into()),
            method: "POST",
            path: "/v1/payment_intents/pi_1/confirm".into(),
            body: Some(b"payment_method=pm_1&expand[0]=latest_charge&a=%C3%A9%20".to_vec()),
            api_version: "2020-01-01.stored".into(),
            first_sent_at: None,
        }
    }

    async fn answer_to(answer: &'static str, wait: Duration) -> Answer {
        let (address, _requests) = serve(answer, wait);
        transport(address).send(&confirm()).await
    }

    #[tokio::test]
    async fn every_way_to_fail_is_an_answer() {
        let at_once = Duration::ZERO;
        let rows = [
            ("closed without a word", "", at_once, Answer::Lost),
            (
                "cut in its body",
                "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"id\":",
                at_once,
                Answer::Lost,
            ),
            (
                "cut in its head",
                "HTTP/1.1 200 OK\r\nContent-Le",
                at_once,
                Answer::Lost,
            ),
            (
                "cut between two chunks",
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
                at_once,
                Answer::Lost,
            ),
            (
                "an end that cannot be told from a cut",
                "HTTP/1.1 200 OK\r\n\r\n{}",
                at_once,
                Answer::Lost,
            ),
            ("not HTTP", "SSH-2.0-x\r\n", at_once, Answer::Lost),
            (
                "slow",
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                Duration::from_millis(900),
                Answer::Lost,
            ),
            (
                "a redirect, which is not followed",
                "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
                at_once,
                Answer::Http(HttpAnswer {
                    status: 307,
                    ..HttpAnswer::default()
                }),
            ),
            (
                "chunked and whole",
                "HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
                at_once,
                Answer::Http(HttpAnswer {
                    status: 500,
                    body: b"{}".to_vec(),
                    ..HttpAnswer::default()
                }),
            ),
        ];
        for (what, answer, wait, expected) in rows {
            assert_eq!(answer_to(answer, wait).await, expected, "{what}");
        }
        let refused = transport(refused_port()).send(&confirm()).await;
        assert_eq!(refused, Answer::Unreachable, "a port nobody listens at");
    }

    /// Over TLS nothing is sent before both sides have shaken hands.
    #[tokio::test]
    async fn what_does_not_speak_tls_was_sent_nothing() {
        let patient = Timeouts {
            total: Duration::from_secs(5),
            ..FAST
        };
        for says in ["HTTP/1.1 400 X\r\nContent-Length: 0\r\n\r\n", ""] {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = listener.local_addr().unwrap();
            thread::spawn(move || {
                let streams: Vec<_> = listener
                    .incoming()
                    .map(|stream| {
                        let mut stream = stream.unwrap();
                        stream.write_all(says.as_bytes()).unwrap();
                        stream
                    })
                    .collect();
                drop(streams);
            });
            let secrets = Arc::new(MemorySecrets::with_stripe_key("sk_live_x"));
            let base = format!("https://{address}");
            let transport = ReqwestTransport::with_timeouts(&base, secrets, patient).unwrap();
            assert_eq!(
                transport.send(&confirm()).await,
                Answer::Unreachable,
                "{says:?}"
            );
            assert!(!transport.probe().await, "{says:?}");
        }
    }

    #[tokio::test]
    async fn a_request_is_sent_as_stored_and_its_headers_are_read() {
        let (address, requests) = serve(
            "HTTP/1.1 429 X\r\nConnection: close\r\nRequest-Id: req_1\r\nStripe-Should-Retry: true\r\n\
             Stripe-Rate-Limited-Reason: global-rate\r\n\
             Retry-After: 7\r\nIdempotent-Replayed: true\r\nContent-Length: 2\r\n\r\n{}",
            Duration::ZERO,
        );
        let transport = transport(address);
        let expected = HttpAnswer {
            status: 429,
            request_id: Some("req_1".into()),
            should_retry: Some(true),
            rate_limited: Some("global-rate".into()),
            retry_after_ms: Some(7_000),
            replayed: true,
            body: b"{}".to_vec(),
        };
        assert_eq!(transport.send(&confirm()).await, Answer::Http(expected));
        let sent = requests.recv_timeout(SOON).unwrap();
        for part in [
            "POST /v1/payment_intents/pi_1/confirm HTTP/1.1\r\n",
            "authorization: Bearer sk_test_topsecret\r\n",
            "stripe-version: 2020-01-01.stored\r\n",
            "idempotency-key: till-1:t:confirm:2\r\n",
            "content-type: application/x-www-form-urlencoded\r\n",
            "\r\n\r\npayment_method=pm_1&expand[0]=latest_charge&a=%C3%A9%20",
        ] {
            assert!(sent.contains(part), "{part:?} in {sent}");
        }
        let find = StoredRequest {
            idempotency_key: None,
            method: "GET",
            path: "/v1/payment_intents?created[gte]=5&expand[0]=data.latest_charge".into(),
            body: None,
            ..confirm()
        };
        transport.send(&find).await;
        let sent = requests.recv_timeout(SOON).unwrap();
        assert!(
            sent.starts_with(&format!("GET {} HTTP/1.1\r\n", find.path)),
            "{sent}"
        );
        assert!(!sent.contains("idempotency-key"), "{sent}");
        assert!(requests.try_recv().is_err(), "one request for each send");
    }

    #[tokio::test]
    async fn a_path_cannot_name_another_host() {
        let (address, requests) = serve("", Duration::ZERO);
        for path in ["@127.0.0.1:1/v1", ".example.com/v1", ""] {
            let request = StoredRequest {
                path: path.into(),
                ..confirm()
            };
            assert_eq!(transport(address).send(&request).await, Answer::Unreachable);
        }
        assert!(requests.try_recv().is_err());
    }

    #[test]
    fn the_api_is_reached_over_https_or_is_this_machine() {
        let rows = [
            ("https://api.stripe.com", "Ok"),
            ("https://api.stripe.com/", "Ok"),
            ("http://127.0.0.1:12111", "Ok"),
            ("http://localhost:12111/", "Ok"),
            ("http://[::1]:12111", "Ok"),
            ("http://api.stripe.com", "PlainHttp"),
            ("http://192.0.2.7", "PlainHttp"),
            ("http://localhost.example.com", "PlainHttp"),
            ("https://key@api.stripe.com", "BadAddress"),
            ("https://api.stripe.com/?a=b", "BadAddress"),
            ("ftp://127.0.0.1", "BadAddress"),
            ("api.stripe.com", "BadAddress"),
        ];
        for (base, expected) in rows {
            let found = match checked(base) {
                Ok(_) => "Ok".to_owned(),
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(found, expected, "{base}");
        }
    }

    #[tokio::test]
    async fn nothing_is_sent_without_a_key_that_may_go_there() {
        let (address, requests) = serve("", Duration::ZERO);
        let secrets = Arc::new(MemorySecrets::default());
        let base = format!("http://{address}");
        let transport =
            ReqwestTransport::with_timeouts(&base, Arc::clone(&secrets) as _, FAST).unwrap();
        let set = |key: &str| secrets.set_stripe_key(&key.into()).unwrap();

        assert!(matches!(
            transport.ready().await,
            Err(TransportError::NoKey)
        ));
        set("sk_test_1");
        assert!(transport.ready().await.is_ok());
        for key in ["sk_live_1", "rk_live_1"] {
            set(key);
            assert!(
                transport.ready().await.is_ok(),
                "the key that was read is kept"
            );
            transport.forget_key();
            assert!(matches!(
                transport.ready().await,
                Err(TransportError::LiveKeyOverHttp)
            ));
            assert_eq!(transport.send(&confirm()).await, Answer::Unreachable);
            let account = transport.account(&key.into()).await;
            assert_eq!(account, Err(AccountError::LiveKeyOverHttp));
            set("sk_test_1");
            transport.forget_key();
            transport.ready().await.unwrap();
        }
        transport.forget_key();
        set("sk_test_\n");
        assert!(matches!(
            transport.ready().await,
            Err(TransportError::BadKey)
        ));
        assert!(requests.try_recv().is_err(), "nothing was sent");
    }

    #[tokio::test]
    async fn no_key_is_in_debug_output() {
        let transport = transport(refused_port());
        transport.ready().await.unwrap();
        assert!(!format!("{transport:?}").contains("topsecret"));
        assert!(!format!("{:?}", bearer(&"sk_test_topsecret".into())).contains("topsecret"));
    }

    #[tokio::test]
    async fn any_answer_at_all_is_reachable() {
        let (address, requests) = serve(
            "HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n",
            Duration::ZERO,
        );
        assert!(transport(address).probe().await);
        assert!(
            !requests
                .recv_timeout(SOON)
                .unwrap()
                .contains("authorization")
        );
        assert!(!transport(refused_port()).probe().await);
    }

    #[tokio::test]
    async fn an_account_is_asked_for_with_the_key_at_hand() {
        let rows = [
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{\"id\":\"acct_1\"}",
                Ok(AccountFacts {
                    id: "acct_1".into(),
                    livemode: false,
                }),
            ),
            (
                "HTTP/1.1 401 X\r\nContent-Length: 2\r\n\r\n{}",
                Err(AccountError::Refused),
            ),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                Err(AccountError::Unreadable),
            ),
            ("", Err(AccountError::Unreachable)),
        ];
        for (answer, expected) in rows {
            let (address, requests) = serve(answer, Duration::ZERO);
            let found = transport(address).account(&"rk_test_2".into()).await;
            assert_eq!(found, expected, "{answer}");
            let sent = requests.recv_timeout(SOON).unwrap();
            assert!(sent.contains("Bearer rk_test_2"), "{sent}");
        }
    }

    #[tokio::test]
    async fn the_recorder_writes_the_endpoint_and_the_form() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.tsv");
        let transport = transport(refused_port()).with_recorder(&path).unwrap();
        transport.send(&confirm()).await;
        let get = |path: &str| StoredRequest {
            method: "GET",
            path: path.into(),
            body: None,
            ..confirm()
        };
        transport
            .send(&get("/v1/refunds?payment_intent=pi_1&limit=100"))
            .await;
        transport.send(&get("/v1/checkout/sessions/cs_1")).await;
        transport
            .send(&get("/v1/terminal/readers/tmr_1/cancel_action"))
            .await;
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            "POST /v1/payment_intents/{intent}/confirm\t\
             payment_method=pm_1&expand[0]=latest_charge&a=%C3%A9%20\n\
             GET /v1/refunds\tpayment_intent=pi_1&limit=100\n\
             GET /v1/checkout/sessions/{session}\t\n\
             GET /v1/terminal/readers/{r}/cancel_action\t\n"
        );
    }
}
