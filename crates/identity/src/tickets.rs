//! Tickets: what a browser shows once in place of a token.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
use crate::identity::Identity;

/// How long tickets are good for, and how many there are.
#[derive(Debug, Clone)]
#[must_use]
pub struct TicketsConfig {
    ttl: Duration,
    tickets_max: usize,
    user_max: usize,
    bytes_max: usize,
}

impl TicketsConfig {
    /// What [`ttl`](Self::ttl) is unless it is set.
    pub const TTL_DEFAULT: Duration = Duration::from_secs(30);

    /// Between what [`ttl`](Self::ttl) is.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(120);

    /// What [`tickets_max`](Self::tickets_max) is unless it is set.
    pub const TICKETS_MAX_DEFAULT: usize = 10_000;

    /// Between what [`tickets_max`](Self::tickets_max) is.
    pub const TICKETS_MAX_BOUNDS: RangeInclusive<usize> = 1..=1_000_000;

    /// What [`user_max`](Self::user_max) is unless it is set.
    pub const USER_MAX_DEFAULT: usize = 32;

    /// Between what [`user_max`](Self::user_max) is.
    pub const USER_MAX_BOUNDS: RangeInclusive<usize> = 1..=1_000_000;

    /// What [`bytes_max`](Self::bytes_max) is unless it is set.
    pub const BYTES_MAX_DEFAULT: usize = 16 * 1024 * 1024;

    /// Between what [`bytes_max`](Self::bytes_max) is.
    pub const BYTES_MAX_BOUNDS: RangeInclusive<usize> = 64 * 1024..=1024 * 1024 * 1024;

    /// Sets how long a ticket may be used.
    ///
    /// 1 s to 120 s; default 30 s. More, for browsers that take longer to connect.
    pub const fn ttl(self, ttl: Duration) -> Self {
        Self { ttl, ..self }
    }

    /// Sets how many tickets there may be at once.
    ///
    /// 1 to 1,000,000; default 10,000. More, where more people open a page within the same half
    /// minute.
    pub const fn tickets_max(self, tickets_max: usize) -> Self {
        Self { tickets_max, ..self }
    }

    /// Sets how many tickets one user may have at once.
    ///
    /// 1 to 1,000,000; default 32. It keeps one user from taking the places of all others.
    pub const fn user_max(self, user_max: usize) -> Self {
        Self { user_max, ..self }
    }

    /// Sets how much memory the identities and tokens of all tickets take, in bytes.
    ///
    /// 65,536 to 1,073,741,824; default 16,777,216. More, for users with many rights.
    pub const fn bytes_max(self, bytes_max: usize) -> Self {
        Self { bytes_max, ..self }
    }

    fn validate(&self) -> Result<(), Error> {
        if !Self::TTL_BOUNDS.contains(&self.ttl) {
            let (least, most) = Self::TTL_BOUNDS.into_inner();
            return Err(Error::config(format!(
                "ttl is {:?}; it must be from {least:?} to {most:?}",
                self.ttl
            )));
        }
        for (name, value, bounds) in [
            ("tickets_max", self.tickets_max, Self::TICKETS_MAX_BOUNDS),
            ("user_max", self.user_max, Self::USER_MAX_BOUNDS),
            ("bytes_max", self.bytes_max, Self::BYTES_MAX_BOUNDS),
        ] {
            if !bounds.contains(&value) {
                let (least, most) = bounds.into_inner();
                return Err(Error::config(format!("{name} is {value}; it must be from {least} to {most}")));
            }
        }
        Ok(())
    }
}

impl Default for TicketsConfig {
    fn default() -> Self {
        Self {
            ttl: Self::TTL_DEFAULT,
            tickets_max: Self::TICKETS_MAX_DEFAULT,
            user_max: Self::USER_MAX_DEFAULT,
            bytes_max: Self::BYTES_MAX_DEFAULT,
        }
    }
}

/// A text that stands for an identity, once and for a short time.
///
/// It has 22 letters that need no escape in an address.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket(String);

impl Ticket {
    /// Returns the text, for whoever may use it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticket(…)")
    }
}

/// The tickets that were issued and not yet used.
///
/// A browser can send no header with a WebSocket or an `EventSource`, and a token in an address
/// ends in logs and histories. A ticket does so, too, and is worth nothing by then. All clones are
/// the same tickets.
#[derive(Clone)]
pub struct Tickets(Arc<Shared>);

struct Shared {
    config: TicketsConfig,
    locked: Mutex<Locked>,
}

/// The hash of a ticket's text. Finding it in a table takes a time that tells nothing of the text.
type TicketHash = [u8; 32];

/// When a ticket ends, and a number that tells it from others of that time.
type Place = (SystemTime, u64);

/// What a ticket stands for.
struct Issued {
    identity: Identity,
    /// The token that the ticket was made with, for who changes the ticket back into it.
    token: Option<Box<str>>,
    place: Place,
}

