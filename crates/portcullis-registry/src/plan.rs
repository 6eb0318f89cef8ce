//! What an owner's credentials may use.

use std::str::FromStr;

use portcullis_limit::Quota;
use serde_json::{Value, json};

use crate::PlanName;

/// A named set of quotas and an allowance, put on an owner.
///
/// It is kept with the owner by value: an application that changes its price list puts the new plan
/// on the owners that have it. A key's own quota goes before the plan's.
///
/// # Syntax
/// As text it is a JSON object: `{"name", "perCredential", "perOwner", "allowance", "postPaid"}`,
/// all but the name optional, quotas as texts such as `600/60s`.
///
/// # Examples
/// ```
/// use portcullis_registry::Plan;
///
/// let pro = Plan::new("pro".parse()?)
///     .with_quota("600/60s".parse()?)
///     .with_owner_quota("5000/60s".parse()?)
///     .with_allowance(1_000);
/// assert_eq!(pro.to_json().parse(), Ok(pro));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Plan {
    name: PlanName,
    quota: Option<Quota>,
    owner_quota: Option<Quota>,
    allowance: Option<u32>,
    post_paid: bool,
}

/// The text is not a plan.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("not a plan")]
pub struct ParsePlanError;

impl Plan {
    /// A plan that says nothing but its name.
    #[must_use]
    pub const fn new(name: PlanName) -> Self {
        Self {
            name,
            quota: None,
            owner_quota: None,
            allowance: None,
            post_paid: false,
        }
    }

    /// How much each of the owner's credentials may use, instead of the gate's own limit.
    #[must_use]
    pub const fn with_quota(mut self, quota: Quota) -> Self {
        self.quota = Some(quota);
        self
    }

    /// How much all of the owner's credentials may use together.
    #[must_use]
    pub const fn with_owner_quota(mut self, quota: Quota) -> Self {
        self.owner_quota = Some(quota);
        self
    }

    /// How many credits the owner is given for a month, which begins when the plan is put on it.
    ///
    /// They are spent before those that were bought. What is left lapses at the end of the month,
    /// when new ones are given; see [`Registry::set_plan`](crate::Registry::set_plan). They pay off a
    /// balance below zero first, unless charges are [paid afterwards](Self::post_paid): then a debt
    /// waits for its invoice, and what is left lapses beside it.
    #[must_use]
    pub const fn with_allowance(mut self, credits: u32) -> Self {
        self.allowance = Some(credits);
        self
    }

    /// Charges are recorded in the ledger and paid afterwards: the balance goes below zero, and no
    /// request is refused for it.
    #[must_use]
    pub const fn post_paid(mut self) -> Self {
        self.post_paid = true;
        self
    }

    /// What it is called.
    #[must_use]
    pub const fn name(&self) -> &PlanName {
        &self.name
    }

    /// How much each of the owner's credentials may use.
    #[must_use]
    pub const fn quota(&self) -> Option<Quota> {
        self.quota
    }

    /// How much all of them may use together.
    #[must_use]
    pub const fn owner_quota(&self) -> Option<Quota> {
        self.owner_quota
    }

    /// How many credits the owner is given for a month.
    #[must_use]
    pub const fn allowance(&self) -> Option<u32> {
        self.allowance
    }

    /// Whether charges are recorded and paid afterwards.
    #[must_use]
    pub const fn is_post_paid(&self) -> bool {
        self.post_paid
    }

    /// The plan as a JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut plan = json!({
            "name": self.name.as_str(),
            "perCredential": self.quota,
            "perOwner": self.owner_quota,
            "allowance": self.allowance,
        });
        if let (true, Some(members)) = (self.post_paid, plan.as_object_mut()) {
            members.insert("postPaid".into(), true.into());
        }
        plan.to_string()
    }
}

impl FromStr for Plan {
    type Err = ParsePlanError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let value: Value = serde_json::from_str(text).map_err(|_| ParsePlanError)?;
        let member = |name: &str| value.get(name).filter(|member| !member.is_null());
        let quota = |name: &str| {
            let text = member(name).map(|quota| quota.as_str().ok_or(ParsePlanError));
            text.map(|text| text?.parse().map_err(|_| ParsePlanError))
                .transpose()
        };
        let name = member("name").and_then(Value::as_str);
        let allowance = member("allowance").map(|credits| {
            let credits = credits.as_u64().ok_or(ParsePlanError)?;
            u32::try_from(credits).map_err(|_| ParsePlanError)
        });
        let post_paid = member("postPaid").map(|is| is.as_bool().ok_or(ParsePlanError));
        Ok(Self {
            name: name
                .ok_or(ParsePlanError)?
                .parse()
                .map_err(|_| ParsePlanError)?,
            quota: quota("perCredential")?,
            owner_quota: quota("perOwner")?,
            allowance: allowance.transpose()?,
            post_paid: post_paid.transpose()?.unwrap_or(false),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_read_back_from_its_text() {
        let bare = Plan::new("free".parse().unwrap());
        assert_eq!(bare.to_json().parse(), Ok(bare.clone()));
        let later = bare.clone().post_paid();
        assert_eq!(later.to_json().parse(), Ok(later));
        // As they were written before there was such a member.
        let old = r#"{"allowance":null,"name":"free","perCredential":null,"perOwner":null}"#;
        assert_eq!(old.parse(), Ok(bare.clone()));
        // In whatever order its members stand.
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&bare.to_json()), value(old));
        assert_eq!(r#"{"name":"free","postPaid":false}"#.parse(), Ok(bare));
        for text in [
            "",
            "[]",
            "{}",
            r#"{"name":""}"#,
            r#"{"name":"a","perOwner":5}"#,
            r#"{"name":"a","perCredential":"5/0s"}"#,
            r#"{"name":"a","allowance":-1}"#,
            r#"{"name":"a","postPaid":1}"#,
        ] {
            assert_eq!(text.parse::<Plan>(), Err(ParsePlanError), "{text}");
        }
    }
}
