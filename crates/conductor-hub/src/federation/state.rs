//! The federation of one hub: its relay, and what is done of what that says.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::config::SisterConfig;
use super::host::SisterHost;
use super::item::Item;
use super::link_observer::LinkObserver;
use super::link_queue::LinkQueue;
use super::node_id::NodeId;
use super::open_streams::OpenStreams;
use super::parcel::{Parcel, ParcelAuthor, ParcelBody, ParcelDraft};
use super::relay::{Effect, Relay};
use super::sister::{Sister, SisterEnd, SisterMeta};
use super::sister_metrics::SisterMetrics;

/// Handshakes of sisters that may go on at once.
const HANDSHAKES_MAX: usize = 32;

/// The federation of one hub.
///
/// Locks are taken in this order: `deliveries`, `relay`, a stripe of the registry or the queue of a
/// link. The program is called with `deliveries` alone.
pub(crate) struct Federation {
    me: NodeId,
    pub(crate) config: SisterConfig,
    pub(crate) manager: Arc<dyn LinkObserver>,
    pub(crate) metrics: SisterMetrics,
    /// Held while parcels go from the relay to local members, so that nobody overtakes another.
    deliveries: Mutex<OpenStreams>,
    relay: Mutex<Locked>,
    next_link: AtomicU64,
    pub(crate) handshakes: Arc<Semaphore>,
    /// Something waits behind a gap.
    pub(crate) gap: Notify,
    pub(crate) closing: CancellationToken,
}

struct Locked {
    relay: Relay,
    sisters: BTreeMap<u64, Arc<Sister>>,
    /// Kept between calls.
    effects: Vec<Effect>,
}

/// What the relay says that is not done under its lock.
enum Told {
    Deliver(Parcel),
    Gap(NodeId, std::ops::RangeInclusive<u64>),
    Found(NodeId, u64),
    Silent(NodeId),
}

/// Why a sister who has proven herself is not linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotLinked {
    /// It is this very node.
    Ourselves,
    /// There is a link to her, which stays.
    Double,
    /// There are as many as may be.
    Full,
    /// The hub is shutting down.
    Closing,
}

impl Federation {
    pub(crate) fn new(config: SisterConfig, manager: Arc<dyn LinkObserver>) -> Self {
        let me = NodeId::random();
        let relay = Relay::new(me, config.interest_bytes_max, config.waiting_bytes_max);
        Self {
            me,
            config,
            manager,
            metrics: SisterMetrics::new(),
            deliveries: Mutex::default(),
            relay: Mutex::new(Locked { relay, sisters: BTreeMap::new(), effects: Vec::new() }),
            next_link: AtomicU64::new(1),
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            gap: Notify::new(),
            closing: CancellationToken::new(),
        }
    }

    pub(crate) const fn me(&self) -> NodeId {
        self.me
    }

    /// Passes on what was written here; `fill` adds the messages, if anybody wants them.
    pub(crate) fn write(&self, channel: &str, author: ParcelAuthor<'_>, fill: impl FnOnce(&mut ParcelDraft)) {
        if channel.starts_with('$') || !self.manager.write(channel) {
            return;
        }
        let mut locked = self.relay.lock();
        if !locked.relay.is_wanted_elsewhere(channel) {
            locked.relay.skip(channel);
            return;
        }
        // Names and users that cannot be encoded are refused before they come here.
        let Some(mut draft) = ParcelBody::draft(channel, author) else { return };
        fill(&mut draft);
        self.change(&mut locked, |relay, effects| relay.write(draft.finish(), effects));
    }

    /// Notes that a channel has its first member, or has lost its last.
    pub(crate) fn note_channel(&self, channel: &str, has_members: impl FnOnce() -> bool) {
        if channel.starts_with('$') {
            return;
        }
        let mut locked = self.relay.lock();
        // Looked at under the lock: of two changes at once, whichever comes here last sees both.
        let here = has_members();
        self.change(&mut locked, |relay, effects| relay.note_here(channel, here, effects));
    }

