//! Who is in a room, where they sit, and listings of them.

use std::hash::BuildHasher;

use super::payload::Payload;
use crate::name::{Id, Room};
use crate::page::Cursor;
use crate::tracker::Name;
use crate::tracker::sealed::Hashed;

/// An id that is in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Member {
    /// The id of the member.
    pub id: Id,
    /// What they show, as it was written last through any of their devices.
    pub payload: Payload,
}

impl Member {
    /// The most bytes that one counts in a page.
    pub const PAGE_BYTES_MAX: usize = Id::BYTES_MAX + Payload::BYTES_MAX + AROUND_A_MEMBER;

    /// Creates a member.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(id: Id, payload: Payload) -> Self {
        Self { id, payload }
    }

    /// Returns what it counts in a page, in bytes: its id, its payload and 64.
    #[must_use]
    pub fn page_bytes(&self) -> usize {
        self.id.as_bytes().len() + self.payload.as_bytes().len() + AROUND_A_MEMBER
    }
}

/// What is around the id and the payload of a member, wherever a page is kept or written.
const AROUND_A_MEMBER: usize = 64;

/// A page of a listing of members.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct MemberPage {
    /// The members, in no particular order.
    ///
    /// A page may be short, even empty, and not be the last.
    pub members: Vec<Member>,
    /// Where the next page starts; `None` after the last.
    pub next: Option<Cursor>,
}

impl MemberPage {
    /// The most bytes of a page: 256 KiB, as [`Member::page_bytes`] counts.
    ///
    /// However many members were asked for, a backend ends a page before it would have more.
    pub const BYTES_MAX: usize = 256 * 1024;

    /// Creates a page.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(members: Vec<Member>, next: Option<Cursor>) -> Self {
        Self { members, next }
    }
}

/// One id in one room.
///
/// It is the name under which [`Tracker`](crate::tracker::Tracker) keep it. This is for backends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MemberKey {
    /// The room.
    pub room: Room,
    /// The id.
    pub id: Id,
}

impl MemberKey {
    /// Creates a seat.
    #[must_use]
    pub fn new(room: Room, id: Id) -> Self {
        Self { room, id }
    }
}

impl Name for MemberKey {}

impl Hashed for MemberKey {
    fn hash_by(&self, keys: &impl BuildHasher) -> u64 {
        // Both lengths are hashed, too, so that `ab` and `c` are another seat than `a` and `bc`.
        keys.hash_one((self.room.as_bytes(), self.id.as_bytes()))
    }

    #[inline]
    fn touch(&self) -> u64 {
        (self.room.as_bytes().len() + self.id.as_bytes().len()) as u64
    }
}
