//! The places that a change has reserved: one in the history, one in each inbox.

use std::iter::once;

use super::told_entry::give_up;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::EntryDoc;
use crate::distributed::reserving;
use crate::distributed::send::insert::close_holes;
use crate::distributed::sequencer::{Reserved, Want};
use crate::distributed::shared::Shared;
use crate::{Error, ErrorKind, MemberId, Result, Seq};

/// The places that a change has reserved.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) place: Seq,
    /// The time that the change has: not before the last entry of the history.
    pub(super) at_ms: u64,
    pub(super) members: Vec<MemberId>,
    /// The sequence in the inbox of each member.
    pub(super) seqs: Vec<Seq>,
}

impl Reservation {
    /// Reserves a place in the history behind `after`, and one in the inbox of each member.
    pub(super) async fn behind(
        shared: &Shared,
        history: &BoxId,
        members: Vec<MemberId>,
        after: Seq,
    ) -> Result<Self> {
        let wanted = Boxes::of(history, &members);
        let reserved = reserving::reserve(shared, &wanted.wants()).await?;
        let reservation = Self::of(members, &reserved)?;
        if reservation.place > after {
            return Ok(reservation);
        }
        // A counter that was set back gave out what is used already.
        let members = reservation.members.clone();
        reservation.give_up(shared, history).await;
        Self::at_the_end(shared, history, members).await
    }

    /// Reserves a place behind all that the history has, and one in the inbox of each member.
    ///
    /// Whatever was acknowledged before the call is in front of it, whoever wrote it.
    pub(super) async fn at_the_end(shared: &Shared, history: &BoxId, members: Vec<MemberId>) -> Result<Self> {
        let wanted = Boxes::of(history, &members);
        Self::of(members, &reserving::reserve_again(shared, &wanted.wants()).await?)
    }

    fn of(members: Vec<MemberId>, reserved: &[Reserved]) -> Result<Self> {
        match reserved {
            [of_history, of_inboxes @ ..] if of_inboxes.len() == members.len() => Ok(Self {
                place: of_history.first,
                at_ms: of_history.at_ms,
                members,
                seqs: of_inboxes.iter().map(|reserved| reserved.first).collect(),
            }),
            _ => Err(Error::new(
                ErrorKind::Unavailable,
                "fewer sequences were given out than asked for; try again",
            )),
        }
    }

    /// Returns the history and the inboxes with their new ends.
    pub(super) fn ends(&self, history: &BoxId) -> Vec<(BoxId, Seq)> {
        let inboxes = self.members.iter().map(BoxId::inbox).zip(self.seqs.iter().copied());
        once((history.clone(), self.place)).chain(inboxes).collect()
    }

    /// Closes the places, which are not used, so that no reader waits for them.
    pub(super) async fn give_up(self, shared: &Shared, history: &BoxId) {
        let (copies, at_ms) = (self.copies(), self.at_ms);
        let hole = |(member, seq): &(MemberId, Seq)| EntryDoc::hole(&BoxId::inbox(member), *seq, at_ms);
        let holes = copies.iter().map(hole).collect();
        tokio::join!(
            give_up(shared, history, (self.place, at_ms)),
            close_holes(&shared.database, Side::Inbox, holes),
        );
        shared.teller.given_up(&copies);
    }

    fn copies(&self) -> Vec<(MemberId, Seq)> {
        self.members.iter().cloned().zip(self.seqs.iter().copied()).collect()
    }
}

/// The boxes in which places are reserved.
struct Boxes<'a> {
    history: &'a BoxId,
    inboxes: Vec<BoxId>,
}

impl<'a> Boxes<'a> {
    fn of(history: &'a BoxId, members: &[MemberId]) -> Self {
        Self { history, inboxes: members.iter().map(BoxId::inbox).collect() }
    }

    fn wants(&self) -> Vec<Want<'_>> {
        once(self.history).chain(&self.inboxes).map(|boxed| Want { boxed, count: 1 }).collect()
    }
}
