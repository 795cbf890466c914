//! Who makes tokens, who connects with one, and who runs the command.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use identity::{NewKey, NewToken, Scope, Scopes, Signer};
use serde_json::Value;
use tempfile::TempDir;
use tests::Tidings;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// How long anything may take on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// How long a connection may stay after its login was revoked.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) const REVOKED: u16 = 4301;

#[expect(clippy::disallowed_methods, reason = "a token and a server have to agree on the wall time")]
pub(super) fn wall_time() -> SystemTime {
    SystemTime::now()
}

/// Who makes the tokens of the servers of a test.
pub(super) struct Issuer {
    signer: Signer,
    directory: TempDir,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let (key, directory) = (NewKey::ed25519().unwrap(), TempDir::new().unwrap());
        fs::write(directory.path().join("verifying.pem"), key.verifying().unwrap()).unwrap();
        Self { signer: Signer::from_pem(key.signing(), None).unwrap(), directory }
    }

    /// The flag by which a server believes its tokens.
    pub(super) fn flag(&self) -> String {
        format!("--token-keys={}", self.directory.path().join("verifying.pem").display())
    }

    pub(super) fn sign(&self, token: &NewToken) -> String {
        self.signer.sign(token).unwrap()
    }

    pub(super) fn token(&self, user: &str) -> String {
        self.sign(&NewToken::new(user, wall_time(), LIMIT * 10))
    }

    pub(super) fn admin(&self) -> String {
        let scopes = Scopes::from_iter([Scope::Admin]);
        self.sign(&NewToken::new("operator", wall_time(), LIMIT * 10).scopes(scopes))
    }
}

/// One open connection.
pub(super) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    /// Connects with a token, or returns the status of the refusal.
    pub(super) async fn try_connect(server: &Tidings, token: &str) -> Result<Self, u16> {
        let mut request = format!("ws://{}/ws", server.http()).into_client_request().unwrap();
        request.headers_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
        match connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(tungstenite::Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("neither let in nor refused: {error}"),
        }
    }

    pub(super) async fn connect(server: &Tidings, token: &str) -> Self {
        let socket = Self::try_connect(server, token).await;
        let mut socket = socket.unwrap_or_else(|status| panic!("refused with {status}"));
        // It is in the hub when it answers.
        socket.assert_open().await;
        socket
    }

    pub(super) async fn assert_open(&mut self) {
        self.0.send(tungstenite::Message::Ping("hello".into())).await.unwrap();
        let answered = async {
            while !matches!(self.0.next().await.unwrap().unwrap(), tungstenite::Message::Pong(_)) {}
        };
        timeout(LIMIT, answered).await.expect("the connection is open");
    }

    /// The code with which it is closed.
    pub(super) async fn closed(&mut self, within: Duration) -> u16 {
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
pub(super) async fn revoke(flags: &[&str]) -> String {
    let output = run(&[&["revoke"], flags].concat()).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

pub(super) async fn run(flags: &[&str]) -> Output {
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    let run = move || {
        let directory = TempDir::new().unwrap();
        Tidings::run(directory.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Asks again until `/readyz` has this status, and returns the part that revocations are.
pub(super) async fn until_ready(server: &Tidings, status: u16) -> Value {
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
