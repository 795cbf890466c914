//! What a hook that panics causes: the end of its own connection, with code 1011.

use std::sync::Arc;
#[cfg(feature = "sisters")]
use std::sync::OnceLock;

use async_trait::async_trait;
use bytes::Bytes;
#[cfg(feature = "sisters")]
use conductor_hub::federation::{Sister, SisterConfig, SisterDialler, SisterEnd, SisterManager, SisterMeta};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, Author, BindCause, Config, Connection, Denied, Disconnect, Handler, Handshake,
    Hooks, Hub, Lifecycle, Storage,
};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite;

#[cfg(feature = "sisters")]
use crate::support::node::{Node, SECRET, Told, next, until};
use crate::support::{Client, request};

/// Panics in the hook of this name, for Alice and her messages alone.
struct Panics(&'static str);

impl Panics {
    fn in_hook(&self, name: &str, user: Option<&str>) {
        assert!(name != self.0 || user != Some("alice"), "a test panics in {name}");
    }
}

#[async_trait]
impl Auth for Panics {
    async fn admit(&self, _: &Handshake<'_>) -> Result<Admission, Denied> {
        self.in_hook("admit", Some("alice"));
        Ok(Admission::default())
    }

    fn can_bind(&self, connection: &Connection, _: MessageRef<'_>) -> bool {
        self.in_hook("can_bind", connection.user());
        true
    }

    fn can_write(&self, connection: &Connection, _: MessageRef<'_>) -> bool {
        self.in_hook("can_write", connection.user());
        true
    }
}

#[async_trait]
impl Lifecycle for Panics {
    async fn connected(&self, connection: &Arc<Connection>) {
        self.in_hook("connected", connection.user());
    }

    async fn disconnected(&self, connection: &Arc<Connection>, _: Disconnect, _: &[Arc<str>]) {
        self.in_hook("disconnected", connection.user());
    }

    fn bound(&self, connection: &Arc<Connection>, _: &str, _: BindCause) {
        self.in_hook("bound", connection.user());
    }

    fn unbound(&self, connection: &Arc<Connection>, _: &str, _: BindCause) {
        self.in_hook("unbound", connection.user());
    }
}

impl Handler for Panics {
    fn call(&self, connection: &Arc<Connection>, _: Message) -> Answer {
        self.in_hook("call", connection.user());
        Answer::none()
    }
}

impl Storage for Panics {
    fn store(&self, _author: &Author<'_>, message: MessageRef<'_>) {
        self.in_hook("store", (message.body == b"of alice").then_some("alice"));
    }
}

fn hub(hook: &'static str) -> Hub {
    let panics = Arc::new(Panics(hook));
    let hooks = Hooks::default()
        .auth(panics.clone())
        .lifecycle(panics.clone())
        .handler(panics.clone())
        .storage(panics);
    Hub::start(Config::default(), hooks).expect("configuration is valid")
}

#[tokio::test]
async fn a_hook_that_panics_ends_its_connection_with_1011_and_no_other() {
    for hook in ["connected", "can_bind", "bound", "can_write", "store", "call", "unbound"] {
        let hub = hub(hook);
        let mut bob = Client::bound(&hub, "hello").await;
        let mut alice =
            Client::connect_with(&hub, Admission::user("alice").bound_to("hello"), 64 * 1024).await;
        for message in [
            Message::new(Opcode::BIND, "other", ""),
            Message::new(Opcode::WRITE, "other", "of alice"),
            Message::new(Opcode::SERVER, "", "a call"),
            Message::new(Opcode::UNBIND, "other", ""),
        ] {
            let mut bytes = bytes::BytesMut::new();
            message.encode(&mut bytes).expect("message has an encoding");
            // It may be closed already.
            if alice.socket.send(tungstenite::Message::Binary(bytes.freeze())).await.is_err() {
                break;
            }
        }
        assert_eq!(alice.close_code().await, 1011, "{hook}");
        while hub.members("hello") > 1 {
            tokio::task::yield_now().await;
        }
        bob.settle().await;
        let mut carol = Client::bound(&hub, "hello").await;
        let said = carol.write("hello", "hi").await;
        assert_eq!(bob.next().await, said, "{hook}");
    }
}

#[tokio::test]
async fn a_panic_at_the_end_changes_no_close_code() {
    let hub = hub("disconnected");
    let mut alice = Client::connect_with(&hub, Admission::user("alice"), 64 * 1024).await;
    alice.socket.send(tungstenite::Message::Binary(Bytes::from_static(&[9]))).await.expect("hub reads");
    assert_eq!(alice.close_code().await, Disconnect::InvalidPayload.code());
    while hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_panic_at_the_handshake_is_answered_with_500() {
    assert_eq!(hub("admit").handle(request::handshake("/ws")).await.status(), 500);
}

/// Panics in the hook of this name, and shares what it dials with.
#[cfg(feature = "sisters")]
struct PanickingManager {
    hook: &'static str,
    dialler: OnceLock<SisterDialler>,
}

#[cfg(feature = "sisters")]
impl PanickingManager {
    fn new(hook: &'static str) -> Arc<Self> {
        Arc::new(Self { hook, dialler: OnceLock::new() })
    }

    fn in_hook(&self, name: &str) {
        assert!(name != self.hook, "a test panics in {name}");
    }

    /// Asks all sisters how many they have.
    async fn query(&self) {
        until(|| self.dialler.get().is_some()).await;
        self.dialler.get().expect("it was waited for").query();
    }
}

#[cfg(feature = "sisters")]
#[async_trait]
impl SisterManager for PanickingManager {
    async fn start(&self, dialler: &SisterDialler) {
        assert!(self.dialler.set(dialler.clone()).is_ok(), "it is started once");
    }

    fn write(&self, _channel: &str) -> bool {
        self.in_hook("write");
        true
    }

    fn connected(&self, _sister: &Arc<Sister>) {
        self.in_hook("connected");
    }

    fn disconnected(&self, _sister: &Arc<Sister>, _reason: SisterEnd) {
        self.in_hook("disconnected");
    }

    fn meta_query(&self, _sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        self.in_hook("meta_query");
        meta
    }

    fn meta_response(&self, _sister: &Arc<Sister>, _meta: SisterMeta) {
        self.in_hook("meta_response");
    }
}

#[cfg(feature = "sisters")]
#[tokio::test]
async fn a_sister_manager_that_panics_loses_no_message_and_ends_no_link() {
    for hook in ["write", "connected", "disconnected", "meta_query", "meta_response"] {
        let (panics, other) = (PanickingManager::new(hook), PanickingManager::new("none"));
        let node = |manager: &Arc<PanickingManager>| {
            Node::managed(Arc::clone(manager), Config::default(), SisterConfig::new(*SECRET))
        };
        let (mut a, b) = (node(&panics).await, node(&other).await);
        b.link(&a).await;
        let (mut here, mut there) = (a.member("tea").await, b.member("tea").await);
        a.reach(&mut there, "tea").await;
        b.reach(&mut here, "tea").await;
        for number in 0..20 {
            // Each is asked, and answered, in the middle of messages.
            panics.query().await;
            other.query().await;
            let written = there.write("tea", format!("there {number}")).await;
            assert_eq!(next(&mut here).await, written, "{hook}");
            let written = here.write("tea", format!("here {number}")).await;
            assert_eq!(next(&mut there).await, written, "{hook}");
        }
        assert!(a.told_so_far().iter().all(|told| matches!(told, Told::Found(..))), "{hook}");
        assert_eq!((a.hub.sisters().len(), b.hub.sisters().len()), (1, 1), "{hook}");
        a.hub.sisters()[0].close();
        until(|| a.hub.sisters().is_empty() && b.hub.sisters().is_empty()).await;
        here.settle().await;
    }
}
