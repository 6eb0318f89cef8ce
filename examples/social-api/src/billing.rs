//! What an organisation may spend, and what it has spent.

use std::{error::Error, time::Duration};

use portcullis::{
    Access, Guarded, Registry,
    axum::{ApiError, Caller, Data},
    core::Timestamp,
    registry::{Actor, ChangeError, LedgerLine, LedgerListing},
};
use serde::Serialize;

const RECENT: usize = 20;
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The answer of `GET /billing/credits`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Credits {
    balance: i64,
    balance_formatted: String,
    reserved: i64,
    allowance: Option<Allowance>,
    recent_usage: Vec<Usage>,
    total_spent30d: u64,
}

/// What is given for a month.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Allowance {
    monthly: u32,
    left: u32,
    resets_at: Option<Timestamp>,
}

/// A line of the ledger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    date: Timestamp,
    description: String,
    amount: i64,
    #[serde(rename = "type")]
    kind: &'static str,
    request_id: Option<String>,
}

/// Mounts the routes.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(
    api: Guarded<S>,
    registry: Registry,
) -> Guarded<S> {
    api.get(
        "/billing/credits",
        Access::any(),
        async move |Caller(who): Caller| credits(&registry, &Actor::from_principal(&who)).await,
    )
}

/// `GET /billing/credits`: any credential sees those of its organisation.
async fn credits(registry: &Registry, actor: &Actor) -> Result<Data<Credits>, ApiError> {
    let owner = actor
        .owner()
        .ok_or_else(|| ApiError::not_found("organisation"))?;
    let listing = LedgerListing {
        from: Some(registry.clock().now().saturating_sub(THIRTY_DAYS)),
        limit: RECENT,
        ..LedgerListing::default()
    };
    let page = registry
        .ledger(actor, owner, listing)
        .await
        .map_err(failed)?;
    let account = page.account;
    let allowance = account.allowance().map(|monthly| Allowance {
        monthly,
        left: account.left(),
        resets_at: account.resets_at(),
    });
    Ok(Data(Credits {
        balance: account.balance(),
        balance_formatted: formatted(account.balance()),
        reserved: account.reserved(),
        allowance,
        recent_usage: page.lines.into_iter().map(Usage::from).collect(),
        total_spent30d: page.charged,
    }))
}

impl From<LedgerLine> for Usage {
    fn from(line: LedgerLine) -> Self {
        Self {
            date: line.at,
            description: line.note,
            amount: line.amount,
            kind: line.kind.as_str(),
            request_id: line.request.map(|id| id.to_string()),
        }
    }
}

fn failed(error: ChangeError) -> ApiError {
    let error: Box<dyn Error + Send + Sync> = match error {
        ChangeError::NotFound => return ApiError::not_found("organisation"),
        ChangeError::Store(error) if error.is_transient() => return ApiError::unavailable(error),
        error => error.into(),
    };
    ApiError::internal(error)
}

/// `1,000 credits`.
fn formatted(balance: i64) -> String {
    let digits = balance.unsigned_abs().to_string();
    let mut text = String::from(if balance < 0 { "-" } else { "" });
    for (place, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        text.push(digit);
        if place > 0 && place.is_multiple_of(3) {
            text.push(',');
        }
    }
    text.push_str(if balance.unsigned_abs() == 1 {
        " credit"
    } else {
        " credits"
    });
    text
}

#[cfg(test)]
mod tests {
    use super::formatted;

    #[test]
    fn credits_are_shown_in_threes() {
        for (balance, text) in [
            (0, "0 credits"),
            (1, "1 credit"),
            (-1, "-1 credit"),
            (999, "999 credits"),
            (1_000, "1,000 credits"),
            (-12_345, "-12,345 credits"),
            (1_234_567, "1,234,567 credits"),
            (i64::MIN, "-9,223,372,036,854,775,808 credits"),
        ] {
            assert_eq!(formatted(balance), text);
        }
    }
}
