//! Tokens that were verified before, whose signatures are not checked again.

use std::collections::HashMap;
use std::fmt;
use std::mem;

use parking_lot::Mutex;

use crate::identity::Identity;

const STRIPES: usize = 16;

/// A token that takes more memory with what it says is not remembered.
const BYTES_MAX: usize = 4 * 1024;

/// A bounded table from the whole text of a token to what it says.
///
/// Each stripe has two tables. New tokens come into the young one, and those of the old one that
/// are seen again. When the young one is full it becomes the old one, and what was old is gone: so
/// tokens that come again and again stay, and nothing is ever searched for what may go.
pub(crate) struct Seen {
    stripes: Box<[Mutex<Stripe>]>,
    /// How many tokens one table of a stripe has; 0 if nothing is remembered.
    table_max: usize,
}

#[derive(Default)]
struct Stripe {
    young: HashMap<Box<str>, Remembered>,
    old: HashMap<Box<str>, Remembered>,
}

struct Remembered {
    identity: Identity,
    /// Of which version the keys were.
    version: u64,
}

impl Seen {
    pub(crate) fn new(seen_max: usize) -> Self {
        let stripes = (0..STRIPES).map(|_| Mutex::default()).collect();
        Self { stripes, table_max: seen_max.div_ceil(STRIPES * 2) }
    }

    /// Returns what a token says that was verified with keys of this version.
    pub(crate) fn get(&self, token: &str, version: u64) -> Option<Identity> {
        let mut stripe = self.stripe(token).lock();
        if let Some(found) = stripe.young.get(token) {
            return (found.version == version).then(|| found.identity.clone());
        }
        let (token, found) = stripe.old.remove_entry(token)?;
        if found.version != version {
            return None;
        }
        let identity = found.identity.clone();
        self.put(&mut stripe, token, found);
        Some(identity)
    }

    pub(crate) fn insert(&self, token: &str, identity: &Identity, version: u64) {
        if self.table_max == 0 || token.len() + identity.bytes() > BYTES_MAX {
            return;
        }
        let remembered = Remembered { identity: identity.clone(), version };
        self.put(&mut self.stripe(token).lock(), token.into(), remembered);
    }

    fn put(&self, stripe: &mut Stripe, token: Box<str>, remembered: Remembered) {
        if stripe.young.len() >= self.table_max {
            stripe.old = mem::take(&mut stripe.young);
        }
        stripe.young.insert(token, remembered);
    }

    pub(crate) fn remove(&self, token: &str) {
        let mut stripe = self.stripe(token).lock();
        stripe.young.remove(token);
        stripe.old.remove(token);
    }

    /// Removes those of which `is_gone` says so.
    pub(crate) fn remove_all(&self, is_gone: impl Fn(&Identity) -> bool) {
        for stripe in &self.stripes {
            let mut stripe = stripe.lock();
            stripe.young.retain(|_, remembered| !is_gone(&remembered.identity));
            stripe.old.retain(|_, remembered| !is_gone(&remembered.identity));
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.stripes
            .iter()
            .map(|stripe| stripe.lock())
            .map(|stripe| stripe.young.len() + stripe.old.len())
            .sum()
    }

    /// A token ends with its signature, of which a few letters are as good as random.
    fn stripe(&self, token: &str) -> &Mutex<Stripe> {
        let end = token.bytes().rev().skip(1).take(4);
        let mixed = end.fold(0_usize, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(byte.into()));
        &self.stripes[mixed % STRIPES]
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seen").field("table_max", &self.table_max).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    fn identity(user: &str) -> Identity {
        Identity::new(user, UNIX_EPOCH + Duration::from_secs(9)).unwrap()
    }

    #[test]
    fn no_more_are_kept_than_allowed_and_those_that_come_again_stay() {
        let seen = Seen::new(320);
        seen.insert("regular", &identity("regular"), 0);
        for number in 0..10_000 {
            seen.insert(&format!("token {number}"), &identity("x"), 0);
            assert!(seen.len() <= 320);
            assert!(seen.get("regular", 0).is_some(), "{number}");
        }
        assert!(seen.get("token 0", 0).is_none());
    }

    #[test]
    fn other_keys_removal_and_size_leave_nothing() {
        let seen = Seen::new(100);
        for user in ["bob", "eve"] {
            seen.insert(user, &identity(user), 1);
        }
        assert_eq!(seen.get("bob", 1).unwrap().user(), "bob");
        assert!(seen.get("bob", 2).is_none());
        seen.remove("bob");
        assert!(seen.get("bob", 1).is_none());
        seen.remove_all(|identity| identity.user() == "eve");
        assert_eq!(seen.len(), 0);
        seen.insert(&"long".repeat(1_024), &identity("x"), 1);
        assert_eq!(seen.len(), 0);
        let none = Seen::new(0);
        none.insert("bob", &identity("bob"), 1);
        assert_eq!(none.len(), 0);
    }
}
