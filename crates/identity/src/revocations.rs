//! Which tokens are no longer accepted.

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::RwLock;
use tokio::sync::watch;

use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::revocation::{Revocation, Revoked};
use crate::unix;

/// How long revocations are kept, and how many.
#[derive(Debug, Clone)]
#[must_use]
pub struct RevocationsConfig {
    kept_for: Duration,
    entries_max: usize,
}

impl RevocationsConfig {
    /// What [`entries_max`](Self::entries_max) is unless it is set.
    pub const ENTRIES_MAX_DEFAULT: usize = 100_000;

    /// Between what [`entries_max`](Self::entries_max) is.
    pub const ENTRIES_MAX_BOUNDS: RangeInclusive<usize> = 1..=10_000_000;

    /// For how long a revocation is kept at least, and at most.
    pub const KEPT_FOR_BOUNDS: RangeInclusive<Duration> =
        Duration::from_secs(1)..=Duration::from_secs(400 * 24 * 60 * 60);

    /// Creates a configuration that keeps each revocation for a time.
    ///
    /// It is as long as a token may be valid, which
    /// [`Config::longest_validity`](crate::Config::longest_validity) of the verifier says: 1 s to
    /// 400 days.
    pub const fn new(kept_for: Duration) -> Self {
        Self { kept_for, entries_max: Self::ENTRIES_MAX_DEFAULT }
    }

    /// Sets how many revocations there may be at once.
    ///
    /// 1 to 10,000,000; default 100,000. Each takes about 100 bytes and its user id. Beyond it a
    /// revocation is refused with an error, and those that are there stay. The one of all that was
    /// issued before a time is not counted.
    pub const fn entries_max(self, entries_max: usize) -> Self {
        Self { entries_max, ..self }
    }

    fn validate(&self) -> Result<(), Error> {
        if !Self::KEPT_FOR_BOUNDS.contains(&self.kept_for) {
            let (least, most) = Self::KEPT_FOR_BOUNDS.into_inner();
            let text = format!("kept_for is {:?}; it must be from {least:?} to {most:?}", self.kept_for);
            return Err(Error::config(text));
        }
        if !Self::ENTRIES_MAX_BOUNDS.contains(&self.entries_max) {
            let (least, most) = Self::ENTRIES_MAX_BOUNDS.into_inner();
            let text = format!("entries_max is {}; it must be from {least} to {most}", self.entries_max);
            return Err(Error::config(text));
        }
        Ok(())
    }
}

/// Which tokens are no longer accepted, although they have not expired.
///
/// Entries of several processes can be applied in any order and any number of times, and all have
/// the same in the end, unless one is full. All clones are the same list.
///
/// # The end of an entry
///
/// An entry is forgotten when every token that it concerns, and that could be used when it was
/// made, has ended. One that could not be used yet may outlive it: a token that was issued in
/// advance, or one without `iat` that was valid for too long at first. Let the issuer make neither.
#[derive(Clone)]
pub struct Revocations(Arc<Shared>);

struct Shared {
    config: RevocationsConfig,
    locked: RwLock<Locked>,
    /// How many entries have changed something.
    changes: watch::Sender<u64>,
}

/// Each entry by what it revokes, with the second until which it counts.
#[derive(Default)]
struct Locked {
    users: HashMap<Box<str>, u64>,
    tokens: HashMap<Box<str>, u64>,
    before: Option<Before>,
    users_before: HashMap<Box<str>, Before>,
    /// The second in which what was over was removed last.
    tidied: u64,
}

/// Of two of these the later time of each counts, whichever came first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Before {
    issued: u64,
    until: u64,
}

impl Revocations {
    /// Creates a list without entries.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of its bounds.
    pub fn new(config: RevocationsConfig) -> Result<Self, Error> {
        config.validate()?;
        let (locked, changes) = (RwLock::default(), watch::Sender::new(0));
        Ok(Self(Arc::new(Shared { config, locked, changes })))
    }

