//! The federation of one hub: its relay, and what is done of what that says.

mod back_pressure;
mod links;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::back_pressure::BackPressure;
use super::channel_shares::TAKEN_EVERY;
use super::config::SisterConfig;
use super::host::SisterHost;
use super::item::Item;
use super::link_observer::LinkObserver;
use super::node_id::NodeId;
use super::open_streams::{EndedStream, OpenStreams};
use super::pace::SaidPaces;
use super::parcel::{Parcel, ParcelAuthor, ParcelBody, ParcelDraft};
use super::relay::{Effect, Relay};
use super::sister::{Sister, SisterEnd, SisterMeta};
use super::sister_metrics::SisterMetrics;
use super::strangers::Strangers;
use super::stream_doubts::StreamDoubts;
use crate::{Config, Error, ErrorKind};

/// Nodes that may try to prove themselves at once.
const STRANGERS_MAX: usize = 32;

/// Nodes that have proven themselves about which the program may be asked at once.
const ASKED_MAX: usize = 32;

/// The federation of one hub.
///
/// Locks are taken in this order: `deliveries`, `relay`, a stripe of the registry, the queue of a
/// link or one of `back_pressure`. The program is called with `deliveries` alone.
pub(crate) struct Federation {
    me: NodeId,
    pub(crate) config: SisterConfig,
    pub(crate) manager: Arc<dyn LinkObserver>,
    pub(crate) metrics: SisterMetrics,
    /// Held while parcels go from the relay to local members, so that nobody overtakes another.
    deliveries: Mutex<Deliveries>,
    relay: Mutex<Locked>,
    back_pressure: BackPressure,
    /// How much of one channel may be on its way to a sister.
    window: usize,
    /// How long the name of a channel may be that goes over a link.
    name_bytes_max: usize,
    next_link: AtomicU64,
    pub(crate) strangers: Arc<Strangers>,
    /// The places of nodes about which the program is asked.
    pub(crate) asked: Semaphore,
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

/// What goes with deliveries to local members.
#[derive(Default)]
struct Deliveries {
    streams: OpenStreams,
    doubts: StreamDoubts,
    /// What sisters were told of members who are behind.
    said: SaidPaces,
}

/// What the relay says that is not done under its lock.
enum Told {
    Deliver { parcel: Parcel, is_next: bool },
    Gap(NodeId, RangeInclusive<u64>),
    Doubt(NodeId, RangeInclusive<u64>),
    Found(NodeId, u64),
    Silent(NodeId),
}

impl Federation {
    /// Creates one without links, of a hub with this configuration.
    pub(crate) fn new(config: SisterConfig, manager: Arc<dyn LinkObserver>, hub: &Config) -> Self {
        let me = NodeId::random();
        // A reader who gets behind at the end of two links still gets what is on its way over both:
        // three windows, behind the half of an outbox at which senders are held. Less than is told
        // at once to be taken would never be settled.
        let window = (hub.outbox_bytes_max / 8).min(config.link_bytes_max / 4).max(TAKEN_EVERY * 2);
        let relay = Relay::new(me, config.interest_bytes_max, config.waiting_bytes_max);
        Self {
            me,
            config,
            manager,
            metrics: SisterMetrics::new(),
            deliveries: Mutex::default(),
            relay: Mutex::new(Locked { relay, sisters: BTreeMap::new(), effects: Vec::new() }),
            back_pressure: BackPressure::new(),
            window,
            name_bytes_max: hub.name_bytes_max,
            next_link: AtomicU64::new(1),
            strangers: Strangers::new(STRANGERS_MAX),
            asked: Semaphore::new(ASKED_MAX),
            gap: Notify::new(),
            closing: CancellationToken::new(),
        }
    }

    pub(crate) const fn me(&self) -> NodeId {
        self.me
    }

