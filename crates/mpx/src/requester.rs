//! Questions over Pub/Sub, each with its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use uuid::Uuid;

use crate::error::{Error, ErrorKind};
use crate::multiplexer::Multiplexer;
use crate::publisher::Publisher;
use crate::request::Request;
use crate::sink::Unfulfilled;
use crate::subscription::PromiseSubscription;

/// Asks questions over Pub/Sub, and waits for their answers.
///
/// It has a [`Publisher`] for the questions, and promises for the answers. All answers come through
/// one pattern, below a prefix that no other requester has; so a question costs one `PUBLISH` and
/// its answer another. Who answers reads a [`Request`] and publishes to its channel. Cloning gives
/// another handle of the same.
///
/// Redis counts the receivers of a message on the node it is published to. With one server that is
/// everybody, and a request that nobody hears fails at once; where those who answer may be
/// connected to another node, of a cluster or a replica, see [`across_nodes`](Self::across_nodes).
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> Result<(), mpx::Error> {
/// use std::time::Duration;
/// use mpx::{Config, Multiplexer, Publisher, Requester};
///
/// let config = Config::new("redis://127.0.0.1");
/// let (multiplexer, publisher) = (Multiplexer::start(config.clone())?, Publisher::start(config)?);
/// let requester = Requester::open(&multiplexer, publisher, "answers:")?;
/// let answer = requester.request("weather", "Berlin", Duration::from_secs(1)).await?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Requester {
    publisher: Publisher,
    answers: PromiseSubscription,
    made: Arc<AtomicU64>,
    across_nodes: bool,
}

impl Requester {
    /// Subscribes to the answers, and keeps the publisher for the questions.
    ///
    /// The channels of answers begin with `prefix` and something that nobody can guess.
    ///
    /// # Errors
    ///
    /// As [`Multiplexer::promises`].
    pub fn open(
        multiplexer: &Multiplexer,
        publisher: Publisher,
        prefix: impl AsRef<[u8]>,
    ) -> Result<Self, Error> {
        let own = format!("{}:", Uuid::new_v4().simple());
        let answers = multiplexer.promises([prefix.as_ref(), own.as_bytes()].concat())?;
        Ok(Self { publisher, answers, made: Arc::default(), across_nodes: false })
    }

    /// Has requests wait even if nobody listens at the publisher's node.
    ///
    /// The channel may be heard at another node.
    #[must_use]
    pub fn across_nodes(self) -> Self {
        Self { across_nodes: true, ..self }
    }

    /// Asks on a channel, and returns the first answer.
    ///
    /// The timeout counts from now, and includes the wait for a connection.
    ///
    /// # Errors
    ///
    /// - [`NoReceiver`](ErrorKind::NoReceiver): nobody listens to the channel, said at once, unless
    ///   [`across_nodes`](Self::across_nodes);
    /// - [`Timeout`](ErrorKind::Timeout): no answer came in time, if it was asked at all;
    /// - [`Unavailable`](ErrorKind::Unavailable): there is no connection, it was not asked;
    /// - [`Uncertain`](ErrorKind::Uncertain): a connection was lost, with the question or with the
    ///   answer;
    /// - [`Refused`](ErrorKind::Refused), [`InvalidInput`](ErrorKind::InvalidInput),
    ///   [`Closed`](ErrorKind::Closed): as [`Publisher::publish`] and [`Multiplexer::promises`].
    ///
    /// # Cancel safety
    ///
    /// If it is dropped it may have been asked or not.
    pub async fn request(
        &self,
        channel: impl AsRef<[u8]>,
        body: impl AsRef<[u8]>,
        timeout: Duration,
    ) -> Result<Bytes, Error> {
        let channel = channel.as_ref();
        let failed = |why| unanswered(channel, why);
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let mut suffix = itoa::Buffer::new();
        let mut answer = self.answers.promise_within(suffix.format(number).as_bytes(), timeout).await?;
        let payload = Request::encode(answer.channel(), body.as_ref());
        // The question and the answer go over two connections, so the answer can come before Redis
        // has said how many received the question.
        let published = tokio::select! {
            biased;
            answer = &mut answer => return answer.map_err(failed),
            published = self.publisher.publish(channel, payload) => published,
        };
        match published {
            Ok(0) if !self.across_nodes => {
                let message = format!("nobody is subscribed to the channel {}", channel.escape_ascii());
                Err(Error::new(ErrorKind::NoReceiver, message))
            }
            Ok(_) => answer.await.map_err(failed),
            // It may have been asked nevertheless.
            Err(error) if error.kind() == ErrorKind::Uncertain => answer.await.map_err(|_| error),
            Err(error) => Err(error),
        }
    }

    /// Ends the subscription: open requests are [`Closed`](ErrorKind::Closed).
    ///
    /// It may be called any number of times. It ends with the last handle, too.
    pub fn close(&self) {
        self.answers.close();
    }
}

fn unanswered(channel: &[u8], why: Unfulfilled) -> Error {
    let kind = match &why {
        Unfulfilled::TimedOut => ErrorKind::Timeout,
        Unfulfilled::Disconnected(_) => ErrorKind::Uncertain,
        Unfulfilled::Cancelled | Unfulfilled::Closed => ErrorKind::Closed,
    };
    let message = format!("the request on the channel {} failed: {why}", channel.escape_ascii());
    Error::with_source(kind, message, why)
}
