//! How a connection that was admitted without a login gets one.
//!
//! ```text
//! admitted ──► Awaited ──log_in──► Begun ──its channels are bound──► Untold ──connected is told──► Settled
//! ```
//!
//! Whoever is admitted with a login is `Settled` from the start. The client may only call while its
//! login is awaited, and in the two phases behind that its messages wait.

use std::any::Any;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::time::Instant;

use super::Connection;
use crate::{Admission, Disconnect, Expiry, Rights};

/// How far a connection is with its login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginPhase {
    /// It has one, or needs none.
    Settled,
    /// Its client has to log in first.
    Awaited,
    /// It is being logged in at this moment, by any thread.
    Begun,
    /// It has one, of which the lifecycle hook is told before anything else happens.
    Untold,
}

impl LoginPhase {
    /// All phases, each at the place of its number.
    const ALL: [Self; 4] = [Self::Settled, Self::Awaited, Self::Begun, Self::Untold];
}

/// The phase of one connection; `Settled` by default.
///
/// It is read for each message, so without a lock.
#[derive(Debug, Default)]
pub(super) struct SharedPhase(AtomicU8);

impl SharedPhase {
    pub(super) fn new(phase: LoginPhase) -> Self {
        Self(AtomicU8::new(phase as u8))
    }

    pub(super) fn get(&self) -> LoginPhase {
        LoginPhase::ALL[usize::from(self.0.load(Ordering::Acquire))]
    }

    pub(super) fn set(&self, phase: LoginPhase) {
        self.0.store(phase as u8, Ordering::Release);
    }
}

/// What became of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginOutcome {
    /// It has begun. The channels come next, and then [`Connection::finish_login`].
    Begun,
    /// The connection has a login already, or needs none.
    NotAwaited,
    /// It comes too late: the connection is closing, or its time is over.
    Ended,
}

impl Connection {
    /// Tells whether its client has still to log in, and may only call until then.
    ///
    /// See [`Admission::awaiting_login`].
    #[must_use]
    pub fn is_awaiting_login(&self) -> bool {
        self.login_phase() == LoginPhase::Awaited
    }

    /// Puts off the end of its login, and gives it other rights if there are any.
    ///
    /// Returns `false` if it comes too late: the login is over, or the connection is closing; also
    /// if the connection still awaits its login. An expiry that was not set by the admission begins
    /// here. The channels that it is bound to stay, whatever the rights are now;
    /// [`Hub::unbind`](crate::Hub::unbind) takes them away.
    pub fn renew(&self, expires_at: impl Into<Expiry>, rights: Option<Arc<Rights>>) -> bool {
        let expires_at = expires_at.into().instant();
        let renewed = !self.outbox.is_closing() && self.extras().renew(expires_at, rights);
        // It may end earlier now than its task believes.
        self.outbox.wake_task();
        renewed
    }

    pub(crate) fn login_phase(&self) -> LoginPhase {
        self.extras.get().map_or(LoginPhase::Settled, |extras| extras.phase.get())
    }

    /// Tells whether its task may tell the lifecycle hook that it has connected.
    pub(crate) fn is_admitted(&self) -> bool {
        matches!(self.login_phase(), LoginPhase::Settled | LoginPhase::Untold)
    }

    /// Begins the login that it awaits; `register` is called with its user, if it has one.
    ///
    /// What the login replaces is left in `admission`, to be dropped when no lock is held.
    pub(crate) fn log_in(&self, admission: &mut Admission, register: impl FnOnce(&str)) -> LoginOutcome {
        let Some(extras) = self.extras.get() else { return LoginOutcome::NotAwaited };
        // The connection does not leave the hub before its user is registered. Otherwise it could
        // end in between, and its user would stay registered for ever.
        let outcome = self.unless_left(|| {
            let mut login = extras.login.lock();
            if extras.phase.get() != LoginPhase::Awaited {
                return LoginOutcome::NotAwaited;
            }
            if login.expire(Instant::now()) || self.outbox.is_closing() {
                return LoginOutcome::Ended;
            }
            login.begin(admission.expires_at, admission.rights.take());
            keep_all(&mut extras.data.lock(), &mut admission.data);
            let name = admission.user.take();
            let user = name.map(|name| &**self.user.get_or_init(|| name.into_boxed_str()));
            // Under the lock of the login, so that whoever finds it over knows which time that was.
            extras.phase.set(LoginPhase::Begun);
            drop(login);
            if let Some(user) = user {
                register(user);
            }
            LoginOutcome::Begun
        });
        outcome.unwrap_or(LoginOutcome::Ended)
    }

    /// Has the task of the connection tell of the login that has begun.
    pub(crate) fn finish_login(&self) {
        if let Some(extras) = self.extras.get() {
            extras.phase.set(LoginPhase::Untold);
        }
        self.outbox.wake_task();
    }

    /// Notes that the lifecycle hook was told that it has connected.
    pub(crate) fn settle_login(&self) {
        if let Some(extras) = self.extras.get() {
            extras.phase.set(LoginPhase::Settled);
        }
    }

    /// Returns when its login ends, or the time that its client has to log in, if either does.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        self.extras.get()?.login.lock().expires_at
    }

    /// Ends its login, or its time for one, if that is over; returns with which reason.
    pub(crate) fn expire(&self, now: Instant) -> Option<Disconnect> {
        let extras = self.extras.get()?;
        let mut login = extras.login.lock();
        login.expire(now).then(|| match extras.phase.get() {
            LoginPhase::Awaited => Disconnect::LoginTimeout,
            LoginPhase::Settled | LoginPhase::Begun | LoginPhase::Untold => Disconnect::Expired,
        })
    }
}

/// Keeps the values of a login, and leaves those that they replace in their place.
fn keep_all(kept: &mut Vec<Arc<dyn Any + Send + Sync>>, values: &mut [Arc<dyn Any + Send + Sync>]) {
    for value in values {
        match kept.iter().position(|other| (**other).type_id() == (**value).type_id()) {
            Some(place) => mem::swap(&mut kept[place], value),
            None => kept.push(Arc::clone(value)),
        }
    }
}