    /// Passes on what was written here; `fill` adds the messages, if anybody wants them.
    pub(crate) fn write(&self, channel: &str, author: ParcelAuthor<'_>, fill: impl FnOnce(&mut ParcelDraft)) {
        if !self.carries(channel) || !self.manager.write(channel) {
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
        if !self.carries(channel) {
            return;
        }
        let mut locked = self.relay.lock();
        // Looked at under the lock: of two changes at once, whichever comes here last sees both.
        let here = has_members();
        self.change(&mut locked, |relay, effects| relay.note_here(channel, here, effects));
    }

    /// Takes a batch that came from a sister.
    pub(crate) fn receive(
        &self,
        sister: &Arc<Sister>,
        mut batch: Bytes,
        now: Instant,
        host: &dyn SisterHost,
    ) -> Result<(), &'static str> {
        let mut deliveries = self.deliveries.lock();
        let mut told = Vec::new();
        let mut locked = self.relay.lock();
        let bytes = batch.len();
        let (mut parcels, mut is_asked, mut answer, mut relieved) = (0, false, None, false);
        let read = loop {
            match Item::decode(&mut batch, self.name_bytes_max) {
                Ok(Some(Item::Alive)) => {}
                Ok(Some(Item::MetaQuery)) => is_asked = true,
                Ok(Some(Item::MetaResponse { sisters, most })) => answer = Some(SisterMeta { sisters, most }),
                Ok(Some(Item::Taken { parcels })) => sister.queue.note_taken(parcels),
                Ok(Some(Item::Pace(pace))) => relieved |= self.hear_pace(&locked, sister.link, &pace, now),
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
            sister.note_meta(meta, now);
            self.manager.meta_response(sister, meta);
        }
        self.tell(told, &mut deliveries, now, host);
        drop(deliveries);
        // Behind what was said of members who are behind by now, so that she hears that first.
        if let Some(parcels) = sister.count_taken(parcels, bytes) {
            push(sister, Item::Taken { parcels });
        }
        if sister.queue.take_relief() || relieved {
            self.relieve();
        }
        if waits {
            self.gap.notify_one();
        }
        read
    }

    /// Tells gaps and silent origins for which it is time, and says that this node is there;
    /// returns when to look again, if something waits.
    ///
    /// What is said again of members is for [`pace_again`](Self::pace_again).
    pub(crate) fn tick(&self, now: Instant, beat: bool, host: &dyn SisterHost) -> Option<Instant> {
        let mut deliveries = self.deliveries.lock();
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
        self.tell(told, &mut deliveries, now, host);
        deliveries.end_doubts(now, host);
        deadline
    }

    /// Ends all links.
    pub(crate) fn close(&self) {
        // The lock keeps a link from being added behind this look.
        let locked = self.relay.lock();
        self.closing.cancel();
        locked.sisters.values().for_each(|sister| sister.end(SisterEnd::Closed));
    }

    /// Tells whether what is written to a channel goes over links.
    ///
    /// A sister takes no longer name than this node, and would end the link.
    fn carries(&self, channel: &str) -> bool {
        !channel.starts_with('$') && channel.len() <= self.name_bytes_max
    }

    /// Checks that a message of the program may go over links, if its channel is for sisters.
    pub(crate) fn check(&self, channel: &str, message_bytes: usize) -> Result<(), Error> {
        let (bytes, most) = (channel.len(), self.name_bytes_max);
        let published_bytes_max = self.config.published_bytes_max();
        // The manager is asked again when it is written, so not here where it makes no difference.
        let fits = bytes <= most && message_bytes <= published_bytes_max;
        if fits || channel.starts_with('$') || !self.manager.write(channel) {
            return Ok(());
        }
        if bytes > most {
            let text = format!(
                "the name of the channel has {bytes} bytes; name_bytes_max allows {most}, and sisters take no \
                 longer one"
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let text = format!(
            "the message has {message_bytes} bytes; over a link to a sister go at most {published_bytes_max}, \
             which is 4 KiB less than half of link_bytes_max, or as much as a batch takes; publish it in pieces"
        );
        Err(Error::new(ErrorKind::InvalidInput, text))
    }

    fn meta(&self, sisters: usize) -> SisterMeta {
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        SisterMeta { sisters: number(sisters), most: number(self.config.max_sisters) }
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
                Effect::Deliver { parcel, is_next } => told.push(Told::Deliver { parcel, is_next }),
                Effect::Gap(origin, gap) => told.push(Told::Gap(origin, gap)),
                Effect::Doubt(origin, gap) => told.push(Told::Doubt(origin, gap)),
                Effect::Found(origin, first) => told.push(Told::Found(origin, first)),
                Effect::Silent(origin) => told.push(Told::Silent(origin)),
                Effect::Late => late += 1,
            }
        }
        self.metrics.sent.increment(sent);
        self.metrics.late.increment(late);
    }

    fn tell(&self, told: Vec<Told>, deliveries: &mut Deliveries, now: Instant, host: &dyn SisterHost) {
        let Deliveries { streams, doubts, said } = deliveries;
        // Once for all parcels in a row to one channel, as every member is looked at.
        let mut last: Option<ParcelBody> = None;
        let mut doubted = None;
        for told in told {
            let just_doubted = doubted.take();
            match told {
                Told::Deliver { parcel: Parcel { origin, body, .. }, is_next } => {
                    if let Some(other) = last.take_if(|last| last.channel() != body.channel()) {
                        self.say_pace(said, other.channel(), host);
                    }
                    if doubts.settle(origin, body.channel(), is_next) {
                        tell_ends(streams.abort_in(origin, body.channel()), host);
                    }
                    let author = body.author();
                    host.deliver(origin, &body, &mut |message, permits| {
                        streams.pass(origin, author, message, permits)
                    });
                    tell_ends(streams.take_ended(), host);
                    last = Some(body);
                }
                Told::Gap(origin, gap) => {
                    self.metrics.missing.increment(gap.end() - gap.start() + 1);
                    doubts.forget(origin);
                    tell_ends(streams.abort(origin), host);
                    host.gap(origin, gap);
                }
                Told::Doubt(origin, gap) => {
                    self.metrics.missing.increment(gap.end() - gap.start() + 1);
                    // Behind a gap of the same origin no stream has begun or ended since.
                    if just_doubted != Some(origin) {
                        doubts.note(origin, streams.channels(origin), now);
                    }
                    doubted = Some(origin);
                    host.gap(origin, gap);
                }
                Told::Found(origin, first) => host.found(origin, first),
                Told::Silent(origin) => {
                    doubts.forget(origin);
                    tell_ends(streams.abort(origin), host);
                    host.silent(origin);
                }
            }
        }
        if let Some(last) = last {
            self.say_pace(said, last.channel(), host);
        }
    }
}

impl Deliveries {
    /// Ends the streams that were in doubt for too long.
    fn end_doubts(&mut self, now: Instant, host: &dyn SisterHost) {
        tell_ends(self.streams.abort_in_all(&self.doubts.expire(now)), host);
    }
}

/// Tells members of the ends that nobody has sent. Until then their uuids are nobody else's.
fn tell_ends(ended: Vec<EndedStream>, host: &dyn SisterHost) {
    for stream in ended {
        if let Some(end) = stream.aborted() {
            host.deliver_end(stream.origin(), end);
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
