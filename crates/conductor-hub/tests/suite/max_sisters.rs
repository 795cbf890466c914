//! How many sisters a node has, and what nodes say of that.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::federation::{
    Sister, SisterConfig, SisterDialler, SisterManager, SisterMeta, SisterServer,
};
use conductor_hub::{Config, Hooks, Hub};
use http::HeaderMap;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::node::{Node, SECRET, until};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn config(max_sisters: usize) -> SisterConfig {
    SisterConfig::new(*SECRET).max_sisters(max_sisters)
}

fn server(node: &Node) -> SisterServer {
    SisterServer::new(node.url(), HeaderMap::new()).expect("it is an address")
}

#[tokio::test]
async fn a_node_keeps_to_its_sisters_and_finds_another_when_one_dies() {
    let others = [Node::start().await, Node::start().await, Node::start().await, Node::start().await];
    let node = Node::with(Hooks::default(), config(2)).await;
    others.iter().for_each(|other| node.sisters.add(server(other)));
    let linked = || {
        let nodes: Vec<_> = node.hub.sisters().iter().map(|sister| sister.node()).collect();
        assert!(nodes.len() <= 2, "a node that looks for 2 has {}", nodes.len());
        nodes
    };
    until(|| linked().len() == 2).await;
    let dying = linked()[0];
    let dead = others.iter().find(|other| other.id() == dying).expect("it is one of them");
    assert!(dead.hub.shutdown(PATIENCE).await);
    until(|| linked().len() == 2 && !linked().contains(&dying)).await;
}

#[tokio::test]
async fn a_node_takes_twice_the_sisters_that_it_looks_for_and_no_more() {
    let node = Node::with(Hooks::default(), config(1)).await;
    let others = [Node::start().await, Node::start().await, Node::start().await];
    others[0].link(&node).await;
    others[1].link(&node).await;
    // Whoever dials may hear of it by the end of the connection alone.
    others[2].hub.add_sister(server(&node)).await.ok();
    until(|| others[2].hub.sisters().is_empty()).await;
    assert_eq!(node.hub.sisters().len(), 2);
}

/// Dials one sister, asks her how many she has, and passes the answer on.
struct Asking {
    sister: SisterServer,
    answers: mpsc::Sender<SisterMeta>,
}

#[async_trait]
impl SisterManager for Asking {
    async fn start(&self, dialler: &SisterDialler) {
        dialler.dial(&self.sister).await.expect("they know the secret");
        dialler.query();
    }

    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta) {
        assert_eq!(sister.meta(), Some(meta));
        self.answers.try_send(meta).expect("the test listens");
    }
}

#[tokio::test]
async fn a_sister_says_how_many_she_has_and_looks_for() {
    let (asked, other) = (Node::with(Hooks::default(), config(3)).await, Node::start().await);
    other.link(&asked).await;
    let (answers, mut answered) = mpsc::channel(1);
    let hooks = Hooks::default().sisters(config(5), Asking { sister: server(&asked), answers });
    let hub = Hub::start(Config::default(), hooks).expect("the configuration is valid");
    let meta = timeout(PATIENCE, answered.recv()).await.expect("she answers in time").expect("it is told");
    assert_eq!((meta.sisters, meta.most), (2, 3));
    assert_eq!(hub.sisters().len(), 1);
}