    /// Revokes every token of a user, also those that are issued later.
    ///
    /// It is forgotten after the longest time that a token may be valid, so the issuer has to stop
    /// making tokens for the user.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if the text cannot be an id, [`Full`](ErrorKind::Full) if
    /// there are too many entries.
    pub fn revoke_user(&self, user: &str, now: SystemTime) -> Result<Revocation, Error> {
        Identity::check_user(user)?;
        self.revoke(Revoked::User(user.into()), now, now)
    }

    /// Revokes the token of a name, its `jti`.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if the text cannot be a name, [`Full`](ErrorKind::Full) if
    /// there are too many entries.
    pub fn revoke_token(&self, jti: &str, now: SystemTime) -> Result<Revocation, Error> {
        Identity::check_jti(jti)?;
        self.revoke(Revoked::Token(jti.into()), now, now)
    }

    /// Revokes all tokens of everybody that were issued before a time.
    ///
    /// It is a time of the issuer's clock: where that may be ahead, give one that is as much later.
    ///
    /// # Errors
    ///
    /// None today; the list has one entry of this kind, which always has its place.
    pub fn revoke_issued_before(&self, before: SystemTime, now: SystemTime) -> Result<Revocation, Error> {
        self.revoke(Revoked::Before(unix::seconds_after(before)), before, now)
    }

    /// Revokes all tokens of a user that were issued before a time.
    ///
    /// It is a time of the issuer's clock: where that may be ahead, give one that is as much later.
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if the text cannot be an id, [`Full`](ErrorKind::Full) if
    /// there are too many entries.
    pub fn revoke_user_issued_before(
        &self,
        user: &str,
        before: SystemTime,
        now: SystemTime,
    ) -> Result<Revocation, Error> {
        Identity::check_user(user)?;
        self.revoke(Revoked::UserBefore(user.into(), unix::seconds_after(before)), before, now)
    }

    /// The last token that is concerned may be issued now, or at a later `before`.
    fn revoke(&self, revoked: Revoked, before: SystemTime, now: SystemTime) -> Result<Revocation, Error> {
        let last = unix::seconds_after(before.max(now));
        let until = last.saturating_add(self.0.config.kept_for.as_secs() + 1).min(unix::SECONDS_MAX);
        let entry = Revocation { revoked, until };
        self.apply(&entry, now)?;
        Ok(entry)
    }

    /// Takes an entry up, and returns whether it is news.
    ///
    /// It may be from here or from another process.
    ///
    /// # Errors
    ///
    /// [`Full`](ErrorKind::Full) if there are too many entries; then nothing is changed.
    pub fn apply(&self, entry: &Revocation, now: SystemTime) -> Result<bool, Error> {
        let now = unix::seconds(now);
        if entry.until <= now {
            return Ok(false);
        }
        let changed = self.0.locked.write().apply(entry, now, self.0.config.entries_max)?;
        if changed {
            self.0.changes.send_modify(|count| *count += 1);
        }
        Ok(changed)
    }

    /// Returns whether an identity was revoked.
    #[must_use]
    pub fn is_revoked(&self, identity: &Identity, now: SystemTime) -> bool {
        let now = unix::seconds(now);
        let issued = identity.issued_second().unwrap_or_default();
        let counts = |until: &u64| *until > now;
        let is_older = |before: &Before| counts(&before.until) && issued < before.issued;
        let locked = self.0.locked.read();
        locked.users.get(identity.user()).is_some_and(counts)
            || locked.before.as_ref().is_some_and(is_older)
            || locked.users_before.get(identity.user()).is_some_and(is_older)
            || identity.jti().and_then(|jti| locked.tokens.get(jti)).is_some_and(counts)
    }

    /// Returns all entries that count, in no order.
    #[must_use]
    pub fn list(&self, now: SystemTime) -> Vec<Revocation> {
        let now = unix::seconds(now);
        let mut list = self.0.locked.read().entries();
        list.retain(|entry| entry.until > now);
        list
    }

