//! A stream that keeps what it is given until it is flushed, as TLS may.

use bytes::Bytes;
use conductor_hub::protocol::MessageRef;
use conductor_hub::{Admission, Config, Hooks, Hub};
use futures_util::StreamExt;
use tokio::io::BufWriter;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_util::task::TaskTracker;

#[tokio::test]
async fn what_the_stream_keeps_is_flushed() {
    let hub = Hub::start(Config::default(), Hooks::default()).expect("configuration is valid");
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let admission = Admission::default().bound_to("news");
    let serving = hub.serve(BufWriter::with_capacity(16 * 1024, theirs), admission, Bytes::new());
    TaskTracker::new().spawn(async move { serving.await.expect("hub takes a connection") });
    let mut socket = WebSocketStream::from_raw_socket(ours, Role::Client, None).await;
    while hub.publish("news", "short").expect("it is short") == 0 {
        tokio::task::yield_now().await;
    }
    let next = tokio::time::timeout(std::time::Duration::from_secs(60), socket.next());
    let message = next.await.expect("it is not kept").expect("open").expect("hub keeps to the protocol");
    assert_eq!(MessageRef::decode(&message.into_data()).expect("hub sends messages").body, b"short");
}
