//! What an admitted client starts with.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::deflation::Deflation;
use crate::{ConnectionId, Expiry, Rights};

/// What an admitted client starts with.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use conductor_hub::{Admission, Right, Rights};
///
/// struct Session(u64);
///
/// let rights = Rights::default().prefix(Right::Bind, "room:").prefix(Right::Write, "room:");
/// let admission = Admission::user("alice")
///     .bound_to("inbox of alice")
///     .rights(rights)
///     .expires_at(Instant::now() + Duration::from_secs(15 * 60))
///     .data(Session(7));
/// # drop(admission);
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Admission {
    /// The user whose connection it is, if there is one.
    pub user: Option<String>,
    /// The channels it is bound to from the start, without asking `can_bind`.
    pub channels: Vec<String>,
    pub(crate) data: Vec<Arc<dyn Any + Send + Sync>>,
    pub(crate) expires_at: Option<Instant>,
    pub(crate) rights: Option<Arc<Rights>>,
    /// How long the client has to log in, if it has to.
    pub(crate) login_time: Option<Duration>,
}

impl Admission {
    /// Creates an admission for a user who is bound to nothing yet.
    #[must_use]
    pub fn user(name: impl Into<String>) -> Self {
        Self { user: Some(name.into()), ..Self::default() }
    }

    /// Creates an admission for a client who has to log in over its connection.
    ///
    /// It has so long for that, or is closed with code 4302. Until then the connection has no user,
    /// the client's binds and writes are refused without asking a hook, and only its calls reach
    /// the [`Handler`](crate::Handler), which answers the one that logs in with the help of
    /// [`Hub::log_in`](crate::Hub::log_in). [`Lifecycle`](crate::Lifecycle) hears of nothing before
    /// that. User, rights and expiry are those of the admission that `log_in` is given, so what
    /// this one says of them does not count; its channels and its data do from the start.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use conductor_hub::{Admission, Auth, Denied, Handshake};
    ///
    /// struct TokensInCalls;
    ///
    /// #[async_trait::async_trait]
    /// impl Auth for TokensInCalls {
    ///     async fn admit(&self, _handshake: &Handshake<'_>) -> Result<Admission, Denied> {
    ///         Ok(Admission::awaiting_login(Duration::from_secs(5)))
    ///     }
    /// }
    /// ```
    #[must_use]
    pub fn awaiting_login(time: Duration) -> Self {
        Self { login_time: Some(time), ..Self::default() }
    }

    /// Adds a channel to which the connection is bound from the start.
    #[must_use]
    pub fn bound_to(mut self, channel: impl Into<String>) -> Self {
        self.channels.push(channel.into());
        self
    }

    /// Adds a value that hooks find in the data of the connection.
    ///
    /// It is read by [`Connection::data`](crate::Connection::data). A second one of the same type
    /// replaces the first.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(mut self, value: T) -> Self {
        self.data.retain(|kept| !(**kept).is::<T>());
        self.data.push(Arc::new(value));
        self
    }

    /// Sets when the connection is closed with code 4200, unless it is renewed.
    ///
    /// Never by default. [`Connection::renew`](crate::Connection::renew) puts it off.
    #[must_use]
    pub fn expires_at(self, time: impl Into<Expiry>) -> Self {
        Self { expires_at: Some(time.into().instant()), ..self }
    }

    /// Sets what the client may do, as far as rights decide it.
    ///
    /// The defaults of [`Auth`](crate::Auth) obey them, and other hooks may ask for them.
    ///
    /// Everything by default. Several admissions may share what an `Arc` holds.
    #[must_use]
    pub fn rights(self, rights: impl Into<Arc<Rights>>) -> Self {
        Self { rights: Some(rights.into()), ..self }
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Admission");
        debug.field("user", &self.user).field("channels", &self.channels);
        debug.field("expires_at", &self.expires_at).field("rights", &self.rights);
        debug.field("login_time", &self.login_time);
        // Values of the program may be secret, and need not know how to be shown.
        debug.field("data", &self.data.len()).finish()
    }
}

/// An admission on its way to the task of the connection, with the number that the hook was told.
///
/// It is in a box, since the future of a connection keeps the room of its arguments for as long as
/// it lives.
#[derive(Debug)]
pub(crate) struct Admitted(Box<AdmittedParts>);

#[derive(Debug)]
pub(crate) struct AdmittedParts {
    pub(crate) id: ConnectionId,
    pub(crate) admission: Admission,
    /// How messages are compressed for the client, if it inflates them.
    pub(crate) deflation: Option<Arc<Deflation>>,
    /// Its bare TCP socket, if it has one that may be shared.
    pub(crate) socket: Option<Arc<TcpStream>>,
}

impl Admitted {
    pub(crate) fn new(id: ConnectionId, admission: Admission) -> Self {
        Self(Box::new(AdmittedParts { id, admission, deflation: None, socket: None }))
    }

    pub(crate) fn deflating(mut self, deflation: Option<Arc<Deflation>>) -> Self {
        self.0.deflation = deflation;
        self
    }

    pub(crate) fn writing_to(mut self, socket: Arc<TcpStream>) -> Self {
        self.0.socket = Some(socket);
        self
    }

    pub(crate) fn into_parts(self) -> AdmittedParts {
        *self.0
    }
}
