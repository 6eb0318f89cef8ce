//! What every [`Store`] must do: the sentences of its documentation as checks.
//!
//! A crate of a store calls [`run`] from its tests, or goes through [`checks`] itself. The checks
//! take no time from a clock and do not sleep; they need a Tokio runtime, better one of several
//! threads.

mod allowances;
mod audit;
mod changes;
mod columns;
mod commits;
mod concurrency;
mod credits;
mod failure;
mod filters;
mod fixtures;
mod grants;
mod history;
mod imports;
mod ledger;
mod lists;
mod paging;
mod peppers;
mod plans;
mod records;
mod selections;
mod texts;
mod usage;
mod usage_details;

use std::{fmt, sync::Arc};

use portcullis_core::BoxFuture;
use portcullis_registry::Store;

pub use failure::{Failure, Failures, Outcome};

/// One thing that a store must do.
#[derive(Clone, Copy)]
pub struct Check {
    name: &'static str,
    run: fn(Arc<dyn Store>) -> BoxFuture<'static, Outcome>,
}

impl Check {
    /// What it checks, as a sentence: `a_put_of_an_old_version_conflicts`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Runs it with a store in which there is nothing yet.
    ///
    /// # Errors
    /// [`Failure`]: what the store did instead.
    pub async fn run(&self, empty: Arc<dyn Store>) -> Outcome {
        (self.run)(empty).await
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.name).finish()
    }
}

/// Runs all checks, each with a store of its own.
///
/// # Errors
/// [`Failures`]: the checks that failed, by name.
///
/// # Examples
/// ```
/// use portcullis_registry::MemoryStore;
/// use portcullis_testkit::conformance;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert!(conformance::run(async || MemoryStore::new()).await.is_ok());
/// # });
/// ```
pub async fn run<S>(make_empty: impl AsyncFn() -> S) -> Result<(), Failures>
where
    S: Store + 'static,
{
    let mut failures = Vec::new();
    for check in checks() {
        if let Err(failure) = check.run(Arc::new(make_empty().await)).await {
            failures.push((check.name(), failure));
        }
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(Failures::new(failures))
    }
}

macro_rules! checks {
    ($($module:ident { $($name:ident,)+ })+) => {
        vec![$($(Check {
            name: stringify!($name),
            run: |store| Box::pin($module::$name(store)),
        },)+)+]
    };
}

