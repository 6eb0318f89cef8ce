//! A long history of credits, the same in every store.

use std::{sync::Arc, time::Duration};

use portcullis_core::RequestId;
use portcullis_registry::{
    CreditOp, LedgerLine, LedgerPage, LineNumber, MemoryStore, Store, Terms,
};

use super::{
    failure::{Outcome, ensure, same},
    fixtures::{at, movements, owner},
    ledger::{all_of, page},
};

/// Numbers that look random, the same each time.
const fn stirred(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

pub(crate) async fn a_long_history_is_what_it_is_in_memory(store: Arc<dyn Store>) -> Outcome {
    let memory = MemoryStore::new();
    let mut now = at(0);
    for step in 0..1_500_u64 {
        let random = stirred(step);
        let small = u32::try_from(random / 256 % 20).unwrap_or(0);
        let number = u128::from(random / 65_536 % 40);
        let owner = owner(if number % 2 == 0 { "acme" } else { "other" })?;
        let id = RequestId::from_value(number << 64 | number);
        let op = match random % 16 {
            0 => CreditOp::Add {
                owner,
                amount: i64::from(small) - 3,
                at: now,
                note: format!("step {step}"),
            },
            1..=7 => CreditOp::Reserve {
                id,
                owner,
                amount: small,
                at: now,
                note: format!("step {step}"),
            },
            8..=10 => CreditOp::Settle {
                id,
                amount: small,
                at: now,
            },
            11 => CreditOp::Release { id, at: now },
            12 => CreditOp::ReleaseBefore {
                before: now.saturating_sub(Duration::from_secs(86_400 * 20)),
                at: now,
                except: vec![id],
            },
            13 => {
                let allowance = (!(random / 1_024).is_multiple_of(4)).then_some(small);
                let post_paid = (random / 8_192).is_multiple_of(8);
                let terms = Terms {
                    allowance,
                    post_paid,
                };
                CreditOp::SetTerms {
                    owner,
                    terms,
                    at: now,
                }
            }
            14 => CreditOp::Renew { owner, at: now },
            _ => {
                now = now.saturating_add(Duration::from_secs(86_400 * u64::from(small)));
                continue;
            }
        };
        let expected = memory.commit(movements([op.clone()])).await;
        let found = store.commit(movements([op.clone()])).await;
        same(
            found.map_err(|error| error.to_string()),
            expected.map_err(|error| error.to_string()),
            &format!("step {step}, {op:?}"),
        )?;
    }
    for name in ["acme", "other"] {
        let expected = page(&memory, all_of(name)?).await?;
        ensure(
            expected.adds_up() && expected.lines.len() > 100,
            "a long history",
        )?;
        let found = page(&*store, all_of(name)?).await?;
        // The numbers of lines are the store's own.
        let lines = |page: &LedgerPage| -> Vec<LedgerLine> {
            let lines = page.lines.iter().cloned();
            lines
                .map(|line| LedgerLine {
                    number: LineNumber(0),
                    ..line
                })
                .collect()
        };
        let (found_lines, expected_lines) = (lines(&found), lines(&expected));
        for (line, expected) in found_lines.iter().rev().zip(expected_lines.iter().rev()) {
            same(line, expected, "a line")?;
        }
        same(found_lines.len(), expected_lines.len(), "how many lines")?;
        same(
            (found.account, found.sum, found.charged),
            (expected.account, expected.sum, expected.charged),
            "what there is",
        )?;
    }
    Ok(())
}
