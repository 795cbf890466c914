//! A hub at an address, with sisters.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use conductor_hub::federation::{
    NodeId, Sister, SisterConfig, SisterDialler, SisterEnd, SisterManager, SisterServer, SisterSocket,
    Sisters,
};
use conductor_hub::protocol::{Message, Opcode};
#[cfg(feature = "tls")]
use conductor_hub::server::{self, Server, TlsFiles};
use conductor_hub::test_util::MemorySister;
use conductor_hub::{Admission, Config, Hooks, Hub, Lifecycle, PeerAddress};
use http::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::Client;

pub(crate) const SECRET: &[u8; 22] = b"the secret of the test";

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A hub at a free port of the loopback address, for as long as the test runs.
pub(crate) struct Node {
    pub(crate) hub: Hub,
    pub(crate) sisters: Arc<Sisters>,
    pub(crate) address: SocketAddr,
    told: mpsc::Receiver<Told>,
    /// What listens for it, if that is a listener of the hub's own.
    #[cfg(feature = "tls")]
    _server: Option<Server>,
}

/// What a lifecycle hook hears of other nodes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Found(NodeId, u64),
    Gap(NodeId, RangeInclusive<u64>),
    Lost(NodeId),
}

/// Dials nobody, and says why links ended.
pub(crate) struct Ends(pub(crate) mpsc::Sender<SisterEnd>);

#[async_trait]
impl SisterManager for Ends {
    async fn start(&self, _dialler: &SisterDialler) {}

    fn disconnected(&self, _sister: &Arc<Sister>, reason: SisterEnd) {
        self.0.try_send(reason).expect("the test listens");
    }
}

struct Telling(mpsc::Sender<Told>);

impl Lifecycle for Telling {
    fn sister_found(&self, origin: NodeId, first: u64) {
        self.0.try_send(Told::Found(origin, first)).expect("the test listens");
    }

    fn sister_gap(&self, origin: NodeId, missing: RangeInclusive<u64>) {
        self.0.try_send(Told::Gap(origin, missing)).expect("the test listens");
    }

    fn sister_lost(&self, origin: NodeId) {
        self.0.try_send(Told::Lost(origin)).expect("the test listens");
    }
}

impl Node {
    pub(crate) async fn start() -> Self {
        Self::with(Hooks::default(), SisterConfig::new(*SECRET)).await
    }

    pub(crate) async fn with(hooks: Hooks, config: SisterConfig) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        Self::at(listener, Sisters::new(), hooks, config)
    }

    /// Starts a hub at this listener, whose sisters this manager finds.
    pub(crate) fn at(listener: TcpListener, sisters: Sisters, hooks: Hooks, config: SisterConfig) -> Self {
        let sisters = Arc::new(sisters);
        let (hub, told) = hub(Config::default(), Arc::clone(&sisters), hooks, config);
        Self::serving(listener, hub, sisters, told)
    }

    /// Starts a hub of this configuration, whose sisters a manager of the test's own finds.
    pub(crate) async fn managed(
        manager: impl SisterManager + 'static,
        hub_config: Config,
        config: SisterConfig,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let (hub, told) = hub(hub_config, manager, Hooks::default(), config);
        Self::serving(listener, hub, Arc::default(), told)
    }

    fn serving(listener: TcpListener, hub: Hub, sisters: Arc<Sisters>, told: mpsc::Receiver<Told>) -> Self {
        let address = listener.local_addr().expect("it has an address");
        TaskTracker::new().spawn(serve(hub.clone(), listener));
        Self {
            hub,
            sisters,
            address,
            told,
            #[cfg(feature = "tls")]
            _server: None,
        }
    }

    /// Starts a hub whose own listener speaks TLS.
    #[cfg(feature = "tls")]
    pub(crate) async fn over_tls(files: TlsFiles) -> Self {
        let sisters = Arc::new(Sisters::new());
        let config = SisterConfig::new(*SECRET);
        let (hub, told) = hub(Config::default(), Arc::clone(&sisters), Hooks::default(), config);
        let config = server::Config::default().address(([127, 0, 0, 1], 0)).path("/ws").tls(files);
        let server = Server::start(config, &hub).await.expect("the certificate is good");
        Self { hub, sisters, address: server.local_addr(), told, _server: Some(server) }
    }

    pub(crate) fn id(&self) -> NodeId {
        self.hub.node().expect("it has sisters")
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/ws", self.address)
    }

    /// Links to another node, and waits until both know.
    pub(crate) async fn link(&self, other: &Self) {
        let sister = SisterServer::new(other.url(), HeaderMap::new()).expect("it is an address");
        self.hub.add_sister(sister).await.expect("they know the secret");
        until(|| other.hub.sisters().iter().any(|sister| sister.node() == self.id())).await;
    }

    pub(crate) async fn client(&self, user: Option<&str>) -> Client {
        let admission = user.map_or_else(Admission::default, Admission::user);
        Client::connect_with(&self.hub, admission, 64 * 1024).await
    }

    pub(crate) async fn member(&self, channel: &str) -> Client {
        Client::bound(&self.hub, channel).await
    }

    /// Returns what the lifecycle hook hears next of other nodes.
    pub(crate) async fn told(&mut self) -> Told {
        timeout(PATIENCE, self.told.recv()).await.expect("it is told in time").expect("the hub is open")
    }

    /// Returns the next gap that is told.
    pub(crate) async fn gap(&mut self) -> (NodeId, RangeInclusive<u64>) {
        loop {
            if let Told::Gap(origin, missing) = self.told().await {
                return (origin, missing);
            }
        }
    }

    /// Returns what was told and not returned.
    pub(crate) fn told_so_far(&mut self) -> Vec<Told> {
        std::iter::from_fn(|| self.told.try_recv().ok()).collect()
    }

    /// Waits until what is published here reaches a member somewhere.
    pub(crate) async fn reach(&self, member: &mut Client, channel: &str) {
        loop {
            self.hub.publish(channel, "are you there?").expect("the name is short");
            if timeout(Duration::from_millis(20), member.next()).await.is_ok() {
                break;
            }
        }
        self.hub.publish(channel, "you are").expect("the name is short");
        while member.next().await.body != "you are" {}
    }
}