    /// Returns how many entries there are, with those that are not yet removed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.locked.read().len()
    }

    /// Returns whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns whether an entry of something new would be refused for want of a place.
    #[must_use]
    pub fn is_full(&self, now: SystemTime) -> bool {
        let mut locked = self.0.locked.write();
        !locked.has_place(unix::seconds(now), self.0.config.entries_max)
    }

    /// Removes the entries that no longer count.
    ///
    /// A list that is full does so by itself.
    pub fn remove_expired(&self, now: SystemTime) {
        self.0.locked.write().remove_expired(unix::seconds(now));
    }

    /// Returns what changes with each new entry: how many there have been.
    ///
    /// Whoever holds a connection waits for it, and asks [`is_revoked`](Self::is_revoked) again.
    /// Take it before the token is verified: who takes it later does not hear of what was revoked
    /// in between.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.0.changes.subscribe()
    }

    /// Returns for how long an entry is kept.
    #[must_use]
    pub fn kept_for(&self) -> Duration {
        self.0.config.kept_for
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Revocations");
        debug.field("config", &self.0.config).field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Locked {
    fn apply(&mut self, entry: &Revocation, now: u64, entries_max: usize) -> Result<bool, Error> {
        // What holds for everybody always has its place, as it can do without all others. It takes
        // none of theirs: a full list has to come back from its file, in whatever order.
        let takes_place = !matches!(entry.revoked, Revoked::Before(_)) && !self.has(&entry.revoked);
        if takes_place && !self.has_place(now, entries_max) {
            let text = format!(
                "there are {entries_max} revocations, as many as are allowed; the one of all that was \
                 issued before now has its place in any case, and each is forgotten when no token is \
                 left that it concerns"
            );
            return Err(Error::new(ErrorKind::Full, text));
        }
        let until = entry.until;
        Ok(match &entry.revoked {
            Revoked::User(user) => raise(self.users.entry(user.clone()).or_default(), until),
            Revoked::Token(jti) => raise(self.tokens.entry(jti.clone()).or_default(), until),
            Revoked::Before(issued) => self.before.get_or_insert_default().join(*issued, until),
            Revoked::UserBefore(user, issued) => {
                self.users_before.entry(user.clone()).or_default().join(*issued, until)
            }
        })
    }

    /// Whether one more has its place; those that are over make room first.
    fn has_place(&mut self, now: u64, entries_max: usize) -> bool {
        // Nothing more is over before the next second: whoever tries many that have no place must
        // not keep all others waiting while each time all entries are looked at.
        if self.places() >= entries_max && self.tidied < now {
            self.remove_expired(now);
        }
        self.places() < entries_max
    }

    fn has(&self, revoked: &Revoked) -> bool {
        match revoked {
            Revoked::User(user) => self.users.contains_key(user),
            Revoked::Token(jti) => self.tokens.contains_key(jti),
            Revoked::Before(_) => self.before.is_some(),
            Revoked::UserBefore(user, _) => self.users_before.contains_key(user),
        }
    }

    fn len(&self) -> usize {
        self.places() + usize::from(self.before.is_some())
    }

    /// How many entries are bounded.
    fn places(&self) -> usize {
        self.users.len() + self.tokens.len() + self.users_before.len()
    }

    fn entries(&self) -> Vec<Revocation> {
        let users = self.users.iter().map(|(user, until)| (Revoked::User(user.clone()), *until));
        let tokens = self.tokens.iter().map(|(jti, until)| (Revoked::Token(jti.clone()), *until));
        let before = self.before.iter().map(|before| (Revoked::Before(before.issued), before.until));
        let users_before = self.users_before.iter();
        let users_before = users_before
            .map(|(user, before)| (Revoked::UserBefore(user.clone(), before.issued), before.until));
        let all = users.chain(tokens).chain(before).chain(users_before);
        all.map(|(revoked, until)| Revocation { revoked, until }).collect()
    }

    fn remove_expired(&mut self, now: u64) {
        self.users.retain(|_, until| *until > now);
        self.tokens.retain(|_, until| *until > now);
        self.before = self.before.filter(|before| before.until > now);
        self.users_before.retain(|_, before| before.until > now);
        self.tidied = now;
    }
}

impl Before {
    /// Takes the later of each; returns whether anything is later.
    fn join(&mut self, issued: u64, until: u64) -> bool {
        let is_older = raise(&mut self.issued, issued);
        raise(&mut self.until, until) || is_older
    }
}

fn raise(number: &mut u64, to: u64) -> bool {
    let is_lower = *number < to;
    *number = to.max(*number);
    is_lower
}
