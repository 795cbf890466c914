//! Connections and links without sockets, for the tests of a program's hooks.
//!
//! A hook is called by the test itself, with the connection of a [`TestClient`] or with a
//! [`handshake`]; nothing else calls any. What the hook, or anybody, sends to that connection the
//! client has received.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use conductor_hub::protocol::{Message, Opcode};
//! use conductor_hub::test_util::{self, TestClient};
//! use conductor_hub::{Admission, Answer, Connection, Handler, Hooks};
//!
//! struct Greeter;
//!
//! impl Handler for Greeter {
//!     fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
//!         let hello = format!("hello {}", connection.user().unwrap_or("stranger"));
//!         Message::with_uuid(Opcode::SERVER, call.uuid, "", hello).into()
//!     }
//! }
//!
//! # fn main() -> Result<(), conductor_hub::Error> {
//! let hub = test_util::hub(Hooks::default());
//! let mut alice = TestClient::connect(&hub, Admission::user("alice").bound_to("news"))?;
//!
//! let answer = Greeter.call(alice.connection(), Message::new(Opcode::SERVER, "", ""));
//! let answer: Vec<Message> = test_util::messages_of(answer).collect();
//! assert_eq!(answer[0].body, "hello alice");
//!
//! hub.publish("news", "tea is ready")?;
//! assert_eq!(alice.received()[0].body, "tea is ready");
//! # Ok(())
//! # }
//! ```

#[cfg(feature = "sisters")]
mod memory_link;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::iter;
use std::mem;
use std::sync::Arc;
use std::task::{Poll, Waker};

use http::request::Parts;

#[cfg(feature = "sisters")]
#[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
pub use self::memory_link::{MemorySister, memory_link};
use crate::encode::messages_of as messages_of_frames;
use crate::protocol::Message;
use crate::shared::{ConnectionPermit, Shared};
use crate::{Admission, Answer, Config, Connection, Disconnect, Error, Handshake, Hooks, Hub};

/// Starts a hub with the default settings.
///
/// # Panics
///
/// If those are out of their own bounds, which would be a fault of this crate.
#[must_use]
pub fn hub(hooks: Hooks) -> Hub {
    Hub::start(Config::default(), hooks).expect("the default settings are within their bounds")
}

/// Returns the handshake of a request, as an auth hook gets it.
///
/// [`Auth::admit`](crate::Auth::admit) is called with it.
/// Its peer is what the [`PeerAddress`](crate::PeerAddress) of the request says, and its number is
/// one that no connection of the hub has.
#[must_use]
pub fn handshake<'a>(hub: &Hub, request: &'a Parts) -> Handshake<'a> {
    Handshake::new(request, hub.shared.next_id())
}

/// Returns the messages that an answer consists of.
pub fn messages_of(mut answer: Answer) -> impl Iterator<Item = Message> {
    iter::from_fn(move || answer.next())
}

/// A client that has a connection and no socket.
///
/// Its connection ends when it is dropped. It keeps the hub open. As no hook is called by the hub,
/// the lifecycle hook hears of no change, and nothing ends the connection when its login is over.
#[derive(Debug)]
pub struct TestClient {
    connection: Arc<Connection>,
    /// What was sent and not returned yet.
    messages: VecDeque<Message>,
    hub: Hub,
    _permit: ConnectionPermit,
}

impl TestClient {
    /// Connects a client that is already admitted; no hook is called.
    ///
    /// # Errors
    ///
    /// [`Closed`](crate::ErrorKind::Closed) if the hub is shutting down or has as many connections
    /// as it may.
    pub fn connect(hub: &Hub, mut admission: Admission) -> Result<Self, Error> {
        let permit = Shared::reserve(&hub.shared)?;
        let id = hub.shared.next_id();
        let channels = mem::take(&mut admission.channels);
        let memory = Arc::clone(&hub.shared.memory);
        // No task tells a hook of its changes, so none is kept for that.
        let connection = Arc::new(Connection::new(id, admission, memory, false));
        hub.shared.registry.add(&connection);
        // It is there already, so the connection leaves also if a bind panics.
        let client = Self { connection, messages: VecDeque::new(), hub: hub.clone(), _permit: permit };
        hub.shared.bind_admitted(&client.connection, &channels);
        Ok(client)
    }

    /// Returns the connection, to call hooks with.
    #[must_use]
    pub const fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Returns what was sent to it and not returned before.
    pub fn received(&mut self) -> Vec<Message> {
        self.take(Waker::noop());
        self.messages.drain(..).collect()
    }

    /// Waits for the next message; `None` when its connection was closed.
    ///
    /// What was sent before the close comes first.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again at any time.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| {
            let closed = self.take(cx.waker());
            match self.messages.pop_front() {
                Some(message) => Poll::Ready(Some(message)),
                None if closed.is_some() => Poll::Ready(None),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Returns why its connection was closed, if it was.
    pub fn closed(&mut self) -> Option<Disconnect> {
        self.take(Waker::noop())
    }

    /// Reads all that was sent; returns why the connection is closing.
    fn take(&mut self, waker: &Waker) -> Option<Disconnect> {
        let outbox = &self.connection.outbox;
        let mut frames = VecDeque::new();
        let closing = outbox.take(&mut frames, waker).closing;
        for frame in frames {
            self.messages.extend(messages_of_frames(&frame).map(|message| message.to_message()));
            outbox.release(frame.len(), 1);
        }
        closing
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        let registry = &self.hub.shared.registry;
        registry.leave_all(&self.connection);
        registry.remove(&self.connection);
        self.connection.outbox.close(Disconnect::Normal);
        self.connection.outbox.clear(0);
    }
}
