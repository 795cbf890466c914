//! Shows a shared store whose inboxes clients of this process follow.

use std::sync::Arc;

use async_trait::async_trait;
use conductor_hub::{BindCause, Connection, Disconnect, Lifecycle};
use parking_lot::Mutex;
use timeline::store::{InboxChanges, Store};
use timeline::{Error, MemberId};

use super::followed::Followed;
use crate::channel;

/// Shows a store whose inboxes are followed by clients of this process.
///
/// The observer of a store that several processes share hears of what the others wrote only for
/// members whom somebody here waits for. Those are the members of the [inbox](channel::inbox) and
/// [read](channel::read) channels that connections are bound to: an [`InterestHook`] notes them.
/// A store of one process has no need of this.
///
/// Cloning gives another handle of the same. A member takes about 200 bytes, from the first bind to
/// the last unbind.
///
/// # Examples
///
/// The hub takes its hooks before there is a store, and the store its observer after the hub:
///
/// ```
/// use conductor_hub::{Hooks, Hub};
/// use tidings_join::receipts::{InboxInterest, InterestHook};
/// use timeline::store::Store;
///
/// fn start(store: impl Store + 'static) -> Result<Hub, conductor_hub::Error> {
///     let interest = InboxInterest::default();
///     let hook = InterestHook::new(Some(interest.clone()), ());
///     let hub = Hub::start(Default::default(), Hooks::default().lifecycle(hook))?;
///     interest.show_to(store);
///     Ok(hub)
/// }
/// ```
#[derive(Debug, Clone, Default)]
pub struct InboxInterest(Arc<Mutex<Locked>>);

#[derive(Debug, Default)]
struct Locked {
    store: Option<Arc<dyn Store>>,
    followed: Followed<InboxChanges>,
}

/// The hook that notes who follows which inbox, in front of another hook.
///
/// It passes everything on.
#[derive(Debug, Clone)]
pub struct InterestHook<L> {
    interest: Option<InboxInterest>,
    hook: L,
}

impl InboxInterest {
    /// Shows a store whose inboxes are followed, now and from now on.
    ///
    /// The store is kept as long as any handle of this.
    pub fn show_to(&self, store: impl Store + 'static) {
        let store: Arc<dyn Store> = Arc::new(store);
        let mut locked = self.0.lock();
        locked.followed.show_all(|member| changes_of(&*store, member));
        locked.store = Some(store);
    }

    fn bound(&self, channel: &str) {
        let Some(Ok(member)) = reader(channel) else { return };
        let mut locked = self.0.lock();
        let Locked { store, followed } = &mut *locked;
        followed.add(member, |member| store.as_deref().map(|store| changes_of(store, member)));
    }

    fn unbound(&self, channel: &str) {
        let Some(Ok(member)) = reader(channel) else { return };
        let last = self.0.lock().followed.remove(&member);
        // What is shown is taken back from the store without the lock.
        drop(last);
    }
}

impl<L> InterestHook<L> {
    /// Puts itself in front of another hook.
    ///
    /// Without an interest it does nothing but pass on.
    #[must_use]
    pub fn new(interest: Option<InboxInterest>, hook: L) -> Self {
        Self { interest, hook }
    }
}

/// Returns the member whom a channel of ours is about, unless the name cannot be one.
fn reader(channel: &str) -> Option<Result<MemberId, Error>> {
    channel::reader(channel).map(MemberId::new)
}

fn changes_of(store: &dyn Store, member: &MemberId) -> InboxChanges {
    // Nobody reads them: that they are there is what the store is to know.
    store.inbox_changes(member).without_cursors()
}

#[async_trait]
impl<L: Lifecycle> Lifecycle for InterestHook<L> {
    async fn connected(&self, connection: &Arc<Connection>) {
        self.hook.connected(connection).await;
    }

    async fn alive(&self, connection: &Arc<Connection>) {
        self.hook.alive(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, channels: &[Arc<str>]) {
        self.hook.disconnected(connection, reason, channels).await;
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        if let Some(interest) = &self.interest {
            interest.bound(channel);
        }
        self.hook.bound(connection, channel, cause);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, cause: BindCause) {
        if let Some(interest) = &self.interest {
            interest.unbound(channel);
        }
        self.hook.unbound(connection, channel, cause);
    }
}