    /// Adds a link to a sister who has proven herself.
    pub(crate) fn add(
        &self,
        node: NodeId,
        name: Option<&str>,
        now: Instant,
    ) -> Result<Arc<Sister>, NotLinked> {
        let mut locked = self.relay.lock();
        if self.closing.is_cancelled() {
            return Err(NotLinked::Closing);
        }
        if node == self.me {
            return Err(NotLinked::Ourselves);
        }
        if let Some(known) = locked.sisters.values().find(|sister| sister.node() == node) {
            // Both may have dialled at once. On both sides the one stays that the lower has
            // dialled.
            let by_us = name.is_some();
            let is_better = by_us == (self.me < node) && known.name().is_some() != by_us;
            if !is_better {
                return Err(NotLinked::Double);
            }
            let known = Arc::clone(known);
            known.end(SisterEnd::Double);
            self.forget(&mut locked, &known);
        } else if locked.sisters.len() >= self.config.max_sisters * 2 {
            return Err(NotLinked::Full);
        }
        let link = self.next_link.fetch_add(1, Ordering::Relaxed);
        let queue = LinkQueue::new(self.config.link_bytes_max);
        let sister = Arc::new(Sister::new(link, node, name, queue));
        locked.sisters.insert(link, Arc::clone(&sister));
        self.metrics.sisters.increment(1.0);
        self.change(&mut locked, |relay, effects| relay.add_link(link, now, effects));
        Ok(sister)
    }

    /// Forgets a sister whose link has ended.
    pub(crate) fn remove(&self, sister: &Sister) {
        self.forget(&mut self.relay.lock(), sister);
    }

    /// Returns all sisters to whom there is a link.
    pub(crate) fn sisters(&self) -> Vec<Arc<Sister>> {
        self.relay.lock().sisters.values().map(Arc::clone).collect()
    }

