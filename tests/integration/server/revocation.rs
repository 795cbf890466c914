//! A login that is revoked: its connections are closed, and it does not come back, also after a
//! restart and on every server of one Redis.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use identity::{NewKey, NewToken, Scope, Scopes, Signer};
use serde_json::Value;
use tempfile::TempDir;
use test_support::{Redis, redis_connection, require};
use tests::Tidings;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// How long a connection may stay after its login was revoked.
const AT_ONCE: Duration = Duration::from_secs(1);

const REVOKED: u16 = 4301;

#[expect(clippy::disallowed_methods, reason = "a token and a server have to agree on the wall time")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

/// Who makes the tokens of the servers of a test.
struct Issuer {
    signer: Signer,
    directory: TempDir,
}

impl Issuer {
    fn new() -> Self {
        let (key, directory) = (NewKey::ed25519().unwrap(), TempDir::new().unwrap());
        fs::write(directory.path().join("verifying.pem"), key.verifying().unwrap()).unwrap();
        Self { signer: Signer::from_pem(key.signing(), None).unwrap(), directory }
    }

    /// The flag by which a server believes its tokens.
    fn flag(&self) -> String {
        format!("--token-keys={}", self.directory.path().join("verifying.pem").display())
    }

    fn sign(&self, token: &NewToken) -> String {
        self.signer.sign(token).unwrap()
    }

    fn token(&self, user: &str) -> String {
        self.sign(&NewToken::new(user, wall_time(), LIMIT * 10))
    }

    fn admin(&self) -> String {
        let scopes = Scopes::from_iter([Scope::Admin]);
        self.sign(&NewToken::new("operator", wall_time(), LIMIT * 10).scopes(scopes))
    }
}

/// One open connection.
struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects with a token, or returns the status of the refusal.
    async fn try_connect(server: &Tidings, token: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{}/ws", server.http()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("neither let in nor refused: {error}"),
        }
    }

    async fn connect(server: &Tidings, token: &str) -> Self {
        let socket = Self::try_connect(server, token).await;
        let mut socket = socket.unwrap_or_else(|status| panic!("refused with {status}"));
        // It is in the hub when it answers.
        socket.assert_open().await;
        socket
    }

    async fn assert_open(&mut self) {
        self.0.send(tungstenite::Message::Ping("hello".into())).await.unwrap();
        let answered = async {
            while !matches!(self.0.next().await.unwrap().unwrap(), tungstenite::Message::Pong(_)) {}
        };
        timeout(LIMIT, answered).await.expect("the connection is open");
    }

    /// The code with which it is closed.
    async fn closed(&mut self, within: Duration) -> u16 {
        let closed = async {
            loop {
                if let tungstenite::Message::Close(Some(frame)) = self.0.next().await.unwrap().unwrap() {
                    return frame.code.into();
                }
            }
        };
        timeout(within, closed).await.expect("the connection is closed")
    }
}

