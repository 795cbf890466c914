//! The receiver of a webhook, which answers as it is told to.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::Value;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// How long a post may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What becomes of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Status(u16),
    /// 200, and a body that never ends.
    Endless,
    /// Never any.
    Hang,
    /// The connection is cut before one.
    Cut,
}

/// A post, and what became of it.
#[derive(Debug, Clone)]
pub(super) struct Post {
    pub(super) headers: HashMap<String, String>,
    pub(super) text: String,
    pub(super) answer: Answer,
}

impl Post {
    pub(super) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    /// Its events, as `bob ONLINE`.
    pub(super) fn events(&self) -> Vec<String> {
        let body = self.body();
        let told = body["events"].as_array().unwrap().iter();
        told.map(|event| format!("{} {}", event["id"].as_str().unwrap(), event["status"].as_str().unwrap()))
            .collect()
    }
}

/// Listens on the loopback address; gone, with all its connections, when dropped.
pub(super) struct Receiver {
    port: Port,
    posts: mpsc::Receiver<Post>,
    script: Arc<Mutex<VecDeque<Answer>>>,
    scheme: &'static str,
    tasks: JoinSet<()>,
}

impl Receiver {
    /// Starts one that answers with these first, then with 204.
    pub(super) async fn start(script: &[Answer]) -> Self {
        Self::listen(Port::take(), script, None)
    }

    /// Cuts all its connections and refuses others, at an address that nobody else takes.
    pub(super) async fn go_away(mut self) -> AwayReceiver {
        self.tasks.shutdown().await;
        AwayReceiver { port: self.port }
    }

    /// Starts one that speaks TLS, and returns the certificate of the authority that vouches for
    /// it, in PEM.
    pub(super) async fn start_with_tls() -> (Self, String) {
        let (acceptor, authority) = certified();
        (Self::listen(Port::take(), &[], Some(acceptor)), authority)
    }

    fn listen(port: Port, script: &[Answer], tls: Option<TlsAcceptor>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = port.listen();
        let script = Arc::new(Mutex::new(VecDeque::from(script.to_vec())));
        let (heard, posts) = mpsc::channel(10_000);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, tls, heard, Arc::clone(&script)));
        Self { port, posts, script, scheme, tasks }
    }

    /// The flag that makes a server post here.
    pub(super) fn flag(&self) -> String {
        format!("--webhook-url={}://{}/presence?from=tidings", self.scheme, self.port.address)
    }

    /// Answers what comes next with these.
    pub(super) fn will(&self, script: &[Answer]) {
        self.script.lock().unwrap().extend(script);
    }

    pub(super) async fn next(&mut self) -> Post {
        timeout(LIMIT, self.posts.recv()).await.expect("a post comes in time").unwrap()
    }

    /// The next post that was taken.
    pub(super) async fn taken(&mut self) -> Post {
        loop {
            let post = self.next().await;
            if matches!(post.answer, Answer::Status(200..300)) {
                return post;
            }
        }
    }

    /// The next `count` events that were taken, in their order.
    pub(super) async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        while events.len() < count {
            events.extend(self.taken().await.events());
        }
        assert_eq!(events.len(), count, "{events:?}");
        events
    }
}

/// A receiver that is down, with its port.
pub(super) struct AwayReceiver {
    port: Port,
}

impl AwayReceiver {
    /// Starts it again; it answers with 204.
    pub(super) fn come_back(self) -> Receiver {
        Receiver::listen(self.port, &[], None)
    }
}

/// A port that nobody else gets as long as this exists, whether somebody listens there or not.
///
/// A socket that is bound and never listens keeps it. What listens shares the port with that one:
/// a port that is only given back and taken again is somebody else's in between, now and then.
struct Port {
    address: SocketAddr,
    _keeper: TcpSocket,
}

impl Port {
    fn take() -> Self {
        let keeper = bound(SocketAddr::from(([127, 0, 0, 1], 0)));
        Self { address: keeper.local_addr().unwrap(), _keeper: keeper }
    }

    fn listen(&self) -> TcpListener {
        bound(self.address).listen(1_024).unwrap()
    }
}

fn bound(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

fn certified() -> (TlsAcceptor, String) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
    let certificate = names.signed_by(&key, &authority).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), authority.pem())
}

async fn accept(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    heard: mpsc::Sender<Post>,
    script: Arc<Mutex<VecDeque<Answer>>>,
) {
    let mut connections = JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        let (heard, script, tls) = (heard.clone(), Arc::clone(&script), tls.clone());
        connections.spawn(async move {
            let served = match tls {
                Some(tls) => match tls.accept(socket).await {
                    Ok(socket) => serve(socket, heard, script).await,
                    Err(error) => Err(error),
                },
                None => serve(socket, heard, script).await,
            };
            // A server that goes away in the middle is part of what is tested.
            served.ok();
        });
    }
}

async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    heard: mpsc::Sender<Post>,
    script: Arc<Mutex<VecDeque<Answer>>>,
) -> io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        assert_eq!(line, "POST /presence?from=tidings HTTP/1.1\r\n");
        let mut headers = HashMap::new();
        loop {
            let mut line = String::new();
            socket.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.insert(name.to_ascii_lowercase(), value.to_owned());
        }
        let mut body = vec![0; headers["content-length"].parse().unwrap()];
        socket.read_exact(&mut body).await?;
        let answer = script.lock().unwrap().pop_front().unwrap_or(Answer::Status(204));
        let text = String::from_utf8(body).unwrap();
        heard.send(Post { headers, text, answer }).await.ok();
        match answer {
            Answer::Status(status) => {
                let answer =
                    format!("HTTP/1.1 {status} Any\r\nContent-Length: 2\r\nLocation: /elsewhere\r\n\r\nok");
                let answer = if status == 204 {
                    answer.replace("Content-Length: 2\r\n", "").replace("\r\nok", "\r\n")
                } else {
                    answer
                };
                socket.write_all(answer.as_bytes()).await?;
            }
            Answer::Endless => {
                socket.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok").await?;
                std::future::pending::<()>().await;
            }
            Answer::Hang => std::future::pending().await,
            Answer::Cut => return Ok(()),
        }
    }
}
