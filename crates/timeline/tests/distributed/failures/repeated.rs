//! Sends over HTTP and gRPC of which MongoDB does not say in time whether they are stored.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use timeline::grpc::TimelineClient;
use timeline::proto::v1::SendMessageRequest;
use timeline::{Conversation, Entry, Timeline, grpc, http};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::Code;
use tonic::transport::{Channel, Server};
use tonic_types::StatusExt;

use super::scene::{Scene, history, member, send, started, text, until_done};
use crate::place::PATIENCE;

/// By which way a send comes.
#[derive(Debug, Clone, Copy)]
enum Door {
    Http,
    Grpc,
}

/// What a client is told of a send that may be repeated.
#[derive(Debug)]
struct Refused {
    reason: String,
    /// In the metadata; empty if there is none.
    message_id: String,
    text: String,
}

/// A node that is served over both.
struct Doors {
    client: Client,
    address: String,
    grpc: TimelineClient<Channel>,
    // Aborts the servers on drop.
    _servers: JoinSet<()>,
}

impl Doors {
    async fn open(node: &Timeline) -> Self {
        let mut servers = JoinSet::new();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/timeline/send", listener.local_addr().unwrap());
        let router = http::router(http::Config::default(), node.clone()).unwrap();
        servers.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let grpc_address = format!("http://{}", listener.local_addr().unwrap());
        let service = grpc::server(grpc::Config::default(), node.clone()).unwrap();
        servers.spawn(async move {
            let incoming = TcpListenerStream::new(listener);
            Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
        });
        let grpc = TimelineClient::connect(grpc_address).await.unwrap();
        Self { client: Client::new(), address, grpc, _servers: servers }
    }

    /// Sends from ann to bob, and returns the place.
    async fn send(&self, door: Door, said: &str, message_id: &str) -> Result<i64, Refused> {
        match door {
            Door::Http => self.post(said, message_id).await,
            Door::Grpc => self.call(said, message_id).await,
        }
    }

    async fn post(&self, said: &str, message_id: &str) -> Result<i64, Refused> {
        let body = json!({
            "from": "ann", "to": "bob", "message": text(said).as_str(), "message_id": message_id,
        });
        let answer = self.client.post(&self.address).json(&body).send().await.unwrap();
        let (status, answer) = (answer.status(), answer.json::<Value>().await.unwrap());
        if status == StatusCode::OK {
            return Ok(answer["place"].as_str().unwrap().parse().unwrap());
        }
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{answer}");
        let part = |part: &Value| part.as_str().unwrap_or_default().to_owned();
        let message_id = part(&answer["metadata"]["messageId"]);
        Err(Refused { reason: part(&answer["reason"]), message_id, text: part(&answer["message"]) })
    }

    async fn call(&self, said: &str, message_id: &str) -> Result<i64, Refused> {
        let request = SendMessageRequest {
            from: "ann".to_owned(),
            to: "bob".to_owned(),
            message: text(said).as_str().to_owned(),
            message_id: message_id.to_owned(),
        };
        let status = match self.grpc.clone().send(request).await {
            Ok(reply) => return Ok(reply.into_inner().place),
            Err(status) => status,
        };
        assert_eq!(status.code(), Code::Unavailable, "{status}");
        let info = status.get_details_error_info().unwrap();
        let message_id = info.metadata.get("messageId").cloned().unwrap_or_default();
        Err(Refused { reason: info.reason, message_id, text: status.message().to_owned() })
    }

    /// Sends until it is not known whether it is stored.
    ///
    /// On a busy machine what comes before may take too long: then nothing is stored.
    async fn send_in_vain(&self, door: Door, said: &str, message_id: &str) -> Refused {
        let refused = timeout(PATIENCE, async {
            loop {
                let refused = self.send(door, said, message_id).await.unwrap_err();
                if refused.reason == "UNKNOWN_OUTCOME" {
                    return refused;
                }
                assert_eq!(refused.reason, "TIMELINE_UNAVAILABLE", "{refused:?}");
            }
        });
        refused.await.unwrap_or_else(|_elapsed| panic!("{said} always ends before it is written"))
    }

    /// Repeats a send until it is stored.
    async fn repeat(&self, door: Door, said: &str, message_id: &str) -> i64 {
        let stored = timeout(PATIENCE, async {
            loop {
                match self.send(door, said, message_id).await {
                    Ok(place) => return place,
                    Err(refused) => assert_ne!(refused.reason, "TIMELINE_CONFLICT", "{refused:?}"),
                }
            }
        });
        stored.await.unwrap_or_else(|_elapsed| panic!("{said} is never stored"))
    }
}

/// Sends by both doors while inserts fail in a way, with an id or without, and repeats that.
async fn is_stored_once_when_repeated(failure: Document) {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(Duration::from_secs(2))).await;
    let doors = Doors::open(&node).await;
    send(&node, "ann", "bob", "before").await.unwrap();
    let mut data = doc! {
        "failCommands": ["insert"],
        "namespace": format!("{}.chat_history", scene.database),
        "appName": "one",
    };
    data.extend(failure);
    let sends = [(Door::Http, ""), (Door::Http, "own 1"), (Door::Grpc, ""), (Door::Grpc, "own 2")];
    for (number, (door, own_id)) in sends.into_iter().enumerate() {
        let said = format!("m{number}");
        scene.mongo.fail("failCommand", "alwaysOn", data.clone()).await.unwrap();
        let refused = doors.send_in_vain(door, &said, own_id).await;
        scene.mongo.heal("failCommand").await.unwrap();
        if own_id.is_empty() {
            assert!(
                !refused.message_id.is_empty() && refused.text.contains(&refused.message_id),
                "{refused:?}"
            );
        } else {
            assert_eq!(refused.message_id, own_id);
            assert!(refused.text.contains("with the same message id"), "{refused:?}");
        }
        let place = doors.repeat(door, &said, &refused.message_id).await;
        for again in [Door::Http, Door::Grpc] {
            assert_eq!(
                doors.repeat(again, &said, &refused.message_id).await,
                place,
                "the answer is the first"
            );
        }
    }
    until_done(|| send(&node, "ann", "bob", "end")).await;
    let pair = Conversation::single(member("ann"), member("bob"));
    let entries = until_read(&node, &pair).await;
    for number in 0..sends.len() {
        let said = text(&format!("m{number}"));
        let there = entries.iter().filter(|entry| entry.message == said).count();
        assert_eq!(there, 1, "{said} is there {there} times");
    }
    assert!(node.shutdown(PATIENCE).await);
}

/// Reads the history until it has the last message: a hole below it stays for the grace.
async fn until_read(node: &Timeline, pair: &Conversation) -> Vec<Entry> {
    let read = timeout(PATIENCE, async {
        loop {
            let entries = history(node, pair).await;
            if entries.iter().any(|entry| entry.message == text("end")) {
                return entries;
            }
        }
    });
    read.await.expect("the last message comes into the history")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_whose_connection_ended_is_stored_once_when_repeated_with_the_id_it_got() {
    is_stored_once_when_repeated(doc! { "closeConnection": true }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_no_majority_confirmed_is_stored_once_when_repeated_with_the_id_it_got() {
    let concern = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
    is_stored_once_when_repeated(doc! { "writeConcernError": concern }).await;
}
