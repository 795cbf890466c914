//! The handle of the store in memory.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::watch;

use super::clock;
use super::kept::{Locked, MemoryPlace, Sent};
use super::sweeper::Sweeper;
use crate::conversation::peer_of;
use crate::store::{Append, Appended, GroupChange, InboxChanges, InboxWatchers};
use crate::{
    Changed, Conversation, ConversationMark, ConversationPage, ConversationView, Count, Entry, Error, Group,
    GroupName, GroupPage, HistoryPage, InboxPage, MemberId, MessageChange, Observer, PageRequest, Position,
    ReadCursor, Result, Retention, Seq, State, Store, ViewPage,
};

/// A store in memory.
///
/// Its default begins empty; [`start`](Self::start) goes on with what an earlier one kept.
/// [`shutdown`](Store::shutdown) ends it at once, and so does dropping it.
///
/// Its [`Observer`] is called by the thread that sends, before the send is answered: it must not
/// send, change a message or note what was read itself.
pub struct MemoryStore {
    place: MemoryPlace,
    // `Down` once it was shut down, else `Well`.
    state: watch::Sender<State>,
    watchers: InboxWatchers,
    observer: Arc<dyn Observer>,
    // Held from the write until all are told of it, who so hear of entries and cursors in order.
    telling: Mutex<()>,
    // There is one until the end, if anything is kept for a time.
    sweeper: Mutex<Option<Sweeper>>,
}

impl MemoryStore {
    /// Starts a store with what another one kept in this place.
    ///
    /// That one must have been shut down before.
    #[must_use]
    pub fn start(place: MemoryPlace) -> Self {
        Self::of(place, Retention::new())
    }

    /// Starts a store that keeps entries only as `retention` says.
    ///
    /// It goes on with what another one kept in this place, as [`start`](Self::start) does. If
    /// anything is kept for a time, a thread of the store removes what is older, until its end.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) when a bound of the retention is out of range;
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the thread cannot be started.
    pub fn start_keeping(place: MemoryPlace, retention: Retention) -> Result<Self> {
        retention.validate()?;
        let age = retention.age_min();
        let store = Self::of(place, retention);
        // An earlier store may have kept more. Nobody watches yet who would have to be told.
        store.place.lock().expire(clock::unix_ms());
        if let Some(age) = age {
            let sweeper = Sweeper::start(store.place.clone(), store.watchers.clone(), age)?;
            *store.sweeper() = Some(sweeper);
        }
        Ok(store)
    }

    fn of(place: MemoryPlace, retention: Retention) -> Self {
        place.lock().keep(retention);
        Self {
            place,
            state: watch::Sender::new(State::Well),
            watchers: InboxWatchers::default(),
            observer: Arc::new(()),
            telling: Mutex::default(),
            sweeper: Mutex::default(),
        }
    }

    /// Sets who is told of each inbox entry.
    ///
    /// Nobody by default. An `Arc` of an observer is one, too.
    #[must_use]
    pub fn observer(mut self, observer: impl Observer + 'static) -> Self {
        self.observer = Arc::new(observer);
        self
    }

