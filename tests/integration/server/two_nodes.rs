//! Two servers that share one MongoDB and one Redis, and what becomes of them without either.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use reqwest::{Certificate, Client as Http};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Proxy, ProxyPlace, require};
use tests::Tidings;
use tidings::hub::protocol::MessageRef;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite};

use super::client::Client;
use super::listener::Listener;
use crate::databases::{Databases, Mode, run, until_ready};
use crate::front::{self, Balance};
use crate::looks::until;

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

/// How soon the clients of one server have what another one stores.
///
/// Where notices are lost it is up to 36 s, as a server looks by itself every half a minute.
const SOON: Duration = Duration::from_secs(10);

/// A WebSocket of a user through the proxy.
async fn through(place: &ProxyPlace, user: &str) -> WebSocketStream<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&place.ca).unwrap() {
        roots.add(certificate.unwrap()).unwrap();
    }
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", place.port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let address = format!("wss://localhost:{}/ws?user={user}", place.port);
    client_async(address, stream).await.unwrap().0
}

/// The next entry that is pushed.
async fn pushed(socket: &mut WebSocketStream<TlsStream<TcpStream>>, user: &str) -> Value {
    let inbox = format!("$inbox:{user}");
    let next = async {
        loop {
            let tungstenite::Message::Binary(bytes) = socket.next().await.unwrap().unwrap() else { continue };
            let message = MessageRef::decode(&bytes).unwrap();
            if message.channel == inbox {
                return serde_json::from_slice::<Value>(message.body).unwrap();
            }
        }
    };
    timeout(LIMIT, next).await.expect("an entry is pushed")
}

/// The next entries that a watch tells.
async fn told(watch: &mut Listener) -> Value {
    loop {
        let heard = watch.next().await.expect("the watch goes on");
        // How far somebody has read comes in between.
        if heard.event == "entries" {
            return heard.data;
        }
    }
}

#[tokio::test]
async fn what_one_server_stores_the_other_one_pushes_with_redis() {
    pushes(Mode::Redis).await;
}

#[tokio::test]
async fn what_one_server_stores_the_other_one_pushes_without_redis() {
    pushes(Mode::Mongo).await;
}

async fn pushes(mode: Mode) {
    let Some(databases) = Databases::start(mode).await else { return };
    let flags = ["--trusted-proxies=127.0.0.1"];
    let (one, other) = (databases.server(&flags).await, databases.server(&flags).await);
    let proxy = Proxy::nginx(|place| front::nginx([&one, &other], place, Balance::InTurn)).await;
    let Some(proxy) = require(proxy) else { return };
    let place = proxy.place();
    let ca = Certificate::from_pem(&fs::read(&place.ca).unwrap()).unwrap();
    let http = Http::builder().tls_certs_only([ca]).build().unwrap();
    let url = |path: &str| format!("https://localhost:{}{path}", place.port);

    // Bob is at both, directly and through the proxy: whoever takes a send, others have to hear it.
    let mut sockets = [Client::connect(&one, "?user=bob").await, Client::connect(&other, "?user=bob").await];
    for socket in &mut sockets {
        socket.assert_open().await;
    }
    let mut proxied = through(place, "bob").await;
    let mut watches = [
        Listener::watch(&one, "bob").await,
        Listener::watch(&other, "bob").await,
        Listener::read(http.get(url("/timeline/watch?member=bob"))).await,
    ];
    let (mut sent, mut asked) = (0, BTreeSet::new());
    while sent < 6 || asked.len() < 2 {
        sent += 1;
        assert!(sent < 50, "all requests go to {asked:?}: {}", proxy.log());
        let body = json!({ "from": "alice", "to": "bob", "message": { "n": sent } });
        let answer = http.post(url("/timeline/send")).json(&body).send().await.unwrap();
        let answered = Instant::now();
        assert_eq!(answer.status(), 200, "{}", proxy.log());
        asked.insert(answer.headers()["x-server"].to_str().unwrap().to_owned());
        let sequence = json!(sent.to_string());
        let expected = json!({ "sequence": sequence, "place": sequence });
        assert_eq!(answer.json::<Value>().await.unwrap(), expected);
        for socket in &mut sockets {
            let entry = socket.heard("$inbox:bob").await;
            assert_eq!(
                (&entry["sequence"], &entry["message"]),
                (&sequence, &json!(format!("{{\"n\":{sent}}}")))
            );
        }
        assert_eq!(pushed(&mut proxied, "bob").await["sequence"], sequence);
        for watch in &mut watches {
            assert_eq!(told(watch).await["latestSeq"], sequence);
        }
        let waited = answered.elapsed();
        assert!(waited < SOON, "message {sent} came to all after {waited:?}");
    }
}

