//! One connection that hears notifications.

use futures_util::{FutureExt, StreamExt};
use presence_core::{Error, ErrorKind, Id};
use redis::aio::{PubSubSink, PubSubStream};
use redis::{Msg, RedisResult, Value};
use tokio::task::unconstrained;
use tokio::time::timeout;

use super::config::Config;
use super::keys::{KeyEvent, Keys};
use super::notifications;
use super::store::KeyStore;
use crate::connection::answer_code;

/// A subscription to the four channels of [`KeyEvent`].
pub(super) struct KeyEvents {
    sink: PubSubSink,
    messages: PubSubStream,
}

impl KeyEvents {
    /// Connects and subscribes: everything that happens once this returned is heard.
    pub(super) async fn open(store: &KeyStore, config: &Config) -> Result<Self, Error> {
        // The setting is looked at for each connection, as a Redis that was started again may have
        // forgotten it.
        notifications::ensure(&store.link, config.notifications).await?;
        let opened = timeout(store.link.connect_timeout(), async {
            let client = store.link.client().await?;
            let database = client.get_connection_info().redis_settings().db();
            let failed = |error| store.link.failed(error);
            let (mut sink, messages) = client.get_async_pubsub().await.map_err(failed)?.split();
            // The two channels of the Go package come first, in one command as it sends it.
            for signs in KeyEvent::ALL.chunks(2) {
                let channels: Vec<_> = signs.iter().map(|sign| sign.channel(database)).collect();
                sink.psubscribe(channels).await.map_err(failed)?;
            }
            Ok(Self { sink, messages })
        });
        match opened.await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(error)) if answer_code(&error) == Some("NOPERM") => {
                let message = format!(
                    "redis at {} does not let the user of the address subscribe to its notifications; allow \
                     it with `ACL SETUSER`",
                    store.link.address()
                );
                Err(Error::with_source(ErrorKind::Config, message, error))
            }
            Ok(Err(error)) => Err(error),
            Err(_) => {
                let (server, limit) = (store.link.address(), store.link.connect_timeout());
                let message = format!("redis at {server} did not take a subscription within {limit:?}");
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    /// Waits for the next notification; `None` once the connection is lost.
    pub(super) async fn next(&mut self) -> Option<Msg> {
        self.messages.next().await
    }

    /// Returns a notification that is there already.
    ///
    /// Past the task's budget, with which the channel would pretend to be empty.
    pub(super) fn next_now(&mut self) -> Option<Msg> {
        unconstrained(self.messages.next()).now_or_never().flatten()
    }

    /// Asks Redis for a word on this connection: what it told before is there when that has come.
    pub(super) fn ping(&self) -> impl Future<Output = RedisResult<Value>> + Send + use<> {
        let mut sink = self.sink.clone();
        async move { sink.ping().await }
    }
}

/// Returns what a notification says, if it is about one of our keys.
pub(super) fn sign(keys: &Keys, message: &Msg) -> Option<(KeyEvent, Id)> {
    Some((KeyEvent::of(message.get_channel_name())?, keys.id(message.get_payload_bytes())?))
}
