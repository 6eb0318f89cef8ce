//! The text of the headers.

#![cfg(test)]

use std::time::Duration;

use portcullis_core::{Tick, Timestamp};
use portcullis_limit::{
    Decimal, Decision, IetfDraft, LimitName, LimitNameError, Quota, RateText, Usage, Window,
    reset_seconds, retry_after_seconds,
};
use proptest::prelude::*;

const MILLI: Duration = Duration::from_millis(1);

fn used(quota: &str, cost: u32) -> (Quota, Usage) {
    let quota: Quota = quota.parse().unwrap();
    let mut window = Window::new();
    match window.check(&quota, Tick::from_nanos(1_000_000_001), cost) {
        Decision::Admit(usage) => (quota, usage),
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_are_written_in_decimal() {
    for number in [
        0,
        1,
        9,
        10,
        99,
        100,
        1_767_225_600,
        u64::from(u32::MAX),
        u64::MAX,
    ] {
        assert_eq!(Decimal::new(number).as_str(), number.to_string());
        assert_eq!(
            Decimal::new(number).as_bytes(),
            number.to_string().as_bytes()
        );
    }
}

#[test]
fn rule_3_retry_after_is_rounded_up_and_at_least_1() {
    for (millis, seconds) in [
        (0, 1),
        (1, 1),
        (900, 1),
        (1_000, 1),
        (1_001, 2),
        (59_999, 60),
    ] {
        assert_eq!(retry_after_seconds(MILLI * millis), seconds, "{millis}");
    }
    assert_eq!(retry_after_seconds(Duration::MAX), u64::MAX);
}

#[test]
fn the_reset_is_the_unix_second_rounded_up() {
    let now = Timestamp::from_unix_micros(1_767_225_600_250_000);
    assert_eq!(reset_seconds(now, Duration::ZERO), 1_767_225_601);
    assert_eq!(reset_seconds(now, MILLI * 750), 1_767_225_601);
    assert_eq!(reset_seconds(now, MILLI * 751), 1_767_225_602);
    assert_eq!(
        reset_seconds(Timestamp::from_unix_seconds(7), Duration::ZERO),
        7
    );
    assert_eq!(
        reset_seconds(Timestamp::from_unix_seconds(-7), Duration::ZERO),
        0
    );
    assert_eq!(reset_seconds(now, Duration::MAX), u64::MAX);
}

#[test]
fn the_three_headers_tell_the_usage() {
    let (_, usage) = used("600/60s", 18);
    let text = RateText::new(&usage, Timestamp::from_unix_seconds(1_767_225_600));
    assert_eq!(text.limit.as_str(), "600");
    assert_eq!(text.remaining.as_str(), "582");
    // A burst counts until it is a window old; this one is not on the grid.
    assert_eq!(text.reset.as_str(), "1767225661");
}

#[test]
fn the_fields_of_the_draft_are_lists_of_strings_with_parameters() {
    let (key, owner): (LimitName, LimitName) =
        ("key".parse().unwrap(), "per owner".parse().unwrap());
    let (key_quota, key_usage) = used("600/60s", 18);
    let (owner_quota, owner_usage) = used("5/500ms", 0);
    let quotas = [(&key, &key_quota), (&owner, &owner_quota)];
    let usages = [(&key, &key_usage), (&owner, &owner_usage)];
    for draft in [IetfDraft::V10, IetfDraft::V11] {
        assert_eq!(
            draft.policy(quotas),
            r#""key";q=600;w=60, "per owner";q=5;w=1"#
        );
        assert_eq!(draft.policy([]), "");
    }
    assert_eq!(
        IetfDraft::V11.limit(usages),
        r#""key";r=582;t=60, "per owner";r=5;t=1"#
    );
    assert_eq!(
        IetfDraft::V10.limit(usages),
        r#""key";r=582;t=60, "per owner";r=5"#
    );
}

#[test]
fn the_effective_window_never_ends_after_retry_after() {
    let quota: Quota = "10/3s".parse().unwrap();
    let mut window = Window::new();
    for call in 0..2_000_u64 {
        let now = Tick::from_nanos(5_000_000_000 + call * 17_000_000);
        let cost = 1 + u32::try_from(call % 4).unwrap();
        if let Decision::Refuse { retry_after, usage } = window.check(&quota, now, cost) {
            assert!(usage.more_after <= retry_after);
            assert!(retry_after <= usage.reset_after);
        }
    }
}

#[test]
fn a_name_stands_in_a_structured_string_as_it_is() {
    assert_eq!(LimitName::new("per owner"), "per owner".parse());
    assert_eq!(LimitName::new(""), Err(LimitNameError::Empty));
    assert_eq!(
        LimitName::new(&"x".repeat(65)),
        Err(LimitNameError::TooLong)
    );
    for (name, at) in [("a\"", 1), ("\\", 0), ("a\nb", 1), ("é", 0), ("\u{7f}", 0)] {
        assert_eq!(
            LimitName::new(name),
            Err(LimitNameError::Character { at }),
            "{name:?}"
        );
    }
}

proptest! {
    /// Read by a parser of RFC 9651 that knows nothing of this crate.
    #[test]
    fn the_fields_are_read_back_by_a_parser_of_structured_fields(
        limits in prop::collection::vec(("[ !#-\\[\\]-~]{1,64}", 1..=u32::MAX, 1_u64..1 << 58), 1..5),
        asked in 0_u32..=u32::MAX,
    ) {
        let mut named = Vec::new();
        for (name, units, nanos) in &limits {
            let quota = Quota::new(*units, Duration::from_nanos(*nanos)).unwrap();
            let decision = Window::new().check(&quota, Tick::from_nanos(1 << 60), asked % units);
            named.push((name.parse::<LimitName>().unwrap(), quota, decision.usage().unwrap()));
        }
        let policy = IetfDraft::V11.policy(named.iter().map(|(name, quota, _)| (name, quota)));
        let limit = IetfDraft::V11.limit(named.iter().map(|(name, _, usage)| (name, usage)));
        let read = |value: &str| {
            let parsed: sfv::List = sfv::Parser::new(value).parse().unwrap();
            let members = parsed.into_iter().map(|member| match member {
                sfv::ListEntry::Item(item) => item,
                sfv::ListEntry::InnerList(_) => panic!("no inner lists"),
            });
            members.collect::<Vec<_>>()
        };
        let (policies, usages) = (read(&policy), read(&limit));
        prop_assert_eq!(policies.len(), named.len());
        prop_assert_eq!(usages.len(), named.len());
        for (((name, quota, usage), policy), limit) in named.iter().zip(&policies).zip(&usages) {
            for item in [policy, limit] {
                prop_assert_eq!(item.bare_item.as_string().unwrap().as_str(), name.as_str());
                prop_assert_eq!(item.params.len(), 2);
            }
            let number = |item: &sfv::Item, key: &str| {
                u64::try_from(item.params[key].as_integer().unwrap()).unwrap()
            };
            prop_assert_eq!(number(policy, "q"), u64::from(quota.units()));
            prop_assert_eq!(number(limit, "r"), u64::from(usage.remaining));
            let seconds = Duration::from_secs(number(policy, "w"));
            prop_assert!(seconds >= quota.window());
            prop_assert!(seconds < quota.window() + Duration::from_secs(1));
            prop_assert!(number(limit, "t") <= number(policy, "w"));
        }
    }
}
