//! The `RateLimit-Policy` and `RateLimit` fields of the IETF draft.

use crate::{Decimal, LimitName, Quota, Usage, headers::round_up};

/// Which revision of draft-ietf-httpapi-ratelimit-headers the two fields follow.
///
/// The draft still moves, so the revision is the caller's choice and newer ones get a variant of
/// their own. Both fields are Lists of RFC 9651; numbers of seconds are rounded up, so that a
/// window of less than a second is said to be one.
///
/// # Examples
///
/// ```
/// use portcullis_limit::{IetfDraft, LimitName, Quota};
///
/// let name: LimitName = "key".parse()?;
/// let quota: Quota = "600/60s".parse()?;
/// assert_eq!(IetfDraft::V11.policy([(&name, &quota)]), r#""key";q=600;w=60"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum IetfDraft {
    /// Of September 2025: `t` is when more quota becomes available; it is absent if none is used.
    V10,
    /// Of May 2026: `t` is how long no more than `r` can be used; it is the window if none is used.
    #[default]
    V11,
}

impl IetfDraft {
    /// The value of `RateLimit-Policy`: `"key";q=600;w=60, "owner";q=5000;w=3600`.
    ///
    /// Empty without any limit; the field must then be left out.
    #[must_use]
    pub fn policy<'l>(
        self,
        limits: impl IntoIterator<Item = (&'l LimitName, &'l Quota)>,
    ) -> String {
        let mut value = String::new();
        for (name, quota) in limits {
            push_name(&mut value, name);
            push_parameter(&mut value, "q", quota.units().into());
            push_parameter(&mut value, "w", round_up(quota.window()));
        }
        value
    }

    /// The value of `RateLimit`: `"key";r=42;t=7, "owner";r=4000;t=100`.
    ///
    /// Empty without any limit; the field must then be left out.
    #[must_use]
    pub fn limit<'l>(self, usages: impl IntoIterator<Item = (&'l LimitName, &'l Usage)>) -> String {
        let mut value = String::new();
        for (name, usage) in usages {
            push_name(&mut value, name);
            push_parameter(&mut value, "r", usage.remaining.into());
            let effective = match (usage.used, self) {
                (0, Self::V10) => None,
                (0, Self::V11) => Some(usage.window),
                // The grid of the newest instants may put it a little behind the window.
                _ => Some(usage.more_after.min(usage.window)),
            };
            if let Some(effective) = effective {
                push_parameter(&mut value, "t", round_up(effective));
            }
        }
        value
    }
}

fn push_name(value: &mut String, name: &LimitName) {
    if !value.is_empty() {
        value.push_str(", ");
    }
    value.push('"');
    value.push_str(name.as_str());
    value.push('"');
}

fn push_parameter(value: &mut String, key: &str, number: u64) {
    // RFC 9651, section 3.3.1: at most 15 digits.
    const MOST: u64 = 999_999_999_999_999;
    value.push(';');
    value.push_str(key);
    value.push('=');
    value.push_str(Decimal::new(number.min(MOST)).as_str());
}
