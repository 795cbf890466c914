//! What the handles, the streams and the task of a client share.

use std::collections::BTreeSet;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use conductor_protocol::{Message, Opcode};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::calls::{Waiter, Waiting};
use crate::config::{Address, Config};
use crate::error::{Error, ErrorKind};
use crate::event::{Disconnected, Event};
use crate::handover::Handover;
use crate::outbox::{Claim, MessageKind, Outbox, Outgoing, Wish};
use crate::phase::Phase;
use crate::streams::IncomingStream;
use crate::subscriptions::Subscriptions;

/// What a ping takes of the room, in bytes.
const PING_BYTES: usize = 16;

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Host and port of the hub, for errors.
    hub: String,
    pub(crate) outbox: Outbox,
    pub(crate) calls: Waiting<String, Message>,
    pub(crate) pings: Waiting<u64, ()>,
    pub(crate) events: Subscriptions<Event>,
    pub(crate) streams: Subscriptions<IncomingStream>,
    /// Channels in which a stream of this client is open.
    pub(crate) streaming: Mutex<BTreeSet<String>>,
    phase: watch::Sender<Phase>,
    /// Cancelled when nothing more is to be begun.
    pub(crate) closing: CancellationToken,
    pinged: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, address: &Address) -> Self {
        Self {
            hub: address.to_string(),
            outbox: Outbox::new(config.unsent_max, config.unsent_bytes_max, config.channels_max),
            calls: Waiting::new(config.calls_max),
            pings: Waiting::new(config.calls_max),
            events: Subscriptions::new(),
            streams: Subscriptions::new(),
            streaming: Mutex::new(BTreeSet::new()),
            phase: watch::Sender::new(Phase::Away(None)),
            closing: CancellationToken::new(),
            pinged: AtomicU64::new(0),
            config,
        }
    }

    pub(crate) fn hub(&self) -> &str {
        &self.hub
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    pub(crate) fn is_connected(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Connected(_))
    }

    /// Returns a number that no ping has had; it is never 0.
    pub(crate) fn next_ping(&self) -> u64 {
        self.pinged.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Waits for a connection, and returns its number.
    pub(crate) async fn connected(&self) -> Result<u64, Error> {
        self.phase_that(|phase| match phase {
            Phase::Connected(number) => Some(Ok(*number)),
            Phase::Away(_) => None,
            Phase::Over(why) => Some(Err(why.clone())),
        })
        .await
    }

    /// Waits until the first attempt to connect has succeeded or failed.
    pub(crate) async fn first_attempt(&self) -> Result<(), Error> {
        self.phase_that(|phase| match phase {
            Phase::Connected(_) => Some(Ok(())),
            Phase::Away(None) => None,
            Phase::Away(Some(why)) | Phase::Over(why) => Some(Err(why.clone())),
        })
        .await
    }

    /// Waits until this connection has ended.
    async fn ended(&self, number: u64) {
        let is_other = |phase: &Phase| !matches!(phase, Phase::Connected(now) if *now == number);
        self.phase_that(|phase| is_other(phase).then_some(())).await;
    }

    async fn phase_that<T>(&self, look: impl Fn(&Phase) -> Option<T>) -> T {
        let mut phases = self.phase.subscribe();
        loop {
            if let Some(found) = look(&phases.borrow_and_update()) {
                return found;
            }
            // The sender is a part of this, so it cannot be gone.
            phases.changed().await.ok();
        }
    }

    /// Encodes a message that hubs take.
    pub(crate) fn encoded(&self, message: &Message) -> Result<Bytes, Error> {
        self.check_name(&message.channel)?;
        let (len, max) = (message.encoded_len(), self.config.message_bytes_max);
        if len > max {
            let text = format!("the message has {len} bytes with all its parts; at most {max} are allowed");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let mut bytes = BytesMut::with_capacity(len);
        match message.encode(&mut bytes) {
            Ok(()) => Ok(bytes.freeze()),
            Err(error) => {
                Err(Error::with_source(ErrorKind::InvalidInput, "the message has no encoding", error))
            }
        }
    }

    fn check_name(&self, channel: &str) -> Result<(), Error> {
        let (len, max) = (channel.len(), self.config.name_bytes_max);
        if len > max && !channel.starts_with('$') {
            let text = format!("the name of the channel has {len} bytes; at most {max} are allowed");
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        Ok(())
    }

    /// Hands a message to the connection that there is, or that comes in time.
    ///
    /// Dropped before it is ready, it has sent nothing.
    pub(crate) async fn send(&self, kind: MessageKind, bytes: Bytes) -> Result<Handover, Error> {
        self.send_until(self.patience(), kind, bytes).await
    }

    /// The same, with a time of its own.
    pub(crate) async fn send_until(
        &self,
        until: Instant,
        kind: MessageKind,
        bytes: Bytes,
    ) -> Result<Handover, Error> {
        let sending = async {
            loop {
                let number = self.connected().await?;
                let outgoing = |claim| Outgoing::Message(kind, bytes.clone(), Some(claim));
                if let Some(handover) = self.push(number, bytes.len(), outgoing).await? {
                    return Ok(handover);
                }
            }
        };
        self.in_time(until, sending).await
    }

    /// Pings the hub on the connection that there is, or that comes in time.
    ///
    /// It goes on no other than the first: what was to be done before the ping may be lost with it.
    pub(crate) async fn ping(&self, number: u64) -> Result<Handover, Error> {
        let pinging = async {
            let connection = self.connected().await?;
            self.push(connection, PING_BYTES, |claim| Outgoing::Ping(number, Some(claim))).await
        };
        self.in_time(self.patience(), pinging).await?.ok_or_else(|| self.lost())
    }

    /// Hands a message to this connection and to no other.
    pub(crate) async fn send_on(&self, number: u64, bytes: Bytes) -> Result<(), Error> {
        let outgoing = |claim| Outgoing::Message(MessageKind::Other, bytes.clone(), Some(claim));
        let pushing = self.push(number, bytes.len(), outgoing);
        self.in_time(self.patience(), pushing).await?.map(|_| ()).ok_or_else(|| self.lost())
    }

    /// Waits for an answer that comes on this connection; `None` if it ends first.
    pub(crate) async fn answer_on<K: Eq + Hash + Clone, A>(
        &self,
        connection: u64,
        waiter: &mut Waiter<'_, K, A>,
    ) -> Option<A> {
        tokio::select! {
            biased;
            answer = waiter.answer() => Some(answer),
            // It may have come after the look at it, and just before the end.
            () = self.ended(connection) => waiter.take(),
        }
    }

    /// Hands a bind or an unbind to the connection, if there is one, and keeps what is bound.
    pub(crate) async fn wish(&self, channel: &str, is_bound: bool) -> Result<(), Error> {
        let opcode = if is_bound { Opcode::BIND } else { Opcode::UNBIND };
        let bytes = self.encoded(&Message::new(opcode, channel, ""))?;
        let wishing = async {
            // Without a connection nothing has to wait: the next one is told what is bound then.
            let claim = match self.outbox.connection() {
                Some(number) => tokio::select! {
                    claim = self.outbox.claim(bytes.len()) => Some(claim?),
                    () = self.ended(number) => None,
                },
                None => None,
            };
            let wish = if is_bound { Wish::Bound } else { Wish::Unbound(self.next_ping()) };
            self.outbox.wish(channel, wish, Outgoing::Message(MessageKind::Bind, bytes, claim))
        };
        self.in_time(self.patience(), wishing).await
    }

    /// Waits for room and puts something in; `None` if the connection ends first.
    async fn push(
        &self,
        number: u64,
        len: usize,
        outgoing: impl FnOnce(Claim) -> Outgoing,
    ) -> Result<Option<Handover>, Error> {
        tokio::select! {
            claim = self.outbox.claim(len) => Ok(self.outbox.push(number, outgoing(claim?))),
            () = self.ended(number) => Ok(None),
        }
    }

    /// Returns until when a message waits to be taken.
    fn patience(&self) -> Instant {
        Instant::now() + self.config.send_timeout
    }

    async fn in_time<T>(
        &self,
        until: Instant,
        sending: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        match timeout_at(until, sending).await {
            Ok(Err(error)) if error.kind() == ErrorKind::Closed => Err(self.over().unwrap_or(error)),
            Ok(done) => done,
            Err(_) => Err(self.not_in_time()),
        }
    }

    fn not_in_time(&self) -> Error {
        let hub = &self.hub;
        match &*self.phase.borrow() {
            Phase::Over(why) => why.clone(),
            Phase::Connected(_) => {
                let text = format!("the hub at {hub} took nothing in time; nothing was sent");
                Error::new(ErrorKind::Timeout, text)
            }
            Phase::Away(why) => {
                let text = format!("there is no connection to the hub at {hub}; nothing was sent");
                match why {
                    Some(why) => Error::with_source(ErrorKind::Unavailable, text, why.clone()),
                    None => Error::new(ErrorKind::Unavailable, text),
                }
            }
        }
    }

    /// Why the client is over, if it is.
    fn over(&self) -> Option<Error> {
        match &*self.phase.borrow() {
            Phase::Over(why) => Some(why.clone()),
            _ => None,
        }
    }

    /// Whoever was sending or reading something on a connection that has ended hears this.
    pub(crate) fn lost(&self) -> Error {
        Error::lost(&self.hub)
    }

    /// Whoever waits for an answer on a connection that has ended hears this.
    pub(crate) fn unknown(&self) -> Error {
        Error::unknown(&self.hub)
    }

    /// Ends everything that waits.
    pub(crate) fn finish(&self, why: &Error) {
        self.outbox.close();
        if let Some(unsent) = self.outbox.disconnect() {
            self.tell_last(&Disconnected::given_up(why, unsent));
        }
        // Calls and pings that wait see it by this.
        self.set_phase(Phase::Over(why.clone()));
        // A stream ends with an error only if that was not the program's own wish.
        let told = (why.kind() != ErrorKind::Closed).then_some(why);
        self.events.end(told);
        self.streams.end(told);
    }

    /// Tells all subscriptions how a connection ended, as their policy says.
    ///
    /// Once the client is being shut down, it waits for none of them.
    pub(crate) async fn tell_end(&self, how: &Disconnected) {
        let event = Event::Disconnected(how.clone());
        let bytes = event.bytes();
        for mailbox in &*self.events.all() {
            tokio::select! {
                biased;
                () = mailbox.put_by(self.config.policy, event.clone(), bytes) => {}
                () = self.closing.cancelled() => mailbox.put_last(event.clone()),
            }
        }
    }

    /// Tells all subscriptions how the last connection ended, without a wait for room.
    pub(crate) fn tell_last(&self, how: &Disconnected) {
        for mailbox in &*self.events.all() {
            mailbox.put_last(Event::Disconnected(how.clone()));
        }
    }
}
