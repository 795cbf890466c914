//! What only some connections have: a login, data, untold changes, streams.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::login::{LoginPhase, SharedPhase};
use super::streams::Streams;
use crate::untold::UntoldChanges;
use crate::{Admission, Expiry, Rights};

/// What only some connections have. A connection without any of it pays for a pointer.
#[derive(Default)]
pub(super) struct Extras {
    /// It comes to be `Begun` under the lock of the login.
    pub(super) phase: SharedPhase,
    pub(super) login: Mutex<Login>,
    /// One value of each type. A program keeps few, so they are looked through.
    pub(super) data: Mutex<Vec<Arc<dyn Any + Send + Sync>>>,
    /// Its lock comes behind that of the channels, under which changes are noted in their order.
    pub(super) untold: Mutex<Option<Box<UntoldChanges>>>,
    /// In a box, as few connections send any. Its lock comes behind that of untold changes.
    pub(super) streams: Mutex<Option<Box<Streams>>>,
    /// Whether one of them was cut.
    has_cut_streams: AtomicBool,
}

impl Extras {
    /// Creates what an admission needs, if it needs any.
    pub(super) fn of(admission: Admission) -> Option<Box<Self>> {
        let Admission { mut data, expires_at, rights, login_time, .. } = admission;
        // It lives as long as the connection.
        data.shrink_to_fit();
        if data.is_empty() && expires_at.is_none() && rights.is_none() && login_time.is_none() {
            return None;
        }
        let (phase, login) = match login_time {
            // Until then the end of this time is the end of the login.
            Some(time) => (LoginPhase::Awaited, Login::new(Some(Expiry::after(time).instant()), None)),
            None => (LoginPhase::Settled, Login::new(expires_at, rights)),
        };
        Some(Box::new(Self {
            phase: SharedPhase::new(phase),
            login: Mutex::new(login),
            data: Mutex::new(data),
            untold: Mutex::default(),
            streams: Mutex::default(),
            has_cut_streams: AtomicBool::new(false),
        }))
    }

    /// Notes whether a stream was cut. It is asked for each turn of the task, so without a lock.
    pub(super) fn note_cut_streams(&self, has_any: bool) {
        self.has_cut_streams.store(has_any, Ordering::Release);
    }

    pub(super) fn has_cut_streams(&self) -> bool {
        self.has_cut_streams.load(Ordering::Acquire)
    }

    /// Gives its login another time, and other rights if there are any; `false` if there is none.
    pub(super) fn renew(&self, expires_at: Instant, rights: Option<Arc<Rights>>) -> bool {
        let mut login = self.login.lock();
        // The time to log in is not put off.
        self.phase.get() != LoginPhase::Awaited && login.renew(expires_at, rights)
    }
}

/// What a login permits, and until when. That of a client who has still to log in permits nothing.
#[derive(Default)]
pub(super) struct Login {
    pub(super) expires_at: Option<Instant>,
    /// Whether its end has been decided. From then on nobody renews it.
    is_over: bool,
    pub(super) rights: Option<Arc<Rights>>,
}

impl Login {
    fn new(expires_at: Option<Instant>, rights: Option<Arc<Rights>>) -> Self {
        Self { expires_at, is_over: false, rights }
    }

    /// Begins, in place of the time that the client had for it.
    pub(super) fn begin(&mut self, expires_at: Option<Instant>, rights: Option<Arc<Rights>>) {
        (self.expires_at, self.rights) = (expires_at, rights);
    }

    /// Ends it if its time has come; tells whether it is over.
    pub(super) fn expire(&mut self, now: Instant) -> bool {
        self.is_over |= self.expires_at.is_some_and(|at| now >= at);
        self.is_over
    }

    /// Gives it another time, and other rights if there are any; `false` if it is over.
    pub(super) fn renew(&mut self, expires_at: Instant, rights: Option<Arc<Rights>>) -> bool {
        if self.is_over {
            return false;
        }
        self.expires_at = Some(expires_at);
        if rights.is_some() {
            self.rights = rights;
        }
        true
    }
}
