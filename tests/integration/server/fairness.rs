//! A client that asks for everything and reads nothing, and others who read: those are answered at
//! once.

use serde_json::Value;
use tests::Tidings;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::Code;
use tonic::transport::Endpoint;

use super::unread::{LIMIT, answered, ask_often, endpoint, fill, open};

/// More clients that do not read than there is room for their answers.
const DEAF: usize = 40;
/// How many streams of them one connection has.
const STREAMS: usize = 15;
/// Reads of honest clients. Each is answered at its first try, or at a later one where the machine
/// let the server stand still for the second that a read waits for room.
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
    let deaf = answered(&server, asking).await;
    let client = reqwest::Client::new();
    for read in 0..READS {
        let url = server.url("/timeline/sync?member=bob&count=1000");
        let welcome = async {
            loop {
                let answer = client.get(&url).send().await.unwrap();
                if answer.status() == 200 {
                    return answer;
                }
                assert_eq!(answer.status(), 503);
            }
        };
        let answer = timeout(LIMIT, welcome)
            .await
            .unwrap_or_else(|_| panic!("read {read} beside {} that do not read", deaf.len()));
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
        let welcome = async {
            loop {
                match open(reader.clone()).await {
                    Ok(answer) => return answer,
                    Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
                }
            }
        };
        let mut answer = timeout(LIMIT, welcome)
            .await
            .unwrap_or_else(|_| panic!("read {read} beside {} that do not read", deaf.len()));
        assert!(!answer.message().await.unwrap().unwrap().entry_set.is_empty());
    }
    drop(deaf);
}
