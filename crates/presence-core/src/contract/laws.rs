//! The list of the laws.

use futures_util::future::LocalBoxFuture;

use super::listed::{IDS, check};
use super::world::World;
use super::worlds::Worlds;

/// Makes a module of tests, one for each law of [`contract`](mod@crate::contract).
///
/// `contract!(name, World, runtime)`: the name of the module, a type that implements
/// [`World`](crate::contract::World), and an expression that makes a tokio runtime, once per law.
#[macro_export]
macro_rules! contract {
    ($name:ident, $world:ty, $runtime:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the world may come from anywhere")]
            use super::*;

            $crate::contract! { @each tests $world, $runtime, law, check_list }
        }
    };
    // Hands the names of all laws of ids to the rule `what`.
    (@each $what:ident $($with:tt)*) => {
        $crate::contract! { @$what $($with)*,
            first_heartbeats_from_many_handles_give_one_event
            duplicates_in_one_call_give_one_event
            heartbeat_of_an_online_id_gives_no_event
            explicit_offline_gives_its_event_at_once
            explicit_offline_ends_every_device
            unknown_id_goes_offline_in_silence
            events_alternate_whoever_makes_them
            bad_ids_do_not_stop_the_good_ones
            silence_gives_one_event_within_the_bound
            heartbeats_keep_an_id_online
            return_during_grace_gives_no_event
            many_silent_ids_go_offline_once_each
            ttl_below_the_minimum_is_refused
            id_is_online_while_any_device_is
            devices_may_end_in_any_order
            held_device_needs_no_heartbeat
            heartbeat_does_not_let_go_of_a_held_device
            other_device_within_grace_gives_no_event
            ended_device_does_not_wait_for_its_deadline
            unknown_device_ends_in_silence
            lost_device_leaves_the_id_to_the_others
            statuses_come_in_input_order
            last_seen_is_the_last_sign_of_life
            pages_list_everybody_who_is_online
            ids_of_every_shape_come_back_as_they_were
            stream_from_now_gives_nothing_before
            stream_resumes_from_any_position
            position_outside_the_retention_gives_lagged
            position_of_another_store_gives_lagged
            slow_stream_gets_all_or_lagged
            snapshot_is_followed_by_changes_without_a_gap
            snapshot_read_slowly_is_true_once_it_is_synced
            position_of_a_snapshot_resumes_after_it
            what_is_not_ours_is_no_event
            lost_store_fails_calls_in_time_and_nobody_goes_offline
            devices_of_a_lost_process_are_lost_in_time
            state_is_well_until_the_end
            state_follows_the_loss_of_the_store
            refused_writes_show_in_the_state_and_nobody_goes_offline
            stream_says_once_that_the_store_is_away
            shutdown_ends_streams_and_refuses_calls
            shutdown_without_a_grace_time_ends_all_the_same
            shutdown_may_come_at_any_moment
            streams_end_when_the_last_handle_is_dropped
        }
    };
    (@tests $world:ty, $runtime:expr, $call:ident, $check:ident, $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                if !$crate::contract::is_excused::<$world>(stringify!($law)) {
                    let worlds = $crate::contract::Worlds::of::<$world>();
                    $runtime.block_on($crate::contract::$call(stringify!($law), worlds));
                }
            }
        )*

        #[test]
        fn every_law_is_listed() {
            $crate::contract::$check::<$world>(&[$(stringify!($law)),*]);
        }
    };
    (@table, $($law:ident)*) => {
        &[$((stringify!($law), |worlds| Box::pin($crate::contract::$law(worlds)))),*]
    };
}

/// Says whether the backend is excused from a law.
#[doc(hidden)]
#[must_use]
pub fn is_excused<W: World>(law: &str) -> bool {
    W::EXCUSED.iter().any(|(excused, _)| *excused == law)
}

/// Fails if a law of ids is not among `listed`.
#[doc(hidden)]
pub fn check_list<W: World>(listed: &[&str]) {
    check::<W>(listed, IDS);
}

/// Returns a law of ids by its name.
///
/// It is an object because the code of an `async fn` is generated in the crate that polls it: in
/// each test program, unless this one makes an object of it.
#[doc(hidden)]
#[must_use]
pub fn law(name: &str, worlds: Worlds) -> LocalBoxFuture<'static, ()> {
    let found = LAWS.iter().find(|(listed, _)| *listed == name);
    let (_, law) = found.unwrap_or_else(|| panic!("there is no law {name}"));
    law(worlds)
}

const LAWS: &[(&str, fn(Worlds) -> LocalBoxFuture<'static, ()>)] = contract! { @each table };
