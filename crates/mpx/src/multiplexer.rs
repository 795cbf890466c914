//! The handle of a multiplexer.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::actor::Actor;
use crate::config::Config;
use crate::connection::Dialer;
use crate::engine::Engine;
use crate::error::Error;
use crate::handler::Handler;
use crate::protocol::NameKind;
use crate::registry::NameRoutes;
use crate::subscription::{ChannelSubscription, Events, PatternSubscription, PromiseSubscription};

/// Many subscriptions over one connection.
///
/// Cloning gives another handle of the same. When the last is dropped the multiplexer ends as by
/// [`shutdown`](Self::shutdown), without anybody waiting for it: keep one as long as its
/// subscriptions are to live.
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> Result<(), mpx::Error> {
/// use mpx::{Config, Event, Multiplexer};
///
/// let multiplexer = Multiplexer::start(Config::new("redis://127.0.0.1"))?;
/// let (channels, mut events) = multiplexer.channels()?;
/// channels.add("news")?;
/// while let Some(event) = events.next().await {
///     match event {
///         Ok(Event::Message(message)) => println!("{:?}", message.payload),
///         Ok(Event::Activated { name }) => println!("{name:?}: from here on everything is heard"),
///         Ok(Event::Disconnected { names, .. }) => println!("{names:?}: what is published now is lost"),
///         Ok(other) => println!("{other:?}"),
///         Err(error) => println!("{error}"), // messages were dropped; the stream goes on
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Multiplexer {
    engine: Engine,
}

impl Multiplexer {
    /// Begins to connect.
    ///
    /// Subscriptions can be made at once; they become active when there is a connection.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the address cannot be read or a setting is out of
    /// its bounds, or outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let dialer = Dialer::new(&config)?;
        let engine = Engine::new(config, NameRoutes::One, dialer.server().clone())?;
        let handle = engine.shared.attach();
        let actor = Actor::new(Arc::clone(&engine.shared), handle, dialer, CancellationToken::new());
        engine.run(actor.run());
        Ok(Self { engine })
    }

    /// Makes a subscription to channels, without any yet, and its stream.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) after [`shutdown`](Self::shutdown); so for all that
    /// follow.
    pub fn channels(&self) -> Result<(ChannelSubscription, Events), Error> {
        ChannelSubscription::with_queue(&self.engine.shared, NameKind::Channel)
    }

    /// Makes a subscription to channels, without any yet, that calls a handler.
    ///
    /// # Errors
    ///
    /// As [`channels`](Self::channels).
    pub fn channels_to(&self, handler: impl Handler) -> Result<ChannelSubscription, Error> {
        ChannelSubscription::with_handler(&self.engine.shared, NameKind::Channel, Box::new(handler))
    }

    /// Subscribes to all channels that fit a glob, as `PSUBSCRIBE` does.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) for a pattern that is empty, longer than
    /// 512 MB, or longer than Redis is known to take; otherwise as [`channels`](Self::channels).
    pub fn pattern(&self, pattern: impl AsRef<[u8]>) -> Result<(PatternSubscription, Events), Error> {
        PatternSubscription::with_queue(&self.engine.shared, pattern.as_ref())
    }

    /// Subscribes to all channels that fit a glob, and calls a handler.
    ///
    /// # Errors
    ///
    /// As [`pattern`](Self::pattern).
    pub fn pattern_to(
        &self,
        pattern: impl AsRef<[u8]>,
        handler: impl Handler,
    ) -> Result<PatternSubscription, Error> {
        PatternSubscription::with_handler(&self.engine.shared, pattern.as_ref(), Box::new(handler))
    }

    /// Subscribes to all channels below a prefix, for promises.
    ///
    /// The prefix is taken as it is: its characters have no meaning as a glob.
    ///
    /// # Errors
    ///
    /// As [`pattern`](Self::pattern).
    pub fn promises(&self, prefix: impl AsRef<[u8]>) -> Result<PromiseSubscription, Error> {
        PromiseSubscription::open(&self.engine.shared, prefix.as_ref())
    }

    /// Closes the connection and makes no other, until [`restart`](Self::restart).
    ///
    /// It returns at once; an attempt to connect, or the wait for one, is broken off. Subscriptions
    /// stay, and may be changed. They are not told `Disconnected`; promises are. It may be called
    /// any number of times.
    pub fn stop(&self) {
        self.engine.stop();
    }

    /// Connects again after [`stop`](Self::stop).
    ///
    /// All names are activated anew. It may be called any number of times.
    pub fn restart(&self) {
        self.engine.restart();
    }

    /// Ends the multiplexer, and says whether that was over within `grace`.
    ///
    /// Subscriptions are closed, and their streams end after what was read. If it was not over, the
    /// task waits for a handler.
    ///
    /// # Cancel safety
    ///
    /// It has begun when it is first polled, and goes on if it is dropped.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.engine.shutdown(grace).await
    }

    /// Returns why there is no connection.
    ///
    /// It is the loss of the last one, or the last attempt that failed since.
    #[must_use]
    pub fn error(&self) -> Option<Error> {
        self.engine.shared.error()
    }
}
