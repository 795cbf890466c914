//! Places that are reserved, and told to the teller in one order.
//!
//! ```text
//!  to many   turn ── m: 5, and the ends of other inboxes, slowly ── the teller knows 5 ──► writes
//!  to few            waits for its turn ────────────────────────────── m: 6, knows 6 ──► writes
//! ```
//!
//! Without turns the teller would hear of 6, have it told, and take 5 for one that is too late.

use std::iter::successors;

use super::clock;
use super::sequencer::{Reserved, Want};
use super::shared::Shared;
use crate::{MemberId, Result, Seq};

/// Reserves places, in the order of `wants`, and has the teller know those in inboxes.
///
/// # Errors
///
/// As [`Sequencer::reserve`](super::sequencer::Sequencer::reserve), and
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the turn does not come within the time of the
/// call.
///
/// # Cancel safety
///
/// The teller knows of no place that a dropped call reserved, and nobody uses it.
pub(super) async fn reserve(shared: &Shared, wants: &[Want<'_>]) -> Result<Vec<Reserved>> {
    in_turn(shared, wants, async { shared.sequencer.reserve(wants, clock::unix_ms()).await }).await
}

/// Does the same behind all that the store has, as after a place that was taken.
///
/// # Errors
///
/// As [`reserve`].
pub(super) async fn reserve_again(shared: &Shared, wants: &[Want<'_>]) -> Result<Vec<Reserved>> {
    in_turn(shared, wants, async { shared.sequencer.again(wants, clock::unix_ms()).await }).await
}

async fn in_turn(
    shared: &Shared,
    wants: &[Want<'_>],
    reserving: impl Future<Output = Result<Vec<Reserved>>>,
) -> Result<Vec<Reserved>> {
    let work = async {
        let reserved = reserving.await?;
        shared.teller.reserved(in_inboxes(wants, &reserved));
        Ok(reserved)
    };
    shared.reserving.take(shared.config.timeout, work).await
}

/// Returns the places in inboxes, in the order in which they were given out.
fn in_inboxes(wants: &[Want<'_>], reserved: &[Reserved]) -> impl Iterator<Item = (MemberId, Seq)> {
    let inboxes = wants.iter().zip(reserved);
    let inboxes =
        inboxes.filter_map(|(want, given)| Some((want.boxed.to_member()?, want.count, given.first)));
    inboxes.flat_map(|(member, count, first)| {
        let places = successors(Some(first), |place| Some(place.next()));
        let places = places.take(usize::try_from(count).unwrap_or(usize::MAX));
        places.map(move |place| (member.clone(), place))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Conversation;
    use crate::distributed::box_id::BoxId;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn the_teller_knows_each_place_of_an_inbox_and_none_of_a_history() {
        let history = BoxId::history(&Conversation::single(member("a"), member("b")));
        let [a, b] = ["a", "b"].map(|id| BoxId::inbox(&member(id)));
        let wants = [(&history, 2), (&a, 2), (&b, 1)].map(|(boxed, count)| Want { boxed, count });
        let given = [7, 3, 9].map(|first| Reserved { first: seq(first), at_ms: 1, floor_hint: Seq::ZERO });
        let places: Vec<_> = in_inboxes(&wants, &given).collect();
        assert_eq!(places, [(member("a"), seq(3)), (member("a"), seq(4)), (member("b"), seq(9))]);
    }
}
