//! The list of the laws of rooms.

use futures_util::future::LocalBoxFuture;

use super::world::RoomWorlds;
use crate::contract::World;
use crate::contract::listed::{ROOMS, check};

/// Makes a module of tests, one for each law of rooms.
///
/// `rooms_contract!(name, World, runtime)`, as [`contract!`](crate::contract!), of a type that
/// implements [`RoomWorld`](crate::contract::RoomWorld).
#[macro_export]
macro_rules! rooms_contract {
    ($name:ident, $world:ty, $runtime:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the world may come from anywhere")]
            use super::*;

            $crate::rooms_contract! { @each tests $world, $runtime, room_law, check_room_list }
        }
    };
    // Hands the names of all laws of rooms to the rule `what` of `contract`.
    (@each $what:ident $($with:tt)*) => {
        $crate::contract! { @$what $($with)*,
            first_joins_from_many_handles_give_one_event
            devices_of_a_member_are_one_member
            return_within_grace_gives_no_join
            silent_member_leaves_within_the_bound
            held_member_needs_no_heartbeat
            removed_member_leaves_at_once
            strangers_leave_in_silence
            member_events_alternate_whoever_makes_them
            update_gives_one_event
            payload_is_one_for_all_devices
            last_writer_wins
            names_and_payloads_of_every_shape_come_back
            bad_names_and_payloads_are_refused
            pages_list_every_member
            pages_of_large_members_are_short
            pages_miss_nobody_who_stays
            rooms_are_apart
            room_stream_from_now_gives_nothing_before
            stream_follows_a_room_that_empties
            room_stream_resumes_from_any_position
            room_position_outside_the_retention_gives_lagged
            position_of_another_room_gives_lagged
            room_snapshot_is_followed_by_changes_without_a_gap
            room_snapshot_read_slowly_is_true_once_it_is_synced
            diffs_add_up_to_the_room
            what_cancels_out_in_a_batch_is_not_told
            full_batch_is_sent_at_once
            counts_follow_the_room
            lost_store_leaves_rooms_as_they_were
            room_stream_says_once_that_the_store_is_away
            members_of_a_lost_process_leave_in_time
            shutdown_of_rooms_may_come_at_any_moment
            shutdown_ends_room_streams_and_refuses_calls
            room_streams_end_when_the_last_handle_is_dropped
        }
    };
}

/// Fails if a law of rooms is not among `listed`.
#[doc(hidden)]
pub fn check_room_list<W: World>(listed: &[&str]) {
    check::<W>(listed, ROOMS);
}

/// Returns a law of rooms by its name.
///
/// [`law`](crate::contract::law) does the same for ids and says why it is an object.
#[doc(hidden)]
#[must_use]
pub fn room_law(name: &str, worlds: RoomWorlds) -> LocalBoxFuture<'static, ()> {
    let found = LAWS.iter().find(|(listed, _)| *listed == name);
    let (_, law) = found.unwrap_or_else(|| panic!("there is no law {name}"));
    law(worlds)
}

const LAWS: &[(&str, fn(RoomWorlds) -> LocalBoxFuture<'static, ()>)] = rooms_contract! { @each table };
