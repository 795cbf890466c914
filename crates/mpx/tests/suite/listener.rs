//! What tests read from subscriptions, each step with a limit.

use std::time::Duration;

use bytes::Bytes;
use mpx::{ChannelSubscription, Config, Error, ErrorKind, Event, Events, Multiplexer};
use tokio::time::timeout;

/// Waits for something that has to come, and not late.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future).await.expect("it should have come by now")
}

/// Waits for what nothing tells about.
pub(crate) async fn until<T>(mut look: impl AsyncFnMut() -> Option<T>) -> T {
    soon(async {
        let mut ticks = tokio::time::interval(Duration::from_millis(2));
        loop {
            ticks.tick().await;
            if let Some(found) = look().await {
                return found;
            }
        }
    })
    .await
}

/// Starts a multiplexer with defaults.
pub(crate) fn start(url: &str) -> Multiplexer {
    Multiplexer::start(Config::new(url)).unwrap()
}

/// Waits for the reason why there is no connection.
pub(crate) async fn error_of(multiplexer: &Multiplexer) -> Error {
    until(async || multiplexer.error()).await
}

/// Returns once Redis has done all that it was told before.
pub(crate) async fn settle(multiplexer: &Multiplexer) {
    let (marker, _events) = multiplexer.channels().unwrap();
    marker.add("settled").unwrap();
    soon(marker.wait_for_activation("settled")).await.unwrap();
}

/// Reads a stream.
pub(crate) struct Listener {
    events: Events,
}

impl Listener {
    pub(crate) fn new(events: Events) -> Self {
        Self { events }
    }

    /// Makes a subscription whose channels are active, and have been told so.
    pub(crate) async fn open(multiplexer: &Multiplexer, channels: &[&str]) -> (ChannelSubscription, Self) {
        let (subscription, events) = multiplexer.channels().unwrap();
        let mut listener = Self::new(events);
        channels.iter().for_each(|channel| subscription.add(channel).unwrap());
        listener.activated(channels).await;
        (subscription, listener)
    }

    pub(crate) async fn next(&mut self) -> Event {
        soon(self.events.next()).await.expect("the stream ended").unwrap()
    }

    /// The next items say that these names are active, in any order, each once.
    pub(crate) async fn activated(&mut self, names: &[&str]) {
        let mut heard = Vec::new();
        for _ in names {
            match self.next().await {
                Event::Activated { name } => heard.push(name),
                other => panic!("{other:?} instead of an activation; before: {heard:?}"),
            }
        }
        heard.sort_unstable();
        let mut names = names.to_vec();
        names.sort_unstable();
        assert_eq!(heard, names);
    }

    /// The next item says that so many messages were dropped.
    pub(crate) async fn lagged(&mut self, missed: u64) {
        let error = soon(self.events.next()).await.expect("the stream ended").unwrap_err();
        assert_eq!((error.kind(), error.missed()), (ErrorKind::Lagged, Some(missed)), "{error}");
    }

    /// The next item is a message.
    pub(crate) async fn message(&mut self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) {
        match self.next().await {
            Event::Message(message) => {
                let expected = [channel.as_ref(), payload.as_ref()];
                assert_eq!([&message.channel[..], &message.payload], expected);
            }
            other => panic!("{other:?} instead of a message"),
        }
    }

    /// Skips notices until the next message, and returns what it says.
    pub(crate) async fn any_message(&mut self) -> Bytes {
        soon(async {
            loop {
                if let Event::Message(message) = self.next().await {
                    return message.payload;
                }
            }
        })
        .await
    }

    /// The next item says that exactly these names are lost.
    pub(crate) async fn disconnected(&mut self, expected: &[&str]) {
        match self.next().await {
            Event::Disconnected { names, error } => {
                assert_eq!(names.iter().collect::<Vec<_>>(), expected);
                assert_eq!(error.kind(), ErrorKind::Unavailable);
            }
            other => panic!("{other:?} instead of a loss"),
        }
    }

    /// The stream has ended, with an error if one is given.
    pub(crate) async fn ended(&mut self, why: Option<ErrorKind>) {
        if let Some(why) = why {
            let last = soon(self.events.next()).await.expect("an error comes before the end");
            assert_eq!(last.unwrap_err().kind(), why);
        }
        let end = soon(self.events.next()).await;
        assert!(end.is_none(), "{end:?} instead of the end");
    }
}
