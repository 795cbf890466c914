//! The list of the laws.

/// Makes one test of each law, for the place that the expression gives.
#[macro_export]
macro_rules! store_contract {
    // A law that is not in this list is run for no store.
    ($world:expr) => {
        $crate::store_contract! { $world =>
            a_send_is_in_the_history_and_in_both_inboxes
            a_note_to_oneself_is_stored_once
            messages_are_kept_byte_for_byte
            a_group_send_gives_each_member_one_copy
            ids_that_look_alike_share_nothing
            sends_out_of_bounds_leave_no_trace
            concurrent_senders_leave_no_gap
            everything_is_there_after_opening_again
            a_closed_store_says_so
            a_shutdown_without_time_still_ends_the_store
            a_member_never_heard_of_has_nothing
            sync_goes_on_after_last_read
            histories_page_forwards_and_backwards
            pages_have_100_entries_unless_told_and_1000_at_most
            readers_among_writers_miss_nothing
            a_repeated_send_has_one_effect_and_the_same_answer
            concurrent_repetitions_have_one_effect
            a_repetition_after_opening_again_has_the_first_answer
            a_message_id_used_for_something_else_is_a_conflict
            a_repeated_group_send_has_one_effect
            a_cursor_rises_and_never_falls
            a_cursor_cannot_pass_the_inbox
            pages_end_after_1_mib
            pages_end_after_1_mib_of_names
            a_position_beyond_the_end_is_reset
            a_position_with_another_tag_is_reset
            an_entry_says_who_sent_it_to_whom_and_when
            a_message_to_many_is_the_same_in_every_inbox
            the_state_is_well_until_the_store_is_closed
            observers_hear_every_entry_once_in_order
            a_group_is_there_as_it_was_created
            creating_a_group_that_exists_changes_nothing
            concurrent_creations_of_a_group_have_one_winner
            a_group_without_history_takes_over_none
            repeated_joins_and_leaves_have_one_effect
            concurrent_joins_and_leaves_lose_nobody
            the_first_member_becomes_owner_when_the_last_owner_leaves
            an_empty_group_stays_and_is_nobodys
            renaming_a_group_changes_its_title_only
            a_role_that_is_set_leaves_an_owner
            an_unknown_group_is_not_found
            groups_out_of_bounds_leave_no_trace
            groups_of_a_member_are_paged_by_name
            a_list_of_groups_has_a_join_and_a_leave_at_once
            groups_whose_ids_look_alike_share_nothing
            groups_are_there_after_opening_again
            a_closed_store_says_so_of_groups_too
            a_floor_rises_and_never_falls
            an_acknowledgement_beyond_the_end_frees_nothing
            below_the_floor_a_reader_gets_what_is_left
            an_acknowledgement_frees_one_inbox_only
            an_inbox_that_is_acknowledged_to_its_end_counts_on
            floors_are_there_after_opening_again
            concurrent_acknowledgements_and_sends_leave_no_gap
            a_closed_store_says_so_of_acknowledgements_too
            a_watcher_gets_what_was_missed_and_then_what_comes
            watchers_among_writers_and_acknowledgements_skip_and_repeat_nothing
            a_watcher_behind_the_floor_begins_above_it
            a_watcher_hears_that_its_inbox_was_freed
            a_watcher_is_told_of_a_reset_and_goes_on
            many_watchers_of_one_inbox_get_everything
            a_watcher_that_stops_waiting_loses_nothing
            a_watcher_hears_of_no_other_inbox
            a_closed_store_ends_its_watchers
            a_batch_answers_each_message_in_order
            a_repeated_batch_has_one_effect
            batches_out_of_bounds_leave_no_trace
        }
    };
    ($world:expr => $($law:ident)*) => {
        $(
            // Two threads, so that calls which run at the same time really do.
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $law() {
                $crate::contract::$law(&$world).await;
            }
        )*
    };
}
