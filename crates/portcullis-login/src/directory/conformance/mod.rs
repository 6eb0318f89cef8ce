//! What every [`Directory`] must do: the sentences of its documentation as checks.
//!
//! They take no time from a clock and do not sleep; they need a Tokio runtime.

use std::{fmt, sync::Arc};

use portcullis_core::BoxFuture;

use super::Directory;

mod accounts;
mod members;
mod networks;
mod tickets;

/// What a directory did instead of what it must.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The check, as a sentence.
    pub check: &'static str,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

type Outcome = Result<(), String>;
type Check = fn(Arc<dyn Directory>) -> BoxFuture<'static, Outcome>;

macro_rules! checks {
    ($($theme:ident::{$($name:ident,)+})+) => {
        [$($(named(stringify!($name), |directory| Box::pin($theme::$name(directory))),)+)+]
    };
}

/// Runs all checks, each with a directory of its own, and returns those that failed.
///
/// # Examples
/// ```
/// use portcullis_login::{MemoryDirectory, conformance};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// assert_eq!(conformance::run(async || MemoryDirectory::new()).await, []);
/// # });
/// ```
pub async fn run<D: Directory + 'static>(make_empty: impl AsyncFn() -> D) -> Vec<Failure> {
    let checks = checks! {
        accounts::{
            an_empty_directory_has_nobody,
            what_was_created_is_read_back,
            an_address_is_found_whatever_its_case,
            an_address_is_taken_whatever_its_case,
            a_slug_is_taken_once,
            a_refused_account_leaves_nothing,
            of_concurrent_accounts_of_one_address_one_is_made,
            a_dropped_create_happens_whole_or_not_at_all,
            a_hash_is_replaced_only_if_it_is_the_old_one,
            roles_and_texts_survive_as_they_are,
            passwords_are_counted_by_the_pepper_that_they_are_under,
        }
        networks::{
            networks_are_those_of_one_account_the_newest_first,
            a_network_that_is_noted_again_is_one_with_the_later_instant,
            the_newest_networks_are_kept,
            networks_of_nobody_are_not_kept,
        }
        members::{
            members_are_listed_by_their_addresses,
            memberships_are_in_the_order_of_joining,
            a_member_changes_only_from_what_was_found,
            an_owner_is_always_left,
            of_owners_who_depose_each_other_at_once_one_is_left,
            nobody_is_made_a_member_of_nothing,
        }
        tickets::{
            a_ticket_is_read_back_by_each_of_its_macs,
            tickets_are_told_apart_by_their_kind,
            a_new_ticket_takes_the_place_of_none,
            a_second_mac_is_had_by_one_of_a_kind,
            a_ticket_changes_only_from_the_version_that_was_read,
            of_concurrent_changes_of_one_version_one_is_made,
            a_removed_ticket_is_gone_and_not_changed,
            tickets_of_somebody_are_those_of_one_kind_the_last_to_end_first,
            tickets_that_ended_before_are_removed_and_no_more_than_asked_for,
            a_dropped_put_happens_whole_or_not_at_all,
        }
    };
    let mut failures = Vec::new();
    for (check, run) in checks {
        if let Err(found) = run(Arc::new(make_empty().await)).await {
            failures.push(Failure { check, found });
        }
    }
    failures
}

fn named(name: &'static str, run: Check) -> (&'static str, Check) {
    (name, run)
}

fn ensure(holds: bool, found: impl fmt::Debug) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("{found:?}"))
    }
}

fn failed(error: impl fmt::Debug) -> String {
    format!("{error:?}")
}
