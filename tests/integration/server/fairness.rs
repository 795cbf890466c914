//! A client that asks for everything and reads nothing, and others who read: those are answered at
//! once.

use serde_json::Value;
use tests::Tidings;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Endpoint;

use super::unread::{LIMIT, ask_often, endpoint, fill, open};

/// More clients that do not read than there is room for their answers.
const DEAF: usize = 40;
/// How many streams of them one connection has.
const STREAMS: usize = 15;
/// Reads of honest clients, each of which is answered at its first try.
const READS: usize = 5;

#[tokio::test]
async fn clients_of_http_that_do_not_read_keep_no_reader_out() {
    let server = Tidings::start();
    fill(&server).await;
    let mut asking = JoinSet::new();
    for _ in 0..DEAF {
        // The system's buffers take the first answer whole.
        asking.spawn(ask_often(server.http(), 3));
    }
    let deaf = timeout(LIMIT, asking.join_all()).await.expect("each is answered or refused");
    let client = reqwest::Client::new();
    for read in 0..READS {
        let answer = client.get(server.url("/timeline/sync?member=bob&count=1000")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "read {read} beside {} that do not read", deaf.len());
        let page: Value = answer.json().await.unwrap();
        assert!(!page["entrySet"].as_array().unwrap().is_empty());
    }
    drop(deaf);
}

#[tokio::test]
async fn streams_of_grpc_that_nobody_reads_keep_no_reader_out() {
    let server = Tidings::start();
    fill(&server).await;
    let mut asking = JoinSet::new();
    for _ in 0..DEAF.div_ceil(STREAMS) {
        let channel = endpoint(&server).connect().await.unwrap();
        for _ in 0..STREAMS {
            asking.spawn(open(channel.clone()));
        }
    }
    let deaf = timeout(LIMIT, asking.join_all()).await.expect("each is answered or refused");
    let reader = Endpoint::from_shared(format!("http://{}", server.grpc())).unwrap().connect().await.unwrap();
    for read in 0..READS {
        let mut answer = open(reader.clone()).await.unwrap_or_else(|status| {
            panic!("read {read} beside {} that do not read: {status}", deaf.len());
        });
        assert!(!answer.message().await.unwrap().unwrap().entry_set.is_empty());
    }
    drop(deaf);
}