#[derive(Default)]
struct Locked {
    issued: HashMap<TicketHash, Issued>,
    order: BTreeMap<Place, TicketHash>,
    /// How many tickets each user has.
    users: HashMap<Box<str>, usize>,
    bytes: usize,
    /// How many tickets there have ever been.
    count: u64,
}

impl Tickets {
    /// Creates a place for tickets.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of its bounds.
    pub fn new(config: TicketsConfig) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self(Arc::new(Shared { config, locked: Mutex::default() })))
    }

    /// Makes a ticket for an identity.
    ///
    /// # Errors
    ///
    /// [`Full`](ErrorKind::Full) if there are too many tickets, or the user has too many;
    /// [`Unavailable`](ErrorKind::Unavailable) if the system has no random numbers.
    pub fn issue(&self, identity: Identity, now: SystemTime) -> Result<Ticket, Error> {
        self.issue_with(identity, None, now)
    }

    /// Makes a ticket for an identity, and keeps the token that proves it.
    ///
    /// Whoever redeems it by [`redeem_with`](Self::redeem_with) gets the token as well: so a page
    /// takes a token over without one in its address.
    ///
    /// # Errors
    ///
    /// As of [`issue`](Self::issue); the bytes of the token count, too.
    pub fn issue_with(
        &self,
        identity: Identity,
        token: Option<&str>,
        now: SystemTime,
    ) -> Result<Ticket, Error> {
        let mut random = [0; 16];
        rand::fill(&mut random)
            .map_err(|_| Error::new(ErrorKind::Unavailable, "the system has no random numbers"))?;
        let ticket = Ticket(URL_SAFE_NO_PAD.encode(random));
        let config = &self.0.config;
        let mut locked = self.0.locked.lock();
        locked.remove_expired(now);
        let of_user = locked.users.get(identity.user()).copied().unwrap_or_default();
        if of_user >= config.user_max {
            return Err(Error::new(ErrorKind::Full, "the user has too many tickets that are not used yet"));
        }
        let place = (now + config.ttl, locked.count + 1);
        let issued = Issued { identity, token: token.map(Into::into), place };
        let has_place = locked.issued.len() < config.tickets_max;
        if !has_place || locked.bytes + issued.bytes() > config.bytes_max {
            return Err(Error::new(ErrorKind::Full, "there are too many tickets that are not used yet"));
        }
        locked.insert(hash(ticket.as_str()), issued);
        Ok(ticket)
    }

    /// Takes a ticket, and returns whose it is; `None` if it is none, used or too old.
    ///
    /// Whoever was revoked meanwhile is for [`Revocations`](crate::Revocations) to say.
    #[must_use]
    pub fn redeem(&self, text: &str, now: SystemTime) -> Option<Identity> {
        self.redeem_with(text, now).map(|(identity, _)| identity)
    }

    /// Takes a ticket, and returns whose it is and the token it was made with.
    ///
    /// The token is `None` if it was made without one, and all of it as of
    /// [`redeem`](Self::redeem).
    #[must_use]
    pub fn redeem_with(&self, text: &str, now: SystemTime) -> Option<(Identity, Option<String>)> {
        let Issued { identity, token, place: (end, _) } = self.0.locked.lock().remove(&hash(text))?;
        (now < end && now < identity.expires_at()).then(|| (identity, token.map(String::from)))
    }

    /// Removes those that are too old.
    ///
    /// None of them is taken either way; it gives memory back, and no token stays in there for
    /// longer than it has to. Call it now and then.
    pub fn remove_expired(&self, now: SystemTime) {
        self.0.locked.lock().remove_expired(now);
    }

    /// Returns how many there are, with those that are too old and not yet removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.locked.lock().issued.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Tickets");
        debug.field("config", &self.0.config).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Issued {
    fn bytes(&self) -> usize {
        self.identity.bytes() + self.token.as_ref().map_or(0, |token| token.len())
    }
}

impl Locked {
    fn insert(&mut self, hash: TicketHash, issued: Issued) {
        self.count += 1;
        self.bytes += issued.bytes();
        *self.users.entry(issued.identity.user().into()).or_default() += 1;
        self.order.insert(issued.place, hash);
        self.issued.insert(hash, issued);
    }

    fn remove(&mut self, hash: &TicketHash) -> Option<Issued> {
        let issued = self.issued.remove(hash)?;
        self.order.remove(&issued.place);
        self.bytes -= issued.bytes();
        let user = issued.identity.user();
        if let Some(count) = self.users.get_mut(user) {
            *count -= 1;
            if *count == 0 {
                self.users.remove(user);
            }
        }
        Some(issued)
    }

    fn remove_expired(&mut self, now: SystemTime) {
        while let Some((_, hash)) = self.order.first_key_value().filter(|((end, _), _)| *end <= now) {
            let hash = *hash;
            self.remove(&hash);
        }
    }
}

fn hash(text: &str) -> TicketHash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
    hash
}
