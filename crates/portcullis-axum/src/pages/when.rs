//! Instants and waits, as people read them.

use std::time::Duration;

use maud::{Markup, html};
use portcullis_core::Timestamp;

use crate::oauth::seconds;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How long ago something was, and when.
pub(super) fn ago(then: Timestamp, now: Timestamp) -> Markup {
    let passed = now.saturating_since(then).as_secs();
    html! {
        time datetime=(then) {
            @if passed < MINUTE { "less than a minute ago" } @else { (counted(passed)) " ago" }
            " (" (plain(then)) ")"
        }
    }
}

/// When something will be.
pub(super) fn at(then: Timestamp) -> Markup {
    html! { time datetime=(then) { (plain(then)) } }
}

/// How long to wait, rounded up so that it is enough.
pub(super) fn wait(wait: Duration) -> String {
    let seconds = seconds(wait);
    match seconds {
        0..MINUTE => "a minute".to_owned(),
        MINUTE..HOUR => counted(seconds.next_multiple_of(MINUTE)),
        HOUR..DAY => counted(seconds.next_multiple_of(HOUR)),
        _ => counted(seconds.saturating_add(DAY - 1)),
    }
}

/// In the largest unit of which there is one.
fn counted(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..HOUR => (seconds / MINUTE, "minute"),
        HOUR..DAY => (seconds / HOUR, "hour"),
        _ => (seconds / DAY, "day"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

/// `2026-01-01 00:00 UTC`.
fn plain(then: Timestamp) -> String {
    let text = then.to_string();
    let minutes: String = text.chars().take(16).collect();
    minutes.replace('T', " ") + " UTC"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_largest_unit() {
        let then = Timestamp::from_unix_seconds(1_767_225_600);
        for (seconds, text) in [
            (0, "less than a minute ago"),
            (59, "less than a minute ago"),
            (60, "1 minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "1 hour ago"),
            (86_399, "23 hours ago"),
            (172_800, "2 days ago"),
        ] {
            let now = then.saturating_add(Duration::from_secs(seconds));
            let expected = format!(
                "<time datetime=\"2026-01-01T00:00:00Z\">{text} (2026-01-01 00:00 UTC)</time>"
            );
            assert_eq!(ago(then, now).into_string(), expected);
        }
    }

    #[test]
    fn a_wait_is_never_shorter_than_it_has_to_be() {
        for (millis, text) in [
            (1, "a minute"),
            (59_000, "a minute"),
            (60_000, "1 minute"),
            (60_001, "2 minutes"),
            (3_540_001, "1 hour"),
            (3_600_000, "1 hour"),
            (3_600_001, "2 hours"),
            (5_400_000, "2 hours"),
            (82_800_001, "1 day"),
            (86_400_001, "2 days"),
        ] {
            assert_eq!(wait(Duration::from_millis(millis)), text);
        }
    }
}
