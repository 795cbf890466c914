//! The hook that decides who may do what.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::request::Parts;

use crate::protocol::MessageRef;
use crate::{Admission, Connection, ConnectionId, PeerAddress, Right};

/// Decides who may connect, bind and write.
///
/// `()` has the defaults: everybody may connect without a name, bind to any
/// channel, and write to the channels they are bound to, as far as the
/// [rights](Admission::rights) of the admission permit it.
#[async_trait]
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Auth: Send + Sync {
    /// Admits a client by its handshake, or denies it.
    ///
    /// Called once per connection, before the upgrade is answered; it may ask another server. It
    /// has [`admit_timeout`](crate::Config::admit_timeout) for that, and at most
    /// [`admissions_max`](crate::Config::admissions_max) are asked for at once: beyond either the
    /// client is refused with 503 and may come again. One that takes too long is dropped at
    /// whatever it waits for, as is one whose client goes away.
    ///
    /// # Errors
    ///
    /// The status and text that the client gets instead of its connection.
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        Ok(Admission::default())
    }

    /// Tells whether a client may bind to the channel of its message.
    ///
    /// It is called for each bind with the whole message, so it must not block.
    fn can_bind(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        connection.permits(Right::Bind, message.channel)
    }

    /// Tells whether a client may write its message to the channel.
    ///
    /// It is called for each message to members, also those of streams, so it must not block. The
    /// body is borrowed from what was read: whoever does not look at it pays nothing for it.
    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        connection.is_bound(message.channel) && connection.permits(Right::Write, message.channel)
    }

    /// Tells whether a node that knows the secret of the sisters may be one.
    ///
    /// It is asked after the challenge, about who has passed it and about at most 32 of them at
    /// once: a stranger never gets so far. It has [`admit_timeout`](crate::Config::admit_timeout)
    /// for its answer, and at most 5 s, as a dialling node waits 15 s in all.
    #[cfg(feature = "sisters")]
    #[cfg_attr(docsrs, doc(cfg(feature = "sisters")))]
    async fn is_sister(&self, handshake: &Handshake<'_>) -> bool {
        true
    }
}

impl Auth for () {}

/// Asks the hook that it shares.
#[async_trait]
impl<A: Auth + ?Sized> Auth for Arc<A> {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        (**self).admit(handshake).await
    }

    fn can_bind(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        (**self).can_bind(connection, message)
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        (**self).can_write(connection, message)
    }

    #[cfg(feature = "sisters")]
    async fn is_sister(&self, handshake: &Handshake<'_>) -> bool {
        (**self).is_sister(handshake).await
    }
}

/// What is known of a client that asks for a connection.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Handshake<'a> {
    /// Its request.
    pub request: &'a Parts,
    /// Where it comes from, if the request has a [`PeerAddress`].
    ///
    /// Behind a proxy it is the address of the proxy.
    pub peer: Option<SocketAddr>,
    /// The number that the connection will have if it is admitted.
    pub connection: ConnectionId,
}

impl<'a> Handshake<'a> {
    pub(crate) fn new(request: &'a Parts, connection: ConnectionId) -> Self {
        let peer = request.extensions.get::<PeerAddress>().map(|peer| peer.address());
        Self { request, peer, connection }
    }
}

/// Why a client is not admitted: what the answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denied {
    /// The status of the answer, such as 401.
    pub status: http::StatusCode,
    /// The text of the answer.
    pub text: String,
    /// When the client may ask again, as the header `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl Denied {
    /// Creates a denial with the given status and text.
    #[must_use]
    pub fn new(status: http::StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), retry_after: None }
    }

    /// Creates the denial with status 401 and the text "Not authorized".
    ///
    /// It is for a client that is not who it should be.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(http::StatusCode::UNAUTHORIZED, "Not authorized")
    }

    /// Sets when the client may ask again; a second that has begun counts whole.
    #[must_use]
    pub fn retry_after(self, time: Duration) -> Self {
        Self { retry_after: Some(time), ..self }
    }
}
