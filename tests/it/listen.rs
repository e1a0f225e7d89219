//! Webhooks over a real socket: what Stripe signed is fetched and written down before it
//! is answered, and nothing else changes anything.

use std::net::SocketAddr;
use std::sync::Arc;

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use till_adapters::listen::{Ear, Listener};
use till_adapters::{MemorySecrets, ReqwestTransport};
use till_app::view::TenderKindView;
use till_app::{StripeSetting, Till};
use till_stand_in::{Config, Fault, Server, StandIn, TEST_KEY, bind};
use till_tests::World;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const SECRET: &str = "whsec_of_the_shop";

/// HMAC-SHA256 of RFC 2104, apart from the till's own.
fn signature(secret: &str, at_s: i64, body: &str) -> String {
    let mut key = [0; 64];
    key[..secret.len()].copy_from_slice(secret.as_bytes());
    let padded = |with: u8| key.map(|b| b ^ with);
    let inner = Sha256::new()
        .chain_update(padded(0x36))
        .chain_update(format!("{at_s}.{body}"))
        .finalize();
    let mac = Sha256::new()
        .chain_update(padded(0x5c))
        .chain_update(inner)
        .finalize();
    let hex: String = mac.iter().map(|b| format!("{b:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

/// A till with one card sale that is disputed, its Stripe on a socket, and its ear.
struct Heard {
    till: Arc<Till>,
    stripe: Server,
    at: SocketAddr,
    /// The event of the dispute.
    event: String,
    now_s: i64,
    _world: World,
}

async fn listening(seed: u64) -> Heard {
    let mut world = World::from_seed(seed);
    let joined = StripeSetting {
        api_base: String::new(),
        account: "acct_1".into(),
        livemode: false,
    };
    world.till().join_stripe(&joined).unwrap();
    world.open_shift("50.00");
    world.ring_up(&[("Goudse kaas oud", "0.500")]);
    let sale = world.card(TenderKindView::SimulatedReader, None).unwrap();
    while world.step() {}
    world.complete().unwrap();
    let ledger = world.stripe.ledger();
    let charge = &ledger.tenders[&sale.tenders[0].id].charges[0];
    let dispute = world.stripe.dispute(&charge.charge).unwrap();
    // It lies: what is believed is what is fetched.
    let event = serde_json::json!({
        "id": "evt_1", "object": "event", "created": 1, "type": "charge.dispute.created",
        "data": {"object": {"id": dispute, "object": "dispute", "amount": 1, "status": "won",
                 "payment_intent": charge.payment_intent}},
    });
    let stripe = std::mem::replace(&mut world.stripe, StandIn::new(Config::default()));
    let stripe = bind(stripe, 0).await.unwrap();
    let till = Arc::new(world.till.take().unwrap());
    let key = Arc::new(MemorySecrets::with_stripe_key(TEST_KEY));
    let ear = Ear {
        till: Arc::clone(&till),
        wire: Arc::new(ReqwestTransport::new(&stripe.url(), key).unwrap()),
        secrets: vec![
            SecretString::from("whsec_of_last_year"),
            SecretString::from(SECRET),
        ],
    };
    ear.wire.ready().await.unwrap();
    let listener = Listener::bind(0).await.unwrap();
    let at = listener.address().unwrap();
    assert!(at.ip().is_loopback());
    tokio::spawn(listener.serve(Arc::new(ear)));
    Heard {
        now_s: till.time().0 / 1_000,
        event: event.to_string(),
        till,
        stripe,
        at,
        _world: world,
    }
}

async fn send(at: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(at).await.unwrap();
    // Refused before all of it was sent: the answer is there all the same.
    let _ = stream.write_all(request).await;
    the_status(stream).await
}

async fn the_status(mut stream: TcpStream) -> String {
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply).await;
    let reply = String::from_utf8_lossy(&reply).into_owned();
    reply.split(' ').nth(1).unwrap_or_default().to_owned()
}

async fn post(at: SocketAddr, signature: &str, body: &str) -> String {
    let request = format!(
        "POST /webhook HTTP/1.1\r\nHost: {at}\r\nStripe-Signature: {signature}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(at, request.as_bytes()).await
}

fn moved(till: &Till) -> usize {
    let mut journal = Vec::new();
    till.journal_export(&mut journal).unwrap();
    let text = String::from_utf8(journal).unwrap();
    text.lines().filter(|l| l.contains("dispute_moved")).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_fetched_and_written_down_before_it_is_answered() {
    let heard = listening(980).await;
    let good = signature(SECRET, heard.now_s, &heard.event);
    assert_eq!(post(heard.at, &good, &heard.event).await, "200");
    let cases = heard.till.cases().unwrap();
    assert_eq!(cases.len(), 1);
    assert_eq!(cases[0].state, "needs_response", "not what the event said");
    assert_eq!(cases[0].amount.minor, 845);
    // Again, and two at once: answered, and nothing is written twice.
    let (one, two) = tokio::join!(
        post(heard.at, &good, &heard.event),
        post(heard.at, &good, &heard.event)
    );
    assert_eq!((one.as_str(), two.as_str()), ("200", "200"));
    assert_eq!(moved(&heard.till), 1);
    // Signed by the secret that is being replaced, beside another's signature.
    let old = signature("whsec_of_last_year", heard.now_s, &heard.event);
    let two = format!("{old},v1={}", "0".repeat(64));
    assert_eq!(post(heard.at, &two, &heard.event).await, "200");
    heard.stripe.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_at_once_write_one_case() {
    let heard = listening(981).await;
    let good = signature(SECRET, heard.now_s, &heard.event);
    let (one, two) = tokio::join!(
        post(heard.at, &good, &heard.event),
        post(heard.at, &good, &heard.event)
    );
    assert_eq!((one.as_str(), two.as_str()), ("200", "200"));
    assert_eq!(moved(&heard.till), 1);
    heard.stripe.shut_down().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_did_not_sign_now_changes_nothing() {
    let heard = listening(982).await;
    let good = signature(SECRET, heard.now_s, &heard.event);
    let wrong = signature("whsec_guessed", heard.now_s, &heard.event);
    let old = signature(SECRET, heard.now_s - 301, &heard.event);
    let other = heard.event.replace("won", "lost");
    for (name, signature, body) in [
        ("wrong secret", &wrong, &heard.event),
        ("old", &old, &heard.event),
        ("another body", &good, &other),
        ("no signature", &String::new(), &heard.event),
        ("garbage", &"t=now,v1=zz".to_owned(), &heard.event),
    ] {
        assert_eq!(post(heard.at, signature, body).await, "400", "{name}");
    }
    let large =
        format!("POST / HTTP/1.1\r\nStripe-Signature: {good}\r\nContent-Length: 9000000\r\n\r\n");
    assert_eq!(send(heard.at, large.as_bytes()).await, "413");
    assert_eq!(send(heard.at, b"\x16\x03\x01 hello\r\n\r\n").await, "400");
    assert_eq!(send(heard.at, b"GET / HTTP/1.1\r\n\r\n").await, "405");
    let endless = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n50000\r\n".to_owned()
        + &"x".repeat(0x5_0000);
    assert_eq!(send(heard.at, endless.as_bytes()).await, "400");
    let short =
        format!("POST / HTTP/1.1\r\nStripe-Signature: {good}\r\nContent-Length: 9\r\n\r\n{{}}");
    let mut stream = TcpStream::connect(heard.at).await.unwrap();
    stream.write_all(short.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(the_status(stream).await, "400", "cut short");
    assert_eq!(moved(&heard.till), 0);
    // Signed, and about nothing of this till's.
    let others = r#"{"id":"evt_2","object":"event","created":1,"data":{"object":
        {"id":"pi_9","object":"payment_intent","status":"succeeded"}}}"#;
    let signed = signature(SECRET, heard.now_s, others);
    assert_eq!(post(heard.at, &signed, others).await, "200");
    // Stripe cannot be asked: to be sent again, and then it is taken.
    heard.stripe.lock().fail_next(Fault::DropBefore);
    assert_eq!(post(heard.at, &good, &heard.event).await, "503");
    assert_eq!(moved(&heard.till), 0);
    assert_eq!(post(heard.at, &good, &heard.event).await, "200");
    assert_eq!(moved(&heard.till), 1);
    heard.stripe.shut_down().await.unwrap();
}
