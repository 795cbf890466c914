//! Who may try to become a sister, and whom the program is asked about.

use std::future::pending;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::federation::{SisterClient, SisterConfig, SisterServer, TlsBinding};
use conductor_hub::{Auth, ErrorKind, Handshake, Hooks, PeerAddress};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use crate::sister_links::{dial, status};
use crate::support::node::{Node, SECRET, until};

/// Less than a stranger has for its proof.
const SOON: Duration = Duration::from_secs(3);

fn at(node: &Node) -> SisterServer {
    SisterServer::new(node.url(), HeaderMap::new()).expect("it is an address")
}

#[tokio::test]
async fn strangers_who_prove_nothing_keep_no_sister_out() {
    let (node, sister) = (Node::start().await, Node::start().await);
    let mut strangers = Vec::new();
    for _ in 0..40 {
        let mut stranger = dial(node.address, "").await;
        assert_eq!(status(&mut stranger).await, "101", "the oldest makes room");
        strangers.push(stranger);
    }
    timeout(SOON, sister.link(&node)).await.expect("they keep her out");
    let mut rest = Vec::new();
    // A reset is an end, too.
    let ended = timeout(SOON, strangers[0].read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the oldest is still there");
}

/// Says no, and counts how often it was asked.
#[derive(Default)]
struct SaysNo {
    asked: AtomicUsize,
}

#[async_trait]
impl Auth for SaysNo {
    async fn is_sister(&self, _handshake: &Handshake<'_>) -> bool {
        self.asked.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[tokio::test]
async fn the_auth_hook_is_asked_about_who_knows_the_secret_and_about_no_stranger() {
    let auth = Arc::new(SaysNo::default());
    let node = Node::with(Hooks::default().auth(Arc::clone(&auth)), SisterConfig::new(*SECRET)).await;
    let mut mute = dial(node.address, "").await;
    assert_eq!(status(&mut mute).await, "101");
    let stranger = Node::with(Hooks::default(), SisterConfig::new(*b"another secret, as long")).await;
    let error = stranger.hub.add_sister(at(&node)).await.expect_err("it does not know the secret");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(auth.asked.load(Ordering::Relaxed), 0);
    let sister = Node::start().await;
    let error = sister.hub.add_sister(at(&node)).await.expect_err("the hook says no");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_eq!(auth.asked.load(Ordering::Relaxed), 1);
    assert!(node.hub.sisters().is_empty() && sister.hub.sisters().is_empty());
}

/// Never decides, and counts about how many nodes it is asked at once.
#[derive(Default)]
struct Hangs {
    inside: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Auth for Hangs {
    async fn is_sister(&self, _handshake: &Handshake<'_>) -> bool {
        let inside = self.inside.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(inside, Ordering::Relaxed);
        let _inside = Inside(&self.inside);
        pending().await
    }
}

/// One about whom a hook is asked, until it is no longer waited for.
struct Inside<'a>(&'a AtomicUsize);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_hook_that_hangs_is_asked_about_few_sisters_at_once() {
    let auth = Arc::new(Hangs::default());
    let hooks = Hooks::default().auth(Arc::clone(&auth));
    let (node, sister) = (Node::with(hooks, SisterConfig::new(*SECRET)).await, Node::start().await);
    let dials = TaskTracker::new();
    for _ in 0..32 {
        let (hub, url) = (sister.hub.clone(), node.url());
        // The hook has 5 s for each. On a slow machine the first may be over before the last comes.
        dials.spawn(async move {
            loop {
                let client = SisterServer::new(url.clone(), HeaderMap::new()).expect("it is an address");
                hub.add_sister(client).await.expect_err("nobody says that it is a sister");
            }
        });
    }
    until(|| auth.most.load(Ordering::Relaxed) == 32).await;
    let error = sister.hub.add_sister(at(&node)).await.expect_err("nobody says that it is a sister");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.to_string().contains("auth hook of the sister could not tell"), "{error}");
    assert_eq!(auth.most.load(Ordering::Relaxed), 32);
}

#[tokio::test]
async fn who_dials_a_sister_whose_hook_hangs_waits_long_enough_to_hear_it() {
    let hooks = Hooks::default().auth(Hangs::default());
    let (node, hangs) = (Node::start().await, Node::with(hooks, SisterConfig::new(*SECRET)).await);
    let error = node.hub.add_sister(at(&hangs)).await.expect_err("nobody says that it is a sister");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error:#}");
    assert!(error.to_string().contains("auth hook of the sister could not tell"), "{error:#}");
}

#[tokio::test]
async fn without_tls_sisters_come_from_private_addresses_alone() {
    let node = Node::start().await;
    let handshake = |peer: Option<&str>| {
        let mut request = Request::get("/ws")
            .header("Host", "a")
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Version", "13")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Protocol", "conductor.sister.1")
            .body(())
            .expect("it is a request");
        if let Some(peer) = peer {
            let peer: IpAddr = peer.parse().expect("it is an address");
            request.extensions_mut().insert(PeerAddress::new((peer, 50_000).into()));
        }
        request
    };
    for peer in [None, Some("203.0.113.7"), Some("2001:db8::7"), Some("::ffff:203.0.113.7")] {
        let answer = node.hub.handle(handshake(peer)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{peer:?}");
    }
    // These get as far as to the upgrade, which nobody made possible here.
    for peer in ["10.0.0.7", "fd00::7", "::ffff:10.0.0.7"] {
        let answer = node.hub.handle(handshake(Some(peer))).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{peer}");
    }
    let mut bound = handshake(Some("203.0.113.7"));
    bound.extensions_mut().insert(TlsBinding::new([7; 32]));
    assert_eq!(node.hub.handle(bound).await.status(), StatusCode::INTERNAL_SERVER_ERROR);
}

#[tokio::test]
async fn without_tls_private_addresses_alone_are_dialled() {
    for url in ["ws://203.0.113.7/ws", "ws://[2001:db8::7]:8000/ws"] {
        let sister = SisterServer::new(url, HeaderMap::new()).expect("it is an address");
        let Err(error) = sister.connect().await else { panic!("it is a public address") };
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    }
}
