//! What a backend must offer to be tested.

use std::time::Duration;

use crate::error::Error;
use crate::presence::Presence;

/// A store with its nodes, made anew for each law.
pub trait World: Sized + Send + Sync + 'static {
    /// The TTL that laws run with.
    ///
    /// It is many times the duration of a call, and short enough to be waited for.
    const TTL: Duration;

    /// The shortest TTL that the backend accepts.
    const TTL_MIN: Duration;

    /// How long after its deadline an offline event may be made.
    const LATENESS: Duration;

    /// How long an event takes at most from its making to a stream, on a busy machine.
    const DELIVERY: Duration;

    /// How long after the end of a process its devices are lost, at most.
    ///
    /// `None` says that nodes are not processes of their own. Heartbeats count for their TTL
    /// nevertheless, and then comes the grace time. `None` by default.
    const TAKEOVER: Option<Duration> = None;

    /// How long a call may take while the store is [lost](Self::lose); 10 s by default.
    const TIMEOUT: Duration = Duration::from_secs(10);

    /// The laws that the backend does not keep, each with the reason.
    ///
    /// The documentation of the backend must give the reason, too. Their tests are not run. None by
    /// default, which is what a backend should strive for.
    const EXCUSED: &'static [(&'static str, &'static str)] = &[];

    /// Starts an empty store of its own.
    ///
    /// # Errors
    ///
    /// As the backend does.
    fn start(terms: Terms) -> impl Future<Output = Result<Self, Error>> + Send;

    /// Starts one more node on the store.
    ///
    /// It is one more handle if there can be but one node.
    ///
    /// # Errors
    ///
    /// As the backend does.
    fn node(&self) -> impl Future<Output = Result<Presence, Error>> + Send;

    /// Writes foreign data wherever the backend looks for its own.
    ///
    /// Returns whether there is such a place. Other keys, names that begin as its own do, other
    /// databases, messages of strangers. There is none by default.
    fn litter(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// Takes the store away from its nodes, and says whether that can happen.
    ///
    /// A server that is killed or frozen, a wire that is cut. It cannot by default, as in memory.
    fn lose(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// Gives the store back, with its data or without.
    fn restore(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Lets the store refuse writes while it goes on answering reads.
    ///
    /// Returns whether that can happen, which by default it cannot.
    fn refuse_writes(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }

    /// Ends what [`refuse_writes`](Self::refuse_writes) began.
    fn accept_writes(&self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// The settings that a law asks for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Terms {
    /// How long one heartbeat keeps an id online.
    pub ttl: Duration,
    /// How long a lost id is still reported online.
    pub grace: Duration,
    /// How many events the store keeps at most, about.
    pub events_max: usize,
}

impl Terms {
    /// From a heartbeat to the end of its grace time.
    pub(super) fn silence(self) -> Duration {
        self.ttl + self.grace
    }
}