/// A server on shared databases, with its log in a file.
struct Logged {
    server: Tidings,
    log: PathBuf,
    _directory: TempDir,
}

impl Logged {
    async fn start(databases: &Databases) -> Self {
        let directory = TempDir::new().unwrap();
        let log = directory.path().join("log");
        let flags = databases.flags();
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        let server = Tidings::start_into(fs::File::create(&log).unwrap(), &flags);
        until_ready(&server).await;
        Self { server, log, _directory: directory }
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until a metric without labels is this.
    async fn until_metric(&self, name: &str, wanted: &str) {
        self.until_metric_is(name, |value| value == wanted).await;
    }

    /// Waits until a metric without labels is there, and is as it is to be.
    async fn until_metric_is(&self, name: &str, is_wanted: impl Fn(&str) -> bool) {
        let url = self.server.url("/metrics");
        let asked = async || {
            let text = reqwest::get(&url).await.unwrap().text().await.unwrap();
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            value.is_some_and(&is_wanted)
        };
        until(&format!("{name} is as it is to be"), asked).await;
    }
}

/// A message with an id, so that it may be sent again.
fn message(number: u32) -> Value {
    json!({ "from": "alice", "to": "bob", "message": { "n": number }, "messageId": number.to_string() })
}

async fn send(server: &Tidings, number: u32) -> (u16, Value) {
    let request = Http::new().post(server.url("/timeline/send")).json(&message(number));
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// What a check says, and whether all is well.
fn check(flags: &[String]) -> (bool, String) {
    let output = run("check", flags);
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// How many messages are under way when a server is killed.
const BURST: u32 = 200;

#[tokio::test]
async fn what_a_killed_server_had_begun_is_stored_once_by_the_other_one() {
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let flags = ["--timeline-hole-time=500ms"];
    let (mut one, other) = (databases.server(&flags).await, databases.server(&flags).await);
    let (http, url) = (Http::new(), one.url("/timeline/send"));
    let mut sends = JoinSet::new();
    for number in 0..BURST {
        let request = http.post(&url).json(&message(number));
        sends.spawn(async move { request.send().await.is_ok_and(|answer| answer.status() == 200) });
    }
    // It dies in the middle: one is answered, and some are not.
    while !sends.join_next().await.expect("one is answered").unwrap() {}
    one.kill();
    sends.join_all().await;
    // What the dead one had begun may have to be finished first.
    let url = other.url("/timeline/send");
    let again = async |number| {
        while http.post(&url).json(&message(number)).send().await.unwrap().status() != 200 {}
    };
    let all = join_all((0..BURST).map(again));
    timeout(LIMIT, all).await.expect("the other one takes all");
    // Places that were given out for nothing are closed a moment after somebody has seen them.
    let whole = async {
        loop {
            let page = reqwest::get(other.url("/timeline/sync?member=bob&count=1000")).await.unwrap();
            let entries = page.json::<Value>().await.unwrap()["entrySet"].clone();
            let entries = entries.as_array().unwrap().clone();
            if entries.iter().filter(|entry| entry["kind"] == "MESSAGE").count() >= BURST as usize {
                return entries;
            }
        }
    };
    let entries = timeout(LIMIT, whole).await.expect("all can be read");
    let sequences = entries.iter().map(|entry| entry["sequence"].as_str().unwrap().to_owned());
    assert!(sequences.eq((1..=entries.len()).map(|sequence| sequence.to_string())), "{entries:?}");
    let mut ids: Vec<u32> = entries
        .iter()
        .filter(|entry| entry["kind"] == "MESSAGE")
        .map(|entry| entry["messageId"].as_str().unwrap().parse().unwrap())
        .collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(0..BURST), "{entries:?}");
}

#[tokio::test]
async fn sends_go_on_while_redis_is_gone_and_a_check_fails() {
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let (well, text) = check(&databases.flags());
    assert!(well && text.contains("ok      --mongo-url mongodb://"), "{text}");
    assert!(text.contains(", for sequences\n"), "{text}");
    let (one, other) = (Logged::start(&databases).await, Logged::start(&databases).await);
    let servers = [&one, &other];
    for logged in servers {
        logged.until_metric("timeline_redis_up", "1").await;
        logged.until_metric("timeline_others_heard", "1").await;
    }
    let before = servers.map(|logged| logged.log().len());
    let (one, other) = (&one.server, &other.server);
    let sequence =
        |number: u32| (200, json!({ "sequence": number.to_string(), "place": number.to_string() }));
    assert_eq!(send(one, 1).await, sequence(1));
    databases.redis().kill().unwrap();
    for (server, number) in [(other, 2), (one, 3), (other, 4)] {
        assert_eq!(send(server, number).await, sequence(number));
    }
    // A repetition, at another server than the first time.
    assert_eq!(send(other, 3).await, sequence(3));
    for logged in servers {
        logged.until_metric("timeline_redis_up", "0").await;
        logged.until_metric("timeline_others_heard", "0").await;
        // The third use of Redis has met it as well.
        logged.until_metric_is("timeline_notices_failed_total", |value| value != "0").await;
    }
    let (well, text) = check(&databases.flags());
    assert!(!well && text.contains("problem --redis-url: "), "{text}");
    assert!(text.contains("ok      --mongo-url mongodb://"), "{text}");
    // It comes back without all that it knew.
    databases.redis().start_again().await.unwrap();
    for logged in servers {
        logged.until_metric("timeline_redis_up", "1").await;
        logged.until_metric("timeline_others_heard", "1").await;
    }
    // That others can be told again shows when there is something to tell.
    for (server, number) in [(one, 5), (other, 6)] {
        assert_eq!(send(server, number).await, sequence(number));
    }
    for (logged, before) in servers.into_iter().zip(before) {
        // Where what others say was missed first, sequences have a line of their own.
        let log = logged.log();
        assert!(log[before..].contains("does not serve the timelines"), "{}", &log[before..]);
    }
    let page = reqwest::get(other.url("/timeline/sync?member=bob")).await.unwrap();
    let page: Value = page.json().await.unwrap();
    let sequences: Vec<&str> =
        page["entrySet"].as_array().unwrap().iter().filter_map(|entry| entry["sequence"].as_str()).collect();
    assert_eq!(sequences, ["1", "2", "3", "4", "5", "6"]);
}

#[tokio::test]
async fn a_server_that_starts_before_its_mongo_is_ready_once_that_is_there() {
    let Some(databases) = Databases::start(Mode::Mongo).await else { return };
    databases.mongo.kill().unwrap();
    let (well, text) = check(&databases.flags());
    assert!(!well && text.contains("problem --mongo-url: "), "{text}");
    let directory = TempDir::new().unwrap();
    let log = directory.path().join("log");
    let flags = databases.flags();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let server = Tidings::start_into(fs::File::create(&log).unwrap(), &flags);
    let ready = reqwest::get(server.url("/readyz")).await.unwrap();
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.unwrap();
    let parts = ready["parts"].as_array().unwrap();
    let timelines = parts.iter().find(|part| part["name"] == "timelines").unwrap();
    assert_eq!(timelines["state"], "down", "{ready}");
    let (status, refused) = send(&server, 1).await;
    assert_eq!((status, &refused["reason"]), (503, &json!("TIMELINE_UNAVAILABLE")), "{refused}");
    assert_eq!(reqwest::get(server.url("/healthz")).await.unwrap().status(), 200);

    databases.mongo.restart().await.unwrap();
    until_ready(&server).await;
    assert_eq!(send(&server, 1).await, (200, json!({ "sequence": "1", "place": "1" })));
    let log = fs::read_to_string(&log).unwrap();
    // However often it was tried, the database is complained about once, and the part once.
    for once in ["the link keeps asking", "timelines: down"] {
        assert_eq!(log.matches(once).count(), 1, "{once}: {log}");
    }
    let (well, text) = check(&databases.flags());
    assert!(well && text.contains("note    --presence: "), "{text}");
}

#[tokio::test]
async fn a_server_that_starts_before_its_redis_admits_nobody_and_is_ready_once_that_is_there() {
    let Some(databases) = Databases::start(Mode::Redis).await else { return };
    let mut server = databases.server(&[]).await;
    let [ready, lives, page] = ["/readyz", "/healthz", "/"].map(|path| server.url(path));
    server.kill();
    databases.redis().kill().unwrap();
    // It says where it is when it has started, and this waits for that.
    let starting = tokio::task::spawn_blocking(move || {
        server.start_again();
        server
    });
    let asked = async {
        loop {
            // At first nobody listens.
            if let Ok(answer) = reqwest::get(&ready).await {
                return answer;
            }
        }
    };
    let answer = timeout(LIMIT, asked).await.expect("it answers while it waits");
    assert_eq!(answer.status(), 503);
    let report: Value = answer.json().await.unwrap();
    assert_eq!((&report["ready"], &report["parts"][0]["name"]), (&json!(false), &json!("presence")));
    let reason = report["parts"][0]["reason"].as_str().unwrap();
    assert!(reason.contains("--redis-url: redis://") && reason.contains("is away"), "{reason}");
    assert_eq!(reqwest::get(&lives).await.unwrap().status(), 200);
    assert_eq!(reqwest::get(&page).await.unwrap().status(), 503);
    assert!(!starting.is_finished());

    databases.redis().start_again().await.unwrap();
    let server = timeout(LIMIT, starting).await.expect("it starts").unwrap();
    until_ready(&server).await;
    assert_eq!(send(&server, 1).await.0, 200);
}