    /// Locks what is kept, unless the store was shut down.
    fn open(&self) -> Result<MutexGuard<'_, Locked>> {
        // The order matters: whoever shuts the store down has the lock meanwhile.
        let kept = self.place.lock();
        if self.state.borrow().is_well() { Ok(kept) } else { Err(Error::closed()) }
    }

    fn end(&self) {
        let kept = self.place.lock();
        self.state.send_if_modified(|state| {
            let was_well = state.is_well();
            *state = State::down("it was shut down");
            was_well
        });
        drop(kept);
        // It needs the lock of what is kept, and is gone before another store uses the place.
        let sweeper = self.sweeper().take();
        if let Some(sweeper) = sweeper {
            sweeper.stop();
        }
        self.watchers.close();
    }

    /// Tells watchers and the observer of new entries; the caller holds `telling`.
    fn announce(&self, news: &[(MemberId, Entry)]) {
        for (member, _) in news {
            self.watchers.notify(member);
        }
        for (member, entry) in news {
            self.tell(member, entry);
        }
    }

    /// Tells those who see it how far somebody has read; the caller holds `telling`.
    fn announce_read(&self, cursor: &ReadCursor) {
        let ReadCursor { member, conversation, .. } = cursor;
        for told in [Some(member), peer_of(conversation, member)].into_iter().flatten() {
            self.watchers.notify_read(cursor, told);
            self.tell_read(told, cursor);
        }
    }

    /// Waits until the entries of other calls were told.
    fn telling(&self) -> MutexGuard<'_, ()> {
        self.telling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sweeper(&self) -> MutexGuard<'_, Option<Sweeper>> {
        self.sweeper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, member: &MemberId, entry: &Entry) {
        let call = AssertUnwindSafe(|| self.observer.appended(member.as_str(), entry));
        if catch_unwind(call).is_err() {
            tracing::error!("the observer of the store panicked and misses an entry");
        }
    }

    fn tell_read(&self, member: &MemberId, cursor: &ReadCursor) {
        if catch_unwind(AssertUnwindSafe(|| self.observer.read(member, cursor))).is_err() {
            tracing::error!("the observer of the store panicked and misses how far was read");
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn append(&self, append: Append) -> Result<Appended> {
        let _telling = self.telling();
        let Sent { appended, news, cursor } = self.open()?.append(&append, clock::unix_ms())?;
        self.announce(&news);
        if let Some(cursor) = cursor {
            self.announce_read(&cursor);
        }
        Ok(appended)
    }

    async fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> Result<InboxPage> {
        Ok(self.open()?.inbox(member, last_read, count))
    }

    async fn history(&self, conversation: &Conversation, page: PageRequest) -> Result<HistoryPage> {
        Ok(self.open()?.history(conversation, page))
    }

    async fn ack(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let (floor, has_risen) = self.open()?.ack(member, sequence)?;
        if has_risen {
            self.watchers.notify(member);
        }
        Ok(floor)
    }

    fn inbox_changes(&self, member: &MemberId) -> InboxChanges {
        self.watchers.subscribe(member)
    }

    async fn received(&self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.open()?.received(member, sequence)
    }

    async fn received_of(&self, member: &MemberId) -> Result<Seq> {
        Ok(self.open()?.received_of(member))
    }

    async fn change_group(&self, group: &GroupName, change: GroupChange) -> Result<Group> {
        self.open()?.change_group(group, &change, clock::unix_ms())
    }

    async fn group(&self, group: &GroupName) -> Result<Option<Group>> {
        Ok(self.open()?.group(group))
    }

    async fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        Ok(self.open()?.groups_of(member, after, count))
    }

    async fn change_message(&self, change: MessageChange) -> Result<Changed> {
        let _telling = self.telling();
        let (changed, news) = self.open()?.change_message(&change, clock::unix_ms())?;
        self.announce(&news);
        Ok(changed)
    }

    async fn read(&self, member: &MemberId, conversation: &Conversation, sequence: Seq) -> Result<Seq> {
        // Cursors are told in the order in which they rose.
        let _telling = self.telling();
        let (read, has_risen) = self.open()?.read(member, conversation, sequence)?;
        if has_risen {
            self.announce_read(&ReadCursor::new(member.clone(), conversation.clone(), read));
        }
        Ok(read)
    }

    async fn read_of(&self, conversation: &Conversation, members: &[MemberId]) -> Result<Vec<Seq>> {
        Ok(self.open()?.read_of(conversation, members))
    }

    async fn view(&self, member: &MemberId, conversation: &Conversation) -> Result<Option<ConversationView>> {
        Ok(self.open()?.view(member, conversation))
    }

    async fn views(&self, member: &MemberId, after: Option<&Conversation>, count: Count) -> Result<ViewPage> {
        Ok(self.open()?.views(member, after, count))
    }

    async fn conversations(
        &self,
        member: &MemberId,
        after: Option<&ConversationMark>,
        count: Count,
    ) -> Result<ConversationPage> {
        self.open()?.conversations(member, after, count)
    }

    async fn clear(&self, member: &MemberId, conversation: &Conversation) -> Result<()> {
        self.open()?.clear(member, conversation)
    }

    async fn purge(&self, conversation: &Conversation) -> Result<Seq> {
        let _telling = self.telling();
        let (place, news) = self.open()?.purge(conversation, clock::unix_ms());
        self.announce(&news);
        Ok(place)
    }

    async fn forget(&self, member: &MemberId) -> Result<()> {
        if self.open()?.forget(member) {
            self.watchers.notify(member);
        }
        Ok(())
    }

    fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    async fn shutdown(&self, _grace: Duration) -> bool {
        self.end();
        true
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::start(MemoryPlace::default())
    }
}

impl Drop for MemoryStore {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}
