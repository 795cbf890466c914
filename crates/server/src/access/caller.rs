//! Who a request is from.

use std::net::IpAddr;

use tidings::identity::{Identity, Scope};

/// Who a request or a connection is from.
///
/// It is an extension of each request that has come through the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// No logins are configured: everybody may do what the server does.
    Anybody,
    /// Logins are configured, and the request says nothing of who it is from.
    Anonymous,
    /// A user, for what is their own.
    User(Identity),
    /// A program with at least one scope.
    Service(Identity),
}

impl Caller {
    /// Returns the id of the user or service.
    pub(crate) fn user(&self) -> Option<&str> {
        self.identity().map(Identity::user)
    }

    /// Returns who it is, if that is known.
    pub(crate) fn identity(&self) -> Option<&Identity> {
        match self {
            Self::Anybody | Self::Anonymous => None,
            Self::User(identity) | Self::Service(identity) => Some(identity),
        }
    }

    /// Returns whether a part of the server is open to the caller as to a service.
    pub(crate) fn has(&self, scope: Scope) -> bool {
        match self {
            Self::Anybody => true,
            Self::Anonymous | Self::User(_) => false,
            Self::Service(identity) => identity.scopes().contains(scope),
        }
    }
}

impl From<Identity> for Caller {
    /// A token with at least one scope is that of a service.
    fn from(identity: Identity) -> Self {
        if identity.scopes().is_empty() { Self::User(identity) } else { Self::Service(identity) }
    }
}

/// The address that a request comes from, behind proxies that are trusted; an extension of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);