    /// Takes a batch that came from a sister.
    pub(crate) fn receive(
        &self,
        sister: &Arc<Sister>,
        mut batch: Bytes,
        now: Instant,
        host: &dyn SisterHost,
    ) -> Result<(), &'static str> {
        let mut streams = self.deliveries.lock();
        let mut told = Vec::new();
        let mut locked = self.relay.lock();
        let (mut parcels, mut is_asked, mut answer) = (0, false, None);
        let read = loop {
            match Item::decode(&mut batch) {
                Ok(Some(Item::Alive)) => {}
                Ok(Some(Item::MetaQuery)) => is_asked = true,
                Ok(Some(Item::MetaResponse { sisters, most })) => answer = Some(SisterMeta { sisters, most }),
                Ok(Some(item)) => {
                    parcels += u64::from(matches!(item, Item::Parcel(..)));
                    let locked = &mut *locked;
                    locked.relay.receive(sister.link, item, now, &mut locked.effects);
                }
                Ok(None) => break Ok(()),
                Err(fault) => break Err(fault),
            }
        };
        self.carry_out(&mut locked, &mut told);
        let (waits, sisters) = (locked.relay.is_waiting(), locked.sisters.len());
        drop(locked);
        self.metrics.received.increment(parcels);
        if is_asked {
            let SisterMeta { sisters, most } = self.manager.meta_query(sister, self.meta(sisters));
            push(sister, Item::MetaResponse { sisters, most });
        }
        if let Some(meta) = answer {
            sister.note_meta(meta);
            self.manager.meta_response(sister, meta);
        }
        self.tell(told, &mut streams, host);
        if waits {
            self.gap.notify_one();
        }
        read
    }

    /// Tells gaps and silent origins for which it is time, and says that this node is there;
    /// returns when to look again, if something waits.
    pub(crate) fn tick(&self, now: Instant, beat: bool, host: &dyn SisterHost) -> Option<Instant> {
        let mut streams = self.deliveries.lock();
        let mut told = Vec::new();
        let mut locked = self.relay.lock();
        if beat {
            locked.sisters.values().for_each(|sister| push(sister, Item::Alive));
            let locked = &mut *locked;
            locked.relay.beat(&mut locked.effects);
        }
        {
            let locked = &mut *locked;
            locked.relay.tick(now, &mut locked.effects);
        }
        self.carry_out(&mut locked, &mut told);
        let deadline = if locked.relay.is_waiting() { locked.relay.deadline() } else { None };
        drop(locked);
        self.tell(told, &mut streams, host);
        deadline
    }

    /// Asks all sisters how many they have.
    pub(crate) fn query(&self) {
        self.relay.lock().sisters.values().for_each(|sister| push(sister, Item::MetaQuery));
    }

    /// Ends all links.
    pub(crate) fn close(&self) {
        // The lock keeps a link from being added behind this look.
        let locked = self.relay.lock();
        self.closing.cancel();
        locked.sisters.values().for_each(|sister| sister.end(SisterEnd::Closed));
    }

    fn meta(&self, sisters: usize) -> SisterMeta {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        SisterMeta { sisters: number(sisters), most: number(self.config.max_sisters) }
    }

    fn forget(&self, locked: &mut Locked, sister: &Sister) {
        if locked.sisters.remove(&sister.link).is_none() {
            return;
        }
        self.metrics.sisters.decrement(1.0);
        self.change(locked, |relay, effects| relay.remove_link(sister.link, effects));
    }

    /// Changes the relay where that only has things sent.
    fn change(&self, locked: &mut Locked, act: impl FnOnce(&mut Relay, &mut Vec<Effect>)) {
        act(&mut locked.relay, &mut locked.effects);
        let mut told = Vec::new();
        self.carry_out(locked, &mut told);
        debug_assert!(told.is_empty(), "what was written here is not delivered here");
    }

    fn carry_out(&self, locked: &mut Locked, told: &mut Vec<Told>) {
        let (mut sent, mut late) = (0, 0);
        for effect in locked.effects.drain(..) {
            match effect {
                Effect::Send(link, item) => {
                    sent += u64::from(matches!(item, Item::Parcel(..)));
                    if let Some(sister) = locked.sisters.get(&link) {
                        push(sister, item);
                    }
                }
                Effect::Deliver(parcel) => told.push(Told::Deliver(parcel)),
                Effect::Gap(origin, gap) => told.push(Told::Gap(origin, gap)),
                Effect::Found(origin, first) => told.push(Told::Found(origin, first)),
                Effect::Silent(origin) => told.push(Told::Silent(origin)),
                Effect::Late => late += 1,
            }
        }
        self.metrics.sent.increment(sent);
        self.metrics.late.increment(late);
    }

    fn tell(&self, told: Vec<Told>, streams: &mut OpenStreams, host: &dyn SisterHost) {
        for told in told {
            match told {
                Told::Deliver(Parcel { origin, body, .. }) => {
                    let author = body.author();
                    host.deliver(origin, &body, &mut |message| streams.pass(origin, author, message));
                }
                Told::Gap(origin, gap) => {
                    self.metrics.missing.increment(gap.end() - gap.start() + 1);
                    streams.abort(origin).iter().for_each(|end| host.deliver_end(origin, end));
                    host.gap(origin, gap);
                }
                Told::Found(origin, first) => host.found(origin, first),
                Told::Silent(origin) => {
                    streams.abort(origin).iter().for_each(|end| host.deliver_end(origin, end));
                    host.silent(origin);
                }
            }
        }
    }
}

/// Queues an item; a sister who does not keep up is ended.
fn push(sister: &Sister, item: Item) {
    if !sister.ending.is_cancelled() && sister.queue.push(item).is_err() {
        tracing::warn!(
            sister = %sister.node(),
            "a sister does not keep up with what is written for her, so her link is ended; what waited is \
             told as missing there when she is back"
        );
        sister.end(SisterEnd::Slow);
    }
}

impl fmt::Debug for Federation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Federation")
            .field("me", &self.me)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
