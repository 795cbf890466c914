//! The Go package as it talks, for tests in which both run side by side.

use futures_util::StreamExt;
use redis::aio::{MultiplexedConnection, PubSubStream};

use super::listener::stranger;

/// A session of the Go package with prefix `presence` and database 0.
pub(crate) struct Ancestor {
    connection: MultiplexedConnection,
    seconds: u32,
    messages: PubSubStream,
}

impl Ancestor {
    pub(crate) async fn start(url: &str, seconds: u32) -> Self {
        let pubsub = redis::Client::open(url).unwrap().get_async_pubsub().await.unwrap();
        let (mut sink, messages) = pubsub.split();
        sink.psubscribe(&["__keyevent@0__:set", "__keyevent@0__:expired"]).await.unwrap();
        Self { connection: stranger(url).await, seconds, messages }
    }

    pub(crate) async fn online(&mut self, ids: &[&str]) {
        let mut refresh = redis::pipe();
        refresh.atomic();
        for id in ids {
            refresh.cmd("EXPIRE").arg(key(id)).arg(self.seconds);
        }
        let there: Vec<bool> = refresh.query_async(&mut self.connection).await.unwrap();
        let absent: Vec<_> = ids.iter().zip(there).filter(|(_, there)| !there).collect();
        if !absent.is_empty() {
            let mut create = redis::pipe();
            create.atomic();
            for (id, _) in absent {
                create.cmd("SETEX").arg(key(id)).arg(self.seconds).arg(*id);
            }
            create.query_async::<()>(&mut self.connection).await.unwrap();
        }
    }

    pub(crate) async fn offline(&mut self, id: &str) {
        let mut end = redis::pipe();
        end.atomic().cmd("EXPIRE").arg(key(id)).arg(0);
        end.query_async::<()>(&mut self.connection).await.unwrap();
    }

    pub(crate) async fn is_online(&mut self, id: &str) -> bool {
        let mut exists = redis::pipe();
        exists.atomic().cmd("EXISTS").arg(key(id));
        let [there] = exists.query_async(&mut self.connection).await.unwrap();
        there
    }

    /// Waits for the next event, `id ONLINE` or `id OFFLINE`, as the Go package cuts it out of a
    /// notification.
    pub(crate) async fn event(&mut self) -> String {
        let message = self.messages.next().await.unwrap();
        let status = if message.get_channel_name().ends_with(":set") { "ONLINE" } else { "OFFLINE" };
        let key: String = message.get_payload().unwrap();
        format!("{} {status}", &key["presence:".len()..])
    }
}

fn key(id: &str) -> String {
    format!("presence:{id}")
}
