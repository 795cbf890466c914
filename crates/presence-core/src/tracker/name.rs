//! What can be online: names, and their hashes.

use std::fmt;
use std::hash::BuildHasher;

use foldhash::quality::RandomState;

use super::STRIPES;
use crate::name::Id;

/// A name that [`Tracker`](super::Tracker) keep.
///
/// It is an [`Id`], or a [`MemberKey`](crate::rooms::MemberKey) in a room.
pub trait Name: sealed::Hashed + Clone + Eq + fmt::Debug + Send + Sync + 'static {}

pub(crate) mod sealed {
    use std::hash::BuildHasher;

    /// What the table of names needs to be quick.
    #[cfg_attr(
        feature = "tracker",
        expect(unnameable_types, reason = "which names there are is decided in this crate")
    )]
    pub trait Hashed {
        /// Hashes the name without a check of its text.
        fn hash_by(&self, keys: &impl BuildHasher) -> u64;

        /// Reads a little of the name, which brings it into the cache.
        fn touch(&self) -> u64;
    }
}

impl Name for Id {}

impl sealed::Hashed for Id {
    fn hash_by(&self, keys: &impl BuildHasher) -> u64 {
        keys.hash_one(self.as_bytes())
    }

    #[inline]
    fn touch(&self) -> u64 {
        self.as_bytes().len() as u64
    }
}

/// A name and its hash.
#[derive(Debug)]
pub(crate) struct HashedName<'a, N> {
    pub(crate) name: &'a N,
    pub(crate) hash: u64,
}

impl<'a, N: Name> HashedName<'a, N> {
    #[inline]
    pub(crate) fn new(name: &'a N, keys: &RandomState) -> Self {
        Self { name, hash: name.hash_by(keys) }
    }

    /// The stripe that the hash alone chooses.
    #[inline]
    pub(crate) fn stripe(self) -> usize {
        stripe_of(self.hash)
    }

    /// The part of the hash that the index of a stripe keeps; the stripe is chosen by another.
    #[expect(clippy::cast_possible_truncation, reason = "a tag is the lower half of the hash")]
    pub(crate) fn tag(self) -> u32 {
        self.hash as u32
    }
}

/// Chooses a stripe by hash; the index of a stripe uses the other half.
#[inline]
pub(crate) fn stripe_of(hash: u64) -> usize {
    ((hash >> 32) % STRIPES as u64) as usize
}

// Derived implementations would demand that the name can be copied, too.
impl<N> Clone for HashedName<'_, N> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<N> Copy for HashedName<'_, N> {}