/// All checks, for tests that want to name them one by one.
#[must_use]
pub fn checks() -> Vec<Check> {
    checks![
        records {
            an_empty_store_has_nothing_and_head_0,
            an_inserted_record_is_read_back_as_version_1,
            every_kind_and_field_is_read_back,
            an_insert_of_what_is_there_conflicts,
            a_put_of_what_is_not_there_conflicts,
            a_put_of_an_old_version_conflicts,
            a_put_replaces_the_record,
            a_revoked_record_can_still_be_read,
            a_credential_comes_with_its_owner,
            an_owner_is_put_by_version,
            peppers_are_noted_once_and_in_order,
            a_pepper_of_another_fingerprint_conflicts,
        }
        columns {
            networks_survive_as_they_are,
            quotas_survive_as_they_are,
            meta_survives_as_it_is,
            prefixes_of_imported_keys_survive_as_they_are,
            a_put_leaves_out_one_column_at_a_time,
            a_put_leaves_out_all_columns_and_brings_them_back,
            every_list_carries_all_columns,
            the_longest_names_are_told_apart_by_their_last_byte,
        }
        plans {
            plans_survive_as_they_are,
            a_plan_and_a_suspension_come_and_go_apart,
            a_put_of_a_plan_is_a_change_and_a_lost_one_conflicts,
        }
        changes {
            an_insert_is_not_a_change,
            each_put_of_an_existing_record_takes_the_next_number,
            the_commit_returns_the_head_after_it,
            a_snapshot_has_the_head,
            changes_are_listed_oldest_first_up_to_a_limit,
            usage_macs_credits_peppers_and_audit_are_not_changes,
        }
        commits {
            an_empty_batch_returns_the_head,
            a_bad_put_leaves_nothing_of_the_batch,
            a_changed_credential_leaves_nothing_of_the_batch,
            a_changed_owner_leaves_nothing_of_the_batch,
            what_is_to_be_unchanged_is_compared_before_the_puts,
            a_bad_pepper_leaves_nothing_of_the_batch,
            an_uncovered_reservation_leaves_nothing_of_the_batch,
            puts_of_one_batch_see_each_other,
            parts_are_applied_in_the_order_of_the_fields,
            a_conflict_is_told_before_too_few_credits,
            a_dropped_commit_happens_whole_or_not_at_all,
        }
        peppers {
            a_forgotten_pepper_is_gone_and_the_others_stay,
            a_forgotten_version_can_be_noted_with_another_fingerprint,
            a_pepper_that_a_credential_is_under_is_not_forgotten,
            a_pepper_of_revoked_credentials_alone_is_forgotten,
            a_pepper_in_use_leaves_nothing_of_the_batch,
            a_refused_batch_forgets_no_pepper,
            forgetting_comes_after_the_puts_of_its_batch,
            a_renewed_mac_leaves_its_pepper_free_for_later_batches,
            peppers_are_told_apart_at_their_ends,
        }
        lists {
            a_list_is_newest_first_and_then_by_id,
            keys_are_listed_by_owner,
            sessions_are_listed_by_user,
            what_a_credential_made_is_listed,
            a_family_is_listed,
            revoked_credentials_are_not_listed,
            disabled_and_expired_credentials_are_listed,
            a_list_carries_the_usage,
            a_list_is_read_in_parts_by_its_cursor,
            a_cursor_is_stable_under_inserts_and_revokes,
            an_offset_passes_over_and_the_total_stays,
            limits_at_their_ends_are_answered,
        }
        selections {
            every_list_has_what_it_is_of,
            what_is_revoked_later_leaves_all_lists_but_its_makers,
            a_filter_keeps_of_every_list_what_is_in_it,
            a_put_moves_a_credential_to_other_lists,
            a_renewed_mac_moves_a_credential_to_the_list_of_its_pepper,
        }
        filters {
            a_filter_keeps_what_was_created_before_an_instant,
            a_filter_keeps_what_ends_between_two_instants,
            a_filter_looks_for_its_text_in_the_name,
            a_filter_looks_for_its_text_in_the_id,
            a_filter_finds_a_credential_by_its_hint,
            a_filter_finds_an_imported_key_by_its_prefix,
            a_filter_keeps_what_all_of_its_fields_keep,
            what_a_filter_keeps_carries_its_usage,
        }
        paging {
            every_list_is_read_in_parts,
            what_a_filter_keeps_is_read_in_parts,
            a_cursor_of_every_list_is_stable,
            a_cursor_among_what_a_filter_keeps_is_stable,
            an_offset_passes_over_what_a_filter_keeps,
            a_cursor_is_a_place_with_or_without_a_credential,
            lists_are_in_order_at_the_ends_of_time,
        }
        usage {
            usage_is_added,
            a_last_use_never_goes_back,
            usage_of_an_unknown_credential_is_passed_over,
            usage_and_macs_never_make_a_put_fail,
            counters_do_not_overflow,
            a_mac_is_renewed_only_from_the_expected_pepper,
            a_put_keeps_a_mac_that_was_renewed_since,
        }
        usage_details {
            details_of_usage_are_joined,
            what_was_only_refused_was_never_used,
            uses_are_counted_by_the_day,
            days_are_kept_for_400_days,
            denied_requests_are_found,
            addresses_of_denied_requests_are_erased,
            of_each_owner_the_newest_denied_are_kept,
        }
        imports {
            an_imported_key_is_found_by_its_mac_under_its_pepper,
            a_second_import_of_one_mac_conflicts,
            imported_keys_under_a_forgotten_pepper_are_counted,
            a_renewed_mac_is_what_an_imported_key_is_found_by,
        }
        credits {
            credits_are_added_and_taken,
            a_balance_is_there_without_an_owner_record,
            a_reservation_never_goes_below_zero,
            a_second_reservation_of_the_same_name_does_nothing,
            settling_charges_and_gives_the_rest_back_once,
            settling_above_the_reservation_takes_what_was_reserved,
            releasing_gives_back_once,
            old_reservations_are_released,
            movements_are_made_in_their_order,
            balances_stay_within_their_range,
            balances_are_apart_by_owner,
        }
        ledger {
            an_owner_without_credits_has_no_account,
            a_request_is_charged_once,
            the_id_of_another_owners_request_conflicts,
            an_allowance_is_spent_first_lapses_and_is_given_anew,
            a_refused_reservation_gives_no_allowance,
            who_pays_afterwards_is_never_refused,
            accounts_survive_as_they_are,
            lines_are_read_as_they_were_written,
            the_ledger_is_read_in_parts_and_by_time,
        }
        allowances {
            an_allowance_pays_off_a_debt_before_it_is_spent,
            a_clock_that_was_far_ahead_keeps_no_month_from_its_allowance,
        }
        grants {
            a_grant_adds_once_for_its_id,
            a_grant_tells_of_itself_in_the_audit_log,
        }
        history {
            a_long_history_is_what_it_is_in_memory,
        }
        texts {
            texts_survive_as_they_are,
            names_are_told_apart_byte_by_byte,
            grants_survive_as_they_are,
            times_survive_to_the_microsecond,
        }
        audit {
            an_empty_store_has_an_empty_audit_log,
            audit_rows_are_sealed_in_the_order_of_commits,
            concurrent_commits_make_one_chain,
            a_refused_batch_leaves_no_audit_row,
            audit_rows_are_read_in_parts_in_both_orders,
            audit_filters_keep_what_they_say,
            the_oldest_audit_rows_are_pruned,
            all_audit_rows_are_pruned_in_parts,
            ips_are_erased_and_the_chain_stays,
        }
        concurrency {
            of_concurrent_puts_of_one_version_one_wins,
            of_concurrent_inserts_of_one_id_one_wins,
            concurrent_reservations_never_go_below_zero,
            concurrent_batches_take_numbers_without_gaps,
            a_snapshot_has_every_change_up_to_its_head_and_none_after,
        }
    ]
}
