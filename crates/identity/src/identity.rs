//! Who somebody is, and what they may do.

use std::sync::Arc;
use std::time::SystemTime;

use channel_rights::Rights;

use crate::error::{Error, ErrorKind};
use crate::scopes::Scopes;
use crate::unix;

/// Who a request or a connection is from, and what they may do until when.
///
/// [`Verifier::verify`](crate::Verifier::verify) makes one of a token. A program that knows its
/// users in another way makes one by [`new`](Self::new). Cloning is cheap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity(Arc<Facts>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Facts {
    user: Box<str>,
    scopes: Scopes,
    /// Shared, as connections keep them for longer than this.
    rights: Arc<Rights>,
    /// Seconds since 1970, as in a token.
    expires_at: u64,
    issued_at: Option<u64>,
    jti: Option<Box<str>>,
}

impl Identity {
    /// How long the id of a user may be, in bytes.
    pub const USER_BYTES_MAX: usize = 512;

    /// How long the name of a token may be, in bytes.
    pub const JTI_BYTES_MAX: usize = 512;

    /// Creates the identity of a user who may do nothing yet.
    ///
    /// The id has 1 to 512 bytes of UTF-8 without control characters.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if the id is anything else; the text does not repeat it.
    pub fn new(user: &str, expires_at: SystemTime) -> Result<Self, Error> {
        Self::check_user(user)?;
        Ok(Self(Arc::new(Facts {
            user: user.into(),
            scopes: Scopes::default(),
            rights: Arc::default(),
            expires_at: unix::seconds(expires_at),
            issued_at: None,
            jti: None,
        })))
    }

    pub(crate) fn check_user(user: &str) -> Result<(), Error> {
        check_text(user, Self::USER_BYTES_MAX, "the id of the user")
    }

    /// Sets what the user may do in channels.
    #[must_use]
    pub fn with_rights(mut self, rights: impl Into<Arc<Rights>>) -> Self {
        Arc::make_mut(&mut self.0).rights = rights.into();
        self
    }

    /// Sets what the user may do as a service.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Scopes) -> Self {
        Arc::make_mut(&mut self.0).scopes = scopes;
        self
    }

    /// Sets since when it is so, which revocations of all that is older look at.
    #[must_use]
    pub fn with_issued_at(mut self, issued_at: SystemTime) -> Self {
        Arc::make_mut(&mut self.0).issued_at = Some(unix::seconds(issued_at));
        self
    }

    /// Sets the name of its token, by which that token can be revoked.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if it has not 1 to 512 bytes without control characters.
    pub fn with_jti(mut self, jti: &str) -> Result<Self, Error> {
        Self::check_jti(jti)?;
        Arc::make_mut(&mut self.0).jti = Some(jti.into());
        Ok(self)
    }

    pub(crate) fn check_jti(jti: &str) -> Result<(), Error> {
        check_text(jti, Self::JTI_BYTES_MAX, "the jti")
    }

    /// Returns the id of the user.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.0.user
    }

    /// Returns what the user may do as a service.
    #[must_use]
    pub fn scopes(&self) -> Scopes {
        self.0.scopes
    }

    /// Returns what the user may do in channels.
    ///
    /// They are shared: a connection that keeps them copies nothing.
    #[must_use]
    pub fn rights(&self) -> &Arc<Rights> {
        &self.0.rights
    }

    /// Returns from when on it is no longer so.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        unix::time(self.0.expires_at)
    }

    /// Returns since when it is so, if the token says it.
    #[must_use]
    pub fn issued_at(&self) -> Option<SystemTime> {
        self.0.issued_at.map(unix::time)
    }

    /// Returns the name of the token, if it has one.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.0.jti.as_deref()
    }

    pub(crate) fn expires_second(&self) -> u64 {
        self.0.expires_at
    }

    pub(crate) fn issued_second(&self) -> Option<u64> {
        self.0.issued_at
    }

    /// How much memory it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let texts = self.0.user.len() + self.jti().map_or(0, str::len);
        size_of::<Facts>() + texts + size_of::<Rights>() + self.0.rights.bytes()
    }
}

fn check_text(text: &str, bytes_max: usize, name: &str) -> Result<(), Error> {
    if (1..=bytes_max).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    let message = format!("{name} is not 1 to {bytes_max} bytes without control characters");
    Err(Error::new(ErrorKind::Invalid, message))
}
