//! The list of all cases, and the macro that makes each a test.

/// Makes every case of the suite a test of the given [`Harness`](crate::conformance::Harness),
/// in a module for each topic.
#[macro_export]
macro_rules! conformance_suite {
    ($harness:ty) => {
        $crate::conformance_tests! { $harness;
            enqueue {
                a_job_is_ready_at_once,
                the_answers_come_in_the_order_of_the_jobs,
                an_empty_batch_is_answered_with_nothing,
                a_known_id_is_not_added_again,
                an_id_twice_in_one_batch_is_added_once,
                known_jobs_do_not_keep_the_new_ones_of_their_batch_out,
                a_known_id_leaves_the_job_as_it_is,
                everything_that_was_enqueued_can_be_read_back,
                names_may_hold_any_printable_character,
                arguments_are_kept_byte_by_byte,
                a_full_batch_is_added_whole,
                jobs_of_one_batch_may_have_different_policies,
                a_handle_is_a_handle_to_the_same_store,
            }
            claim {
                a_claimed_job_is_running_and_carries_what_was_enqueued,
                a_claimed_job_is_not_handed_out_again,
                the_oldest_comes_first,
                age_counts_from_acceptance_and_not_by_id,
                the_highest_priority_comes_first,
                queues_are_served_in_the_order_of_the_claim,
                only_the_asked_queues_are_served,
                no_more_jobs_are_handed_out_than_asked,
                each_lane_is_filled_up_to_its_slots,
                a_full_lane_does_not_block_another,
                a_claim_without_work_is_answered_with_nothing,
                a_claim_without_slots_takes_nothing,
                every_claim_adds_one_to_the_token,
                a_session_that_was_never_opened_cannot_claim,
                the_answer_tells_the_stores_time,
                a_claimed_job_tells_since_when_it_was_ready,
                a_claimed_job_tells_how_its_earlier_attempts_ended,
                a_thousand_jobs_are_claimed_at_once_and_in_order,
                jobs_that_ended_are_never_handed_out,
            }
            settle {
                a_result_ends_the_job_and_is_kept,
                an_empty_result_is_a_result,
                a_retry_waits_and_counts_as_a_failure,
                a_failure_for_good_ends_the_job,
                a_cancelled_attempt_ends_the_job,
                a_released_job_is_ready_and_counts_nothing,
                a_released_job_has_its_old_place,
                a_job_that_is_handed_back_waits,
                a_parked_job_waits_for_a_person,
                an_interrupted_job_is_ready_again,
                an_interrupted_job_is_parked_when_its_policy_forbids_to_guess,
                a_job_that_breaks_its_runner_too_often_fails_as_poison,
                a_success_forgets_the_earlier_failure,
                the_time_an_attempt_took_is_kept,
                an_attempt_that_never_started_took_no_time,
                an_empty_settlement_is_answered_with_nothing,
                a_batch_may_end_each_job_in_another_way,
                a_full_batch_is_settled_whole,
                a_result_that_comes_after_the_wish_to_cancel_counts,
                a_job_that_shall_be_cancelled_does_not_come_back,
            }
            ownership {
                a_task_belongs_to_the_application_that_said_so_first,
                an_application_may_register_again_with_other_tasks,
                a_task_of_another_application_is_refused_and_nothing_is_changed,
                every_task_of_another_application_is_named_once_and_in_order,
                a_task_can_be_taken_over,
                a_registration_without_tasks_changes_nothing,
                a_task_that_has_only_jobs_belongs_to_nobody,
                ownership_changes_nothing_for_jobs,
                what_is_known_of_a_task_is_that_of_its_latest_registration,
                a_calibration_stays_until_there_is_a_newer_one,
            }
            profile {
                what_was_measured_can_be_read_back,
                what_several_workers_measured_is_added_up,
                lanes_sizes_and_interpreters_stand_apart,
                profiles_are_listed_by_key,
                the_profiles_of_one_task_can_be_read_alone,
                a_repeated_call_adds_nothing,
                a_session_that_is_not_open_adds_nothing,
                what_was_measured_long_ago_can_be_left_out,
                what_is_older_than_two_weeks_is_forgotten,
                profiles_change_nothing_for_jobs,
            }
            fencing {
                a_second_settlement_is_stale,
                a_stale_settlement_changes_nothing,
                a_token_of_the_future_is_stale,
                the_token_of_another_session_is_stale,
                an_unknown_job_is_stale,
                a_job_that_was_never_claimed_cannot_be_settled,
                an_entry_twice_in_one_batch_is_recorded_once,
                one_stale_entry_does_not_harm_the_other_999,
                stale_entries_of_every_kind_do_not_harm_their_batch,
                after_a_sweep_the_old_attempt_can_report_nothing,
                an_old_token_is_refused_although_the_same_worker_has_the_job_again,
                a_reopened_session_does_not_bring_its_old_tokens_back,
                a_requeued_job_refuses_the_token_of_its_former_life,
            }
            session {
                an_open_session_is_listed,
                sessions_are_listed_oldest_first,
                a_session_tells_how_many_jobs_it_holds,
                a_renewal_extends_the_lease_and_keeps_the_condition,
                a_renewed_session_outlives_its_first_lease,
                opening_an_open_session_renews_it,
                an_expired_session_may_renew_until_it_is_swept,
                an_expired_session_may_settle_until_it_is_swept,
                a_swept_session_can_neither_renew_nor_claim,
                a_session_that_was_never_opened_cannot_renew,
                a_closed_session_is_gone,
                closing_interrupts_what_the_session_still_holds,
                closing_leaves_the_jobs_of_other_sessions_alone,
                closing_twice_is_closing_once,
                a_closed_session_can_be_opened_again,
                a_renewal_names_the_jobs_to_cancel_until_they_are_settled,
                a_renewal_does_not_name_the_jobs_of_other_sessions,
            }
            sweep {
                a_store_where_nothing_is_late_has_nothing_to_sweep,
                the_jobs_of_a_dead_worker_are_ready_again,
                a_swept_job_says_which_worker_was_lost,
                a_job_of_a_dead_worker_is_parked_when_its_policy_forbids_to_guess,
                a_job_that_loses_too_many_workers_fails_as_poison,
                a_job_that_shall_be_cancelled_ends_with_its_worker,
                a_second_sweep_finds_nothing,
                a_living_session_keeps_its_jobs,
                an_expired_session_without_jobs_is_gone,
                a_job_beyond_its_deadline_is_interrupted_although_its_session_lives,
                a_job_without_a_timeout_has_no_deadline,
                a_deadline_counts_from_the_present_claim,
                a_bounded_sweep_says_that_there_is_more,
                a_session_that_is_swept_in_part_is_lost_wholly,
                the_last_round_of_a_sweep_still_knows_the_lost_worker,
                due_jobs_are_made_ready,
                due_jobs_are_made_ready_within_the_bound,
                a_swept_job_with_a_limit_waits_for_its_next_permit,
            }
            schedule {
                a_delayed_job_waits_by_the_stores_clock,
                a_job_for_an_instant_waits_until_then,
                a_job_for_a_past_instant_is_ready_at_once,
                a_job_can_be_claimed_at_the_very_instant_it_is_due,
                a_due_job_needs_no_sweep,
                a_due_job_has_waited_since_it_was_due,
                a_claim_tells_when_the_next_job_is_due,
                the_next_due_time_is_that_of_the_claims_queues_and_lanes,
                due_jobs_line_up_by_priority_and_then_by_their_enqueueing,
                a_retry_tells_its_due_time_to_the_next_claim,
                a_retry_without_a_wait_can_be_claimed_at_once,
                scheduled_jobs_do_not_stand_in_the_way,
                many_jobs_that_are_due_at_once_are_all_handed_out,
                the_far_end_of_time_is_a_due_time,
            }
            limit {
                a_burst_and_then_the_pace,
                a_job_that_waits_for_its_limit_is_ready,
                an_uneven_interval_is_never_shortened,
                a_claim_tells_when_the_next_permit_can_be_had,
                permits_that_no_job_used_are_not_spent,
                a_claim_that_takes_nothing_spends_no_permits,
                a_paused_queue_spends_no_permits,
                jobs_of_a_key_share_one_budget_across_queues_and_lanes,
                keys_have_budgets_of_their_own,
                jobs_without_a_limit_pass_those_that_wait,
                many_closed_gates_do_not_stand_in_the_way,
                the_latest_rate_of_a_key_wins,
                a_job_that_is_not_added_does_not_bring_its_rate_back,
                a_new_rate_does_not_give_spent_permits_back,
                within_a_key_the_line_is_as_without_a_limit,
                a_limited_job_can_be_scheduled,
                a_retry_needs_a_permit_of_its_own,
                a_released_job_needs_a_permit_again,
                a_requeued_job_needs_a_permit_again,
                a_job_that_waits_for_its_limit_can_be_cancelled,
                no_window_ever_sees_more_starts_than_the_rate_allows,
            }
            unique {
                a_taken_key_answers_with_its_holder,
                a_key_twice_in_one_batch_is_taken_once,
                the_first_of_a_batch_takes_the_key_whatever_its_limit,
                other_keys_are_free,
                the_same_key_of_another_task_is_free,
                the_same_key_in_the_other_scope_is_free,
                a_key_holds_across_queues,
                an_unfinished_key_is_free_when_its_job_has_ended,
                an_unfinished_key_is_taken_while_its_job_comes_back,
                a_parked_job_keeps_its_key,
                a_kept_key_is_taken_although_its_job_has_ended,
                a_kept_key_is_free_when_its_job_was_pruned,
                a_requeued_job_takes_its_key_again,
                a_job_whose_key_another_has_taken_cannot_be_requeued,
                of_two_jobs_of_one_key_only_one_can_be_requeued,
            }
            cancel {
                a_waiting_job_is_cancelled_at_once,
                the_worker_of_a_running_job_is_asked,
                a_parked_job_is_cancelled_at_once,
                a_job_that_has_ended_stays_as_it_is,
                an_unknown_job_cannot_be_cancelled,
                the_answers_come_in_the_order_of_the_ids,
                only_the_named_jobs_are_cancelled,
            }
            requeue {
                a_failed_cancelled_or_parked_job_is_ready_again,
                its_counts_begin_at_zero,
                a_succeeded_job_never_runs_again,
                a_job_that_has_not_ended_is_refused,
                an_unknown_job_cannot_be_requeued,
                a_cancelled_job_that_never_ran_can_be_requeued,
                a_parked_job_can_be_interrupted_and_parked_again,
                a_batch_answers_for_each_job,
            }
            queue {
                a_paused_queue_hands_nothing_out,
                pausing_twice_is_pausing_once,
                a_paused_queue_takes_new_jobs,
                other_queues_go_on,
                running_jobs_of_a_paused_queue_can_end,
                a_due_job_of_a_paused_queue_waits,
                a_paused_queue_has_no_next_due_time,
                queues_are_listed_by_name_with_their_counts,
                every_state_is_counted,
                a_queue_without_ready_jobs_has_no_oldest_one,
                a_paused_queue_is_listed_before_it_has_a_job,
                a_queue_whose_jobs_were_pruned_is_still_listed,
                an_empty_store_has_no_queues,
            }
            read {
                an_unknown_job_is_nothing,
                an_empty_store_lists_nothing,
                jobs_are_listed_newest_first,
                a_list_holds_jobs_of_every_state,
                a_list_may_ask_for_several_states,
                a_list_may_ask_for_a_queue_and_a_task,
                records_in_a_list_carry_no_payloads,
                pages_join_to_the_whole_list,
                pages_of_a_filtered_list_join_to_the_whole_list,
                a_list_goes_on_although_the_last_job_of_its_page_was_pruned,
                the_ends_of_ended_and_parked_jobs_are_told,
                a_finished_job_brings_its_result_or_its_failure,
                unknown_jobs_have_not_finished,
                the_ends_of_many_jobs_are_told_at_once,
                the_health_of_a_store_can_be_asked,
            }
            watch {
                a_new_job_rings,
                a_new_due_time_rings,
                a_job_that_comes_back_rings,
                a_requeued_job_rings,
                the_jobs_of_a_swept_session_ring,
                the_end_of_a_job_is_named,
                a_cancelled_waiting_job_is_named,
                the_wish_to_cancel_a_running_job_rings,
                pausing_and_resuming_ring,
                every_subscription_hears_of_a_change,
                a_change_before_the_first_wait_is_not_missed,
                dropping_a_wait_loses_nothing,
                the_ends_of_a_whole_batch_are_told,
                a_new_job_rings_in_another_process,
                the_wish_to_cancel_rings_in_another_process,
                the_end_of_a_job_rings_in_another_process,
                the_end_of_a_job_is_named_in_another_process,
            }
            progress {
                a_report_can_be_read,
                the_latest_report_counts,
                the_number_of_steps_may_be_unknown,
                a_stale_report_is_dropped_and_harms_no_other,
                a_report_of_another_session_is_dropped,
                a_report_of_an_ended_attempt_is_dropped,
                a_new_attempt_begins_without_progress,
                a_report_leaves_the_job_running,
            }
            prune {
                old_ended_jobs_are_deleted,
                young_ended_jobs_are_kept,
                what_has_not_ended_is_never_deleted,
                the_oldest_go_first_and_no_more_than_asked,
                a_requeued_job_is_not_deleted,
                the_id_of_a_deleted_job_is_forgotten,
                many_jobs_are_deleted_at_once,
            }
            transition {
                promote_happens_where_the_table_says,
                claim_happens_where_the_table_says,
                succeed_happens_where_the_table_says,
                retry_happens_where_the_table_says,
                fail_happens_where_the_table_says,
                cancel_happens_where_the_table_says,
                release_happens_where_the_table_says,
                defer_happens_where_the_table_says,
                park_happens_where_the_table_says,
                requeue_happens_where_the_table_says,
            }
            contention {
                no_job_is_claimed_twice,
                no_job_is_claimed_twice_by_several_processes,
                producers_and_consumers_lose_no_job,
                no_attempt_is_settled_twice,
                no_id_is_added_twice,
                no_key_is_taken_twice,
                no_permit_is_granted_twice,
                no_job_is_swept_twice,
                a_settlement_and_a_sweep_do_not_both_win,
            }
            repeat {
                a_repeated_enqueue_adds_nothing,
                a_repeated_claim_brings_the_same_jobs,
                a_repeated_claim_takes_no_second_permit,
                a_repeated_claim_leaves_out_what_was_settled_since,
                a_repeated_claim_leaves_out_what_a_later_claim_took,
                the_same_number_of_another_session_is_another_claim,
                a_repeated_settlement_changes_nothing,
                a_repeated_opening_opens_one_session,
                a_repeated_closing_interrupts_once,
                a_repeated_sweep_interrupts_once,
                a_repeated_wish_of_a_person_is_one_wish,
            }
            restore {
                a_job_of_every_state_comes_back_as_it_stood,
                a_restored_job_can_be_claimed_under_its_next_token,
                restored_jobs_stand_in_line_in_the_order_of_the_batch,
                a_known_job_is_not_restored_again,
                a_running_job_is_refused_and_nothing_is_restored,
                a_restored_job_holds_its_key_for_as_long_as_it_would_have,
                a_job_whose_key_is_held_is_not_restored,
                a_restored_job_waits_for_its_limit,
                a_restored_job_that_is_due_is_made_ready,
                a_restored_end_is_forgotten_by_its_own_age,
                restored_jobs_are_counted,
                a_restored_job_rings,
            }
            unreadable {
                an_unreadable_job_fails_at_its_claim_and_the_others_run,
                an_unreadable_job_that_was_scheduled_fails_when_it_is_due,
                an_unreadable_job_with_a_limit_fails_and_its_limit_serves_others,
                an_unreadable_job_keeps_no_session_from_its_end,
                an_unreadable_job_keeps_no_attempt_from_its_end,
                unreadable_jobs_are_listed_and_counted_beside_the_others,
                an_unreadable_job_is_decided_upon_beside_others,
                an_unreadable_job_is_pruned_after_its_end,
            }
            wounded {
                jobs_whose_limit_was_deleted_run_all_the_same,
                a_job_whose_limit_was_deleted_says_so,
                a_limit_that_was_deleted_is_made_anew,
                what_waits_for_a_deleted_limit_takes_nothing_of_another,
                a_limit_whose_job_was_deleted_keeps_no_other_from_its_jobs,
                a_limit_that_was_spent_by_hand_keeps_no_other_from_its_jobs,
                full_counters_keep_no_attempt_from_its_end,
                full_counters_keep_no_session_from_its_end,
            }
            reopen {
                acknowledged_jobs_outlive_the_process_in_their_order,
                ends_outlive_the_process,
                a_session_and_its_jobs_outlive_the_process,
                budgets_keys_and_pauses_outlive_the_process,
                another_process_sees_and_takes_the_same_jobs,
            }
        }
    };
}

/// Expands the list; called by [`conformance_suite!`](crate::conformance_suite) only.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($harness:ty; $($topic:ident { $($case:ident,)* })*) => {
        $(
            mod $topic {
                use super::*;

                $(
                    #[test]
                    fn $case() {
                        $crate::conformance::run::<$harness, _>(
                            stringify!($case),
                            $crate::conformance::$topic::$case,
                        );
                    }
                )*
            }
        )*

        #[test]
        fn every_exception_is_a_case() {
            $crate::conformance::check_exceptions::<$harness>(&[$($(stringify!($case),)*)*]);
        }
    };
}
