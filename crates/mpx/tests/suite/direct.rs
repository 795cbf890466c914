//! Somebody who talks to Redis directly.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, FromRedisValue, cmd};
use test_support::redis_connection;

use crate::listener::soon;

/// A connection that does not subscribe.
pub(crate) struct Direct {
    connection: MultiplexedConnection,
}

impl Direct {
    pub(crate) async fn open(url: &str) -> Self {
        Self { connection: soon(redis_connection(url)).await.unwrap() }
    }

    pub(crate) async fn ask<T: FromRedisValue>(&mut self, command: &Cmd) -> T {
        soon(command.query_async(&mut self.connection)).await.unwrap()
    }

    pub(crate) fn raw(&mut self) -> &mut MultiplexedConnection {
        &mut self.connection
    }

    /// Publishes, and returns how many connections it went to.
    pub(crate) async fn publish(&mut self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> u64 {
        self.ask(cmd("PUBLISH").arg(channel.as_ref()).arg(payload.as_ref())).await
    }

    pub(crate) async fn spublish(&mut self, channel: &str, payload: &str) -> u64 {
        self.ask(cmd("SPUBLISH").arg(channel).arg(payload)).await
    }

    /// Publishes the numbers below `count`, many at a time.
    pub(crate) async fn publish_numbers(&mut self, channel: &str, count: u32) {
        let numbers: Vec<u32> = (0..count).collect();
        for some in numbers.chunks(10_000) {
            let mut pipe = redis::pipe();
            for number in some {
                pipe.cmd("PUBLISH").arg(channel).arg(number).ignore();
            }
            let () = soon(pipe.query_async(&mut self.connection)).await.unwrap();
        }
    }

    /// Ends all connections that subscribe, and returns how many there were.
    pub(crate) async fn kill_subscribers(&mut self) -> u64 {
        self.ask(cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub")).await
    }

    /// Returns how many connections subscribe to a channel.
    pub(crate) async fn subscribers(&mut self, channel: &str) -> u64 {
        let (_, count): (String, u64) = self.ask(cmd("PUBSUB").arg("NUMSUB").arg(channel)).await;
        count
    }

    /// Returns how many patterns are subscribed to.
    pub(crate) async fn patterns(&mut self) -> u64 {
        self.ask(cmd("PUBSUB").arg("NUMPAT")).await
    }
}
