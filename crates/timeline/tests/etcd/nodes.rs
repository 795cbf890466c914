//! A client whose calls go to the nodes that there are.

use std::collections::BTreeSet;

use serde_json::json;
use test_support::{Etcd, require};
use timeline::etcd::{Registration, RegistrationConfig, Resolver, ResolverConfig, Servers};
use timeline::grpc::TimelineClient;
use timeline::memory::MemoryStore;
use timeline::proto::v1;
use timeline::{Config, Timeline, grpc};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Channel, Server};

use crate::scene::{LIMIT, key, nodes_become};

/// A node with a group whose title says whose answer it is.
struct Serving {
    address: String,
    _server: JoinSet<()>,
}

impl Serving {
    async fn start(title: &str) -> Self {
        let timeline = Timeline::start(Config::default(), MemoryStore::default()).unwrap();
        let group = timeline::NewGroup::new(timeline::GroupName::new("who").unwrap()).title(title);
        let owner = timeline::MemberId::new("alice").unwrap();
        timeline.create_group(group.owner(owner)).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("grpc://{}", listener.local_addr().unwrap());
        let service = grpc::server(grpc::Config::default(), timeline).unwrap();
        let mut server = JoinSet::new();
        server.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        Self { address, _server: server }
    }

    fn register(&self, etcd: &Etcd, id: &str) -> Registration {
        let config = RegistrationConfig::new(Servers::new([etcd.url()]), [self.address.clone()]).id(id);
        Registration::start(config).unwrap()
    }
}

async fn who(client: &mut TimelineClient<Channel>) -> String {
    let request = v1::GetGroupRequest { group: "who".to_owned() };
    let answer = timeout(LIMIT, client.get_group(request)).await.unwrap();
    answer.unwrap().into_inner().title
}

#[tokio::test]
async fn calls_go_to_all_nodes_and_follow_those_that_come_and_go() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let resolver = Resolver::start(ResolverConfig::new(Servers::new([etcd.url()]))).unwrap();
    let mut client = resolver.client();
    let (first, second) = (Serving::start("first").await, Serving::start("second").await);
    // A call that comes before any node waits for one.
    let early = {
        let mut client = client.clone();
        async move { who(&mut client).await }
    };
    let (early, registration) = tokio::join!(early, async { first.register(&etcd, "a") });
    assert_eq!(early, "first");

    let other = second.register(&etcd, "b");
    nodes_become(&resolver, &["a", "b"]).await;
    let mut heard = BTreeSet::new();
    while heard.len() < 2 {
        heard.insert(who(&mut client).await);
    }
    assert!(registration.shutdown(LIMIT).await);
    nodes_become(&resolver, &["b"]).await;
    // A change is taken with the calls that come after it.
    while who(&mut client).await != "second" {}
    assert!(other.shutdown(LIMIT).await);
    assert!(resolver.shutdown(LIMIT).await);
}

#[tokio::test]
async fn nodes_of_the_original_are_found_and_others_are_not() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let node = Serving::start("the original").await;
    let value = |name: &str| {
        json!({ "id": "host", "name": name, "version": "", "metadata": null,
            "endpoints": ["http://127.0.0.1:1", node.address] })
        .to_string()
    };
    etcd.put(&key("host"), &value("go-timeline")).await.unwrap();
    etcd.put(&key("other"), &value("another")).await.unwrap();
    etcd.put(&key("odd"), "no JSON").await.unwrap();
    etcd.put("/microservices/go-timeline-2/host", &value("go-timeline-2")).await.unwrap();
    let resolver = Resolver::start(ResolverConfig::new(Servers::new([etcd.url()]))).unwrap();
    nodes_become(&resolver, &["host"]).await;
    assert_eq!(who(&mut resolver.client()).await, "the original");
    etcd.delete(&key("host")).await.unwrap();
    nodes_become(&resolver, &[]).await;
}

#[tokio::test]
async fn compaction_makes_no_gap() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let resolver = Resolver::start(ResolverConfig::new(Servers::new([etcd.url()]))).unwrap();
    let value = |id: &str| json!({ "id": id, "name": "go-timeline", "endpoints": [] }).to_string();
    etcd.put(&key("a"), &value("a")).await.unwrap();
    nodes_become(&resolver, &["a"]).await;
    // While the watch is broken, nodes change and what has happened is compacted away.
    etcd.kill().unwrap();
    etcd.start_again().await.unwrap();
    etcd.put(&key("b"), &value("b")).await.unwrap();
    etcd.delete(&key("a")).await.unwrap();
    etcd.put(&key("c"), &value("c")).await.unwrap();
    let revision =
        etcd.call("kv/range", &json!({ "key": "AA==" })).await.unwrap()["header"]["revision"].clone();
    etcd.call("kv/compaction", &json!({ "revision": revision })).await.unwrap();
    nodes_become(&resolver, &["b", "c"]).await;
}
