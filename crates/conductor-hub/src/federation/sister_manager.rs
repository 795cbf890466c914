//! The trait that decides which sisters a node has.

use std::sync::Arc;

use async_trait::async_trait;

use super::dialler::SisterDialler;
use super::link_observer::LinkObserver;
use super::sister::{Sister, SisterEnd, SisterMeta};
use crate::guard::guarded;

/// Decides to whom a node links, and hears of its links.
///
/// [`Sisters`](super::Sisters) is the one that comes with this crate: a list of addresses, or a
/// name of DNS. A program with a discovery of its own implements this, as `found_sisters` in
/// `examples` does, which reads a file. Links that others dial come by themselves.
///
/// All calls but `start` come from the tasks of links and of clients, at the same time for
/// different sisters, and must not block. One that panics is logged, and counts as one that is not
/// implemented; a `start` that panics dials nobody any more.
#[async_trait]
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait SisterManager: Send + Sync {
    /// Dials whom it wants to, for as long as the hub runs.
    ///
    /// It is called once, in a task of the hub's, and dropped at whatever it waits for when the hub
    /// ends. It may as well return at once, and use a clone of the dialler elsewhere.
    async fn start(&self, dialler: &SisterDialler);

    /// Tells whether what is written to a channel goes to sisters.
    ///
    /// Called for each row that a client writes, and for each message of the program, twice if that
    /// is too long for sisters. Everything does by default, but for channels whose names begin with
    /// `$`, about which this is not asked.
    fn write(&self, channel: &str) -> bool {
        true
    }

    /// There is a link to a sister now, whoever dialled.
    fn connected(&self, sister: &Arc<Sister>) {}

    /// The link to a sister has ended.
    fn disconnected(&self, sister: &Arc<Sister>, reason: SisterEnd) {}

    /// Answers a sister who asks how many sisters this node has.
    ///
    /// `meta` is the answer unless this says something else.
    fn meta_query(&self, sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        meta
    }

    /// A sister has said how many sisters she has.
    ///
    /// [`Sister::meta`] says it from now on.
    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta) {}
}

/// Asks the manager that it shares.
#[async_trait]
impl<M: SisterManager + ?Sized> SisterManager for Arc<M> {
    async fn start(&self, dialler: &SisterDialler) {
        (**self).start(dialler).await;
    }

    fn write(&self, channel: &str) -> bool {
        (**self).write(channel)
    }

    fn connected(&self, sister: &Arc<Sister>) {
        (**self).connected(sister);
    }

    fn disconnected(&self, sister: &Arc<Sister>, reason: SisterEnd) {
        (**self).disconnected(sister, reason);
    }

    fn meta_query(&self, sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        (**self).meta_query(sister, meta)
    }

    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta) {
        (**self).meta_response(sister, meta);
    }
}

/// A manager as links see it: one that panics loses nothing and ends no link.
pub(crate) struct ManagedLinks(pub(crate) Arc<dyn SisterManager>);

impl ManagedLinks {
    /// Makes a call, which may panic; returns `otherwise` then.
    fn ask<T>(&self, hook: &'static str, otherwise: T, call: impl FnOnce(&dyn SisterManager) -> T) -> T {
        guarded(|| call(&*self.0)).unwrap_or_else(|_| {
            tracing::error!(hook, "the sister manager panicked; the hub goes on as if it had no such hook");
            otherwise
        })
    }
}

impl LinkObserver for ManagedLinks {
    fn write(&self, channel: &str) -> bool {
        self.ask("write", true, |manager| manager.write(channel))
    }

    fn connected(&self, sister: &Arc<Sister>) {
        self.ask("connected", (), |manager| manager.connected(sister));
    }

    fn disconnected(&self, sister: &Arc<Sister>, reason: SisterEnd) {
        self.ask("disconnected", (), |manager| manager.disconnected(sister, reason));
    }

    fn meta_query(&self, sister: &Arc<Sister>, meta: SisterMeta) -> SisterMeta {
        self.ask("meta_query", meta, |manager| manager.meta_query(sister, meta))
    }

    fn meta_response(&self, sister: &Arc<Sister>, meta: SisterMeta) {
        self.ask("meta_response", (), |manager| manager.meta_response(sister, meta));
    }
}
