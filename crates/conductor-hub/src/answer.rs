//! What a handler answers: at once, piece by piece, or later.

use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::encode::encode;
use crate::frame::Frame;
use crate::outbox::Rejected;
use crate::protocol::Message;
use crate::{Connection, Disconnect, Error};

/// Messages of an answer that is given later, before others have a turn on this thread.
const MESSAGES_IN_TURN: usize = 8;

/// What is answered to a call at once: nothing, a message, or a row of messages.
///
/// The hub fetches a row message by message, each when the client has read most of what came
/// before, and reads nothing else of the client meanwhile. So an answer may be longer than an
/// outbox, and costs memory for one message at a time.
#[derive(Default)]
pub struct Answer(Messages);

#[derive(Default)]
enum Messages {
    #[default]
    None,
    One(Message),
    Many(Box<dyn Iterator<Item = Message> + Send>),
}

impl Answer {
    /// Creates the answer that sends nothing.
    #[must_use]
    pub const fn none() -> Self {
        Self(Messages::None)
    }

    /// Creates an answer of messages that are made when the client has room for them.
    ///
    /// The iterator is asked by the connection's task: it must not block.
    pub fn many(messages: impl IntoIterator<Item = Message, IntoIter: Send + 'static>) -> Self {
        Self(Messages::Many(Box::new(messages.into_iter())))
    }

    pub(crate) fn next(&mut self) -> Option<Message> {
        match &mut self.0 {
            Messages::None => None,
            Messages::One(_) => match std::mem::take(&mut self.0) {
                Messages::One(message) => Some(message),
                Messages::None | Messages::Many(_) => None,
            },
            Messages::Many(messages) => messages.next(),
        }
    }
}

impl From<Message> for Answer {
    fn from(message: Message) -> Self {
        Self(Messages::One(message))
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Messages::None => "Answer(none)",
            Messages::One(_) => "Answer(a message)",
            Messages::Many(_) => "Answer(a row)",
        })
    }
}

/// An answer on its way into an outbox.
#[derive(Debug)]
pub(crate) struct PendingAnswer {
    answer: Answer,
    /// The next of its frames, which did not fit yet.
    frame: Option<Frame>,
}

impl PendingAnswer {
    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.frame.as_ref().map_or(0, |frame| frame.len())
    }

    pub(crate) const fn new(answer: Answer) -> Self {
        Self { answer, frame: None }
    }

    /// Moves as much into the connection's outbox as it takes; returns whether that was all.
    pub(crate) fn advance(&mut self, connection: &Connection) -> Result<bool, Disconnect> {
        while connection.outbox.takes_answers() {
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.answer.next() {
                    Some(message) => encoded(connection, &message)?,
                    None => return Ok(true),
                },
            };
            match connection.outbox.push_if_it_fits(frame) {
                Ok(()) => {}
                // The connection is closing, which its own task finds out when it next looks at the
                // outbox.
                Err((_, Rejected::Closed)) => return Ok(true),
                // It fits once the client has read some of what waits.
                Err((frame, Rejected::Overflow)) if connection.outbox.could_ever_take(&frame) => {
                    self.frame = Some(frame);
                    return Ok(false);
                }
                Err((frame, Rejected::Overflow)) => return Err(too_long(connection, &frame)),
            }
        }
        Ok(false)
    }

    /// Moves an answer that comes later into the connection's outbox, as fast as the client reads;
    /// returns whether that was all, and not the connection's end.
    fn poll_late(&mut self, connection: &Connection, cx: &Context<'_>) -> Poll<Result<bool, Disconnect>> {
        for _ in 0..MESSAGES_IN_TURN {
            if connection.outbox.wait_to_answer(connection.id(), cx.waker()) {
                return Poll::Pending;
            }
            let frame = match self.frame.take() {
                Some(frame) => frame,
                None => match self.answer.next() {
                    Some(message) => encoded(connection, &message)?,
                    None => return Poll::Ready(Ok(true)),
                },
            };
            match connection.outbox.push_if_it_fits(frame) {
                Ok(()) => {}
                Err((_, Rejected::Closed)) => return Poll::Ready(Ok(false)),
                // Others have pushed since this looked, so it waits again.
                Err((frame, Rejected::Overflow)) if connection.outbox.takes_late(&frame) => {
                    self.frame = Some(frame);
                }
                Err((frame, Rejected::Overflow)) => return Poll::Ready(Err(too_long(connection, &frame))),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

fn too_long(connection: &Connection, frame: &Frame) -> Disconnect {
    tracing::error!(
        connection = %connection.id(), bytes = frame.len(),
        "an answer needs more than outbox_bytes_max, or if it comes later than 7/8 of that, so its \
         connection is closed; answer in smaller pieces"
    );
    Disconnect::InternalError
}

fn encoded(connection: &Connection, message: &Message) -> Result<Frame, Disconnect> {
    encode(message).map(|bytes| connection.outbox.frame(bytes)).map_err(|error| {
        tracing::error!(
            connection = %connection.id(),
            error = %format_args!("{error:#}"),
            "an answer cannot be sent, so its connection is being closed"
        );
        Disconnect::InternalError
    })
}

/// The right to answer a call later, from anywhere.
///
/// A connection has at most 16 of them; the hub reads no further call of the client before one of
/// them is used or dropped. So what waits for a store or another server is bounded for each client.
#[derive(Debug)]
pub struct LateAnswer {
    connection: Arc<Connection>,
}

impl LateAnswer {
    /// Creates a late answer for a call of this connection.
    ///
    /// The handler of that call creates it.
    #[must_use]
    pub fn new(connection: &Arc<Connection>) -> Self {
        connection.late.begin();
        Self { connection: Arc::clone(connection) }
    }

    /// Returns the connection whose call it answers.
    #[must_use]
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Sends the answer.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::send`].
    pub fn send(self, message: &Message) -> Result<(), Error> {
        self.connection.send(message)
    }

    /// Gives an answer as fast as the client reads; returns whether it got there before the end of
    /// its connection.
    pub(crate) async fn give(self, answer: Answer) -> Result<bool, Disconnect> {
        let mut pending = PendingAnswer::new(answer);
        poll_fn(|cx| pending.poll_late(&self.connection, cx)).await
    }
}

impl Drop for LateAnswer {
    fn drop(&mut self) {
        if self.connection.late.end() {
            self.connection.outbox.wake_task();
        }
    }
}