fn hub(
    hub_config: Config,
    manager: impl SisterManager + 'static,
    hooks: Hooks,
    config: SisterConfig,
) -> (Hub, mpsc::Receiver<Told>) {
    let (sender, told) = mpsc::channel(10_000);
    let hooks = hooks.lifecycle(Telling(sender)).sisters(config, manager);
    (Hub::start(hub_config, hooks).expect("the configuration is valid"), told)
}

/// Has a member of `tea` at one node write a hundred messages, which one at another node gets as
/// they were; returns both.
pub(crate) async fn share_tea(a: &Node, b: &Node) -> (Client, Client) {
    let (mut here, mut there) = (a.member("tea").await, b.member("tea").await);
    a.reach(&mut there, "tea").await;
    b.reach(&mut here, "tea").await;
    for number in 0..100 {
        let written = here.write("tea", format!("cup {number}")).await;
        assert_eq!(next(&mut there).await, written);
    }
    (here, there)
}

/// Returns the next message that is no question whether somebody is there.
pub(crate) async fn next(member: &mut Client) -> Message {
    loop {
        let message = member.next().await;
        if message.body != "are you there?" && message.body != "you are" {
            return message;
        }
    }
}

async fn serve(hub: Hub, listener: TcpListener) {
    let connections = TaskTracker::new();
    while let Ok((socket, peer)) = listener.accept().await {
        let hub = hub.clone();
        let service = service_fn(move |mut request: http::Request<hyper::body::Incoming>| {
            request.extensions_mut().insert(PeerAddress::new(peer));
            let hub = hub.clone();
            async move { Ok::<_, Infallible>(hub.handle(request).await) }
        });
        connections.spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            server.serve_connection_with_upgrades(TokioIo::new(socket), service).await.ok();
        });
    }
}

/// Waits until something is so that no event tells.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it comes in time");
}

/// Returns the messages of a stream, in pieces.
pub(crate) fn stream(channel: &str, bytes: &Bytes, piece: usize) -> Vec<Message> {
    let message = |opcode, body| Message::with_uuid(opcode, "the stream", channel, body);
    let pieces = (0..bytes.len()).step_by(piece);
    let pieces = pieces.map(|at| bytes.slice(at..bytes.len().min(at + piece)));
    let writes = pieces.map(|piece| message(Opcode::STREAM_WRITE, piece));
    let start = message(Opcode::STREAM_START, Bytes::new());
    [start].into_iter().chain(writes).chain([message(Opcode::STREAM_END, Bytes::new())]).collect()
}

/// Links two nodes in memory; returns what puts batches into the link, for the first to read.
pub(crate) async fn link_in_memory(a: &Node, b: &Node) -> mpsc::Sender<Bytes> {
    let ((to_a, at_a), (to_b, at_b)) = (mpsc::channel::<Bytes>(16), mpsc::channel::<Bytes>(16));
    let ours = MemorySister::new(SisterSocket::new(at_a, to_b));
    let theirs = SisterSocket::new(at_b, to_a.clone());
    let (dialled, accepted) = tokio::join!(a.hub.add_sister(ours), b.hub.accept_sister(theirs));
    dialled.expect("they are sisters");
    accepted.expect("they are sisters");
    to_a
}