/// Runs `tidings revoke` and returns what it prints.
async fn revoke(flags: &[&str]) -> String {
    let output = run(&[&["revoke"], flags].concat()).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

async fn run(flags: &[&str]) -> Output {
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    let run = move || {
        let directory = TempDir::new().unwrap();
        Tidings::run(directory.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn data_dir(server: &Tidings) -> String {
    format!("--data-dir={}", server.data_dir().display())
}

/// Asks again until `/readyz` has this status, and returns the part that revocations are.
async fn until_ready(server: &Tidings, status: u16) -> Value {
    let started = Instant::now();
    loop {
        let answer = reqwest::get(server.url("/readyz")).await.unwrap();
        let got = answer.status().as_u16();
        let ready: Value = answer.json().await.unwrap();
        if got == status {
            let parts = ready["parts"].as_array().unwrap();
            return parts.iter().find(|part| part["name"] == "revocations").unwrap().clone();
        }
        assert!(started.elapsed() < LIMIT, "/readyz goes on answering {got} {ready}");
        tokio::task::yield_now().await;
    }
}

async fn revocations(server: &Tidings, issuer: &Issuer) -> String {
    let asked = reqwest::Client::new().get(server.url("/metrics")).bearer_auth(issuer.admin());
    let text = asked.send().await.unwrap().text().await.unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix("tidings_revocations "));
    value.unwrap_or_else(|| panic!("there is no such figure in\n{text}")).to_owned()
}

#[tokio::test]
async fn a_revoked_user_is_gone_at_once_and_stays_out_over_a_restart() {
    let issuer = Issuer::new();
    let mut server = Tidings::start_with(&[&issuer.flag()]);
    let (alice, bob) = (issuer.token("alice"), issuer.token("bob"));
    let mut alices = Socket::connect(&server, &alice).await;
    let mut bobs = [Socket::connect(&server, &bob).await, Socket::connect(&server, &bob).await];

    let said = revoke(&[&data_dir(&server), "--user=bob"]).await;
    assert!(said.contains("\"bob\"; the running server has taken it"), "{said}");
    for socket in &mut bobs {
        assert_eq!(socket.closed(AT_ONCE).await, REVOKED);
    }
    assert_eq!(Socket::try_connect(&server, &bob).await.err(), Some(401));
    // Nor does a new token help: it is the user who was revoked.
    assert_eq!(Socket::try_connect(&server, &issuer.token("bob")).await.err(), Some(401));
    let asked = reqwest::Client::new().get(server.url("/presence/alice")).bearer_auth(&bob);
    assert_eq!(asked.send().await.unwrap().status(), 401);
    alices.assert_open().await;
    assert_eq!(fs::read_dir(server.data_dir().join("revoke")).unwrap().count(), 0);
    assert_eq!(revocations(&server, &issuer).await, "1");

    server.kill();
    server.start_again();
    assert_eq!(Socket::try_connect(&server, &bob).await.err(), Some(401));
    Socket::connect(&server, &alice).await;
}

#[tokio::test]
async fn a_token_is_revoked_by_its_name_and_no_other_token_of_its_user() {
    let issuer = Issuer::new();
    let server = Tidings::start_with(&[&issuer.flag()]);
    let [one, other] = ["one", "other"].map(|jti| {
        let token = NewToken::new("bob", wall_time(), LIMIT * 10).jti(jti);
        issuer.sign(&token)
    });
    let mut sockets = [Socket::connect(&server, &one).await, Socket::connect(&server, &other).await];
    revoke(&[&data_dir(&server), "--token=one"]).await;
    assert_eq!(sockets[0].closed(AT_ONCE).await, REVOKED);
    assert_eq!(Socket::try_connect(&server, &one).await.err(), Some(401));
    sockets[1].assert_open().await;
    Socket::connect(&server, &other).await;
}

#[tokio::test]
async fn what_was_issued_before_a_time_is_revoked_and_what_came_later_counts() {
    let issuer = Issuer::new();
    let server = Tidings::start_with(&[&issuer.flag()]);
    let now = wall_time();
    let issued =
        |user: &str, ago: u64| issuer.sign(&NewToken::new(user, now - Duration::from_secs(ago), LIMIT * 100));
    let mut old_bob = Socket::connect(&server, &issued("bob", 1_000)).await;
    let mut old_carol = Socket::connect(&server, &issued("carol", 1_000)).await;
    let mut new_bob = Socket::connect(&server, &issued("bob", 100)).await;
    let before = now - Duration::from_secs(500);
    let before = before.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let before = format!("--issued-before={before}");

    revoke(&[&data_dir(&server), "--user=bob", &before]).await;
    assert_eq!(old_bob.closed(AT_ONCE).await, REVOKED);
    old_carol.assert_open().await;
    new_bob.assert_open().await;

    revoke(&[&data_dir(&server), &before]).await;
    assert_eq!(old_carol.closed(AT_ONCE).await, REVOKED);
    new_bob.assert_open().await;
    assert_eq!(Socket::try_connect(&server, &issued("dave", 600)).await.err(), Some(401));
    Socket::connect(&server, &issued("dave", 400)).await;
}

#[tokio::test]
async fn what_is_revoked_while_no_server_runs_counts_from_the_next_start() {
    let issuer = Issuer::new();
    let mut server = Tidings::start_with(&[&issuer.flag()]);
    let data_dir = data_dir(&server);
    server.kill();
    let said = revoke(&[&data_dir, "--user=bob"]).await;
    assert!(said.contains("it counts from the next start") && said.contains("--token-keys"), "{said}");
    server.start_again();
    assert_eq!(Socket::try_connect(&server, &issuer.token("bob")).await.err(), Some(401));
    Socket::connect(&server, &issuer.token("alice")).await;
    // A directory of no server is a slip, and nothing is made there.
    let parent = TempDir::new().unwrap();
    let nowhere = parent.path().join("nowhere");
    let output = run(&["revoke", &format!("--data-dir={}", nowhere.display()), "--user=bob"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("is no data directory of a server") && !nowhere.exists(), "{errors}");
}

#[tokio::test]
async fn while_drops_cannot_be_read_the_server_is_not_ready_and_goes_on_with_what_it_knows() {
    let issuer = Issuer::new();
    let server = Tidings::start_with(&[&issuer.flag()]);
    revoke(&[&data_dir(&server), "--user=bob"]).await;
    let (place, aside) = (server.data_dir().join("revoke"), server.data_dir().join("aside"));
    fs::rename(&place, &aside).unwrap();
    fs::write(&place, "").unwrap();
    let part = until_ready(&server, 503).await;
    assert_eq!(part["state"], "down");
    assert!(part["reason"].as_str().unwrap().contains("cannot be read"), "{part}");
    assert_eq!(Socket::try_connect(&server, &issuer.token("bob")).await.err(), Some(401));
    Socket::connect(&server, &issuer.token("alice")).await;
    fs::remove_file(&place).unwrap();
    fs::rename(&aside, &place).unwrap();
    assert_eq!(until_ready(&server, 200).await["state"], "well");
}

#[tokio::test]
async fn a_damaged_list_keeps_the_server_from_starting_and_check_says_the_same() {
    let issuer = Issuer::new();
    let mut server = Tidings::start_with(&[&issuer.flag()]);
    let (keys, data_dir) = (issuer.flag(), data_dir(&server));
    server.kill();
    fs::write(server.data_dir().join("revocations"), "half").unwrap();
    let run =
        async |command| run(&[command, "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &keys, &data_dir]).await;
    let serve = run("serve").await;
    let errors = String::from_utf8(serve.stderr).unwrap();
    assert_eq!(serve.status.code(), Some(1), "{errors}");
    let said = errors.lines().find_map(|line| line.strip_prefix("tidings: ")).unwrap();
    assert!(said.starts_with("--data-dir: ") && said.contains("revocations is damaged"), "{said}");
    let check = run("check").await;
    let lines = String::from_utf8(check.stdout).unwrap();
    assert_eq!(check.status.code(), Some(1), "{lines}");
    assert!(lines.lines().any(|line| line == format!("problem {said}")), "{lines}");
}

fn on(redis: &Redis) -> [String; 2] {
    ["--presence=redis".to_owned(), format!("--redis-url={}", redis.url())]
}

fn start(redis: &Redis, issuer: &Issuer, flags: &[&str]) -> Tidings {
    let (keys, [presence, url]) = (issuer.flag(), on(redis));
    Tidings::start_with(&[&[&*keys, &presence, &url], flags].concat())
}

#[tokio::test]
async fn one_command_reaches_every_server_of_a_redis_and_those_that_start_later() {
    let Some(redis) = require(Redis::private().await) else { return };
    let issuer = Issuer::new();
    let patient = ["--redis-timeout=30s"];
    let mut servers = [start(&redis, &issuer, &patient), start(&redis, &issuer, &patient)];
    let (alice, bob) = (issuer.token("alice"), issuer.token("bob"));
    let mut alices = Socket::connect(&servers[0], &alice).await;
    let mut bobs = [Socket::connect(&servers[0], &bob).await, Socket::connect(&servers[1], &bob).await];
    let [presence, url] = on(&redis);
    let said = revoke(&[&presence, &url, "--user=bob"]).await;
    assert!(said.contains("2 servers have heard it"), "{said}");
    for socket in &mut bobs {
        assert_eq!(socket.closed(AT_ONCE).await, REVOKED);
    }
    alices.assert_open().await;

    // A Redis that has lost its data gets it again from the servers, and a new server from there.
    let mut connection = redis_connection(redis.url()).await.unwrap();
    redis::cmd("DEL").arg("{tidings:revocations}").exec_async(&mut connection).await.unwrap();
    let restored = async {
        loop {
            let mut count = redis::cmd("ZCARD");
            count.arg("{tidings:revocations}");
            if count.query_async::<u64>(&mut connection).await.unwrap() == 1 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(LIMIT, restored).await.expect("the servers write what redis lost");
    servers[1].kill();
    servers[1].start_again();
    assert_eq!(Socket::try_connect(&servers[1], &bob).await.err(), Some(401));
    Socket::connect(&servers[1], &alice).await;
}

#[tokio::test]
async fn while_redis_is_frozen_the_last_list_counts_and_what_is_revoked_then_arrives_afterwards() {
    let Some(redis) = require(Redis::private().await) else { return };
    let issuer = Issuer::new();
    // Longer than a busy machine keeps a Redis that is well from answering.
    let server = start(&redis, &issuer, &["--redis-timeout=3s"]);
    let [presence, url] = on(&redis);
    revoke(&[&presence, &url, "--user=bob"]).await;
    let mut carol = Socket::connect(&server, &issuer.token("carol")).await;
    let mut dave = Socket::connect(&server, &issuer.token("dave")).await;
    until_ready(&server, 200).await;

    redis.freeze().await.unwrap();
    let silent = async {
        loop {
            // Presence may be the first to say so.
            let part = until_ready(&server, 503).await;
            if part["state"] != "well" {
                return part;
            }
        }
    };
    let part = timeout(LIMIT, silent).await.expect("revocations are not well");
    assert!(part["reason"].as_str().unwrap().contains("the last known revocations count"), "{part}");
    assert_eq!(Socket::try_connect(&server, &issuer.token("bob")).await.err(), Some(401));
    carol.assert_open().await;
    // The command waits for Redis.
    let mut command = JoinSet::new();
    let flags = [&*presence, &url, "--redis-timeout=60s", "--user=carol"].map(str::to_owned);
    command.spawn(async move { revoke(&flags.each_ref().map(String::as_str)).await });

    redis.thaw().await.unwrap();
    command.join_next().await.unwrap().unwrap();
    assert_eq!(carol.closed(LIMIT).await, REVOKED);
    assert_eq!(until_ready(&server, 200).await["state"], "well");
    // What nobody publishes is read at the latest after 10 s.
    let until = wall_time() + Duration::from_secs(3_600);
    let until = until.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let member = format!(r#"{{"user":"dave","until":{until}}}"#);
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let mut add = redis::cmd("ZADD");
    add.arg("{tidings:revocations}").arg(until * 1_000).arg(member);
    add.exec_async(&mut connection).await.unwrap();
    assert_eq!(dave.closed(LIMIT).await, REVOKED);
}
