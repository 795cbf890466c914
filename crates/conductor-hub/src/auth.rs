//! The hook that decides who may do what.

use std::sync::Arc;

use async_trait::async_trait;
use http::request::Parts;

use crate::Connection;

/// Decides who may connect, bind and write.
///
/// `()` has the defaults: everybody may connect without a name, bind to any
/// channel, and write to the channels they are bound to.
#[async_trait]
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Auth: Send + Sync {
    /// Admits a client by its handshake request, or denies it.
    ///
    /// Called once per connection, before the upgrade is answered; it may ask
    /// another server. The caller bounds it by nothing, so bring a timeout.
    ///
    /// # Errors
    ///
    /// The status and text that the client gets instead of its connection.
    async fn admit(&self, request: &Parts) -> Result<Admission, Denied> {
        Ok(Admission::default())
    }

    /// Tells whether a client may bind to a channel.
    ///
    /// It is called for each bind, so it must not block.
    fn can_bind(&self, connection: &Connection, channel: &str) -> bool {
        true
    }

    /// Tells whether a client may write to a channel.
    ///
    /// It is called for each message, so it must not block.
    fn can_write(&self, connection: &Connection, channel: &str) -> bool {
        connection.is_bound(channel)
    }
}

impl Auth for () {}

/// Asks the hook that it shares.
#[async_trait]
impl<A: Auth + ?Sized> Auth for Arc<A> {
    async fn admit(&self, request: &Parts) -> Result<Admission, Denied> {
        (**self).admit(request).await
    }

    fn can_bind(&self, connection: &Connection, channel: &str) -> bool {
        (**self).can_bind(connection, channel)
    }

    fn can_write(&self, connection: &Connection, channel: &str) -> bool {
        (**self).can_write(connection, channel)
    }
}

/// What an admitted client starts with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Admission {
    /// The user whose connection it is, if there is one.
    pub user: Option<String>,
    /// The channels it is bound to from the start, without asking `can_bind`.
    pub channels: Vec<String>,
}

impl Admission {
    /// Creates an admission for a user who is bound to nothing yet.
    #[must_use]
    pub fn user(name: impl Into<String>) -> Self {
        Self { user: Some(name.into()), channels: Vec::new() }
    }

    /// Adds a channel to which the connection is bound from the start.
    #[must_use]
    pub fn bound_to(mut self, channel: impl Into<String>) -> Self {
        self.channels.push(channel.into());
        self
    }
}

/// Why a client is not admitted: the status and text of the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denied {
    /// The status of the answer, such as 401.
    pub status: http::StatusCode,
    /// The text of the answer.
    pub text: String,
}

impl Denied {
    /// Creates a denial with the given status and text.
    #[must_use]
    pub fn new(status: http::StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into() }
    }

    /// Creates the denial with status 401 and the text "Not authorized".
    ///
    /// It is for a client that is not who it should be.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(http::StatusCode::UNAUTHORIZED, "Not authorized")
    }
}
