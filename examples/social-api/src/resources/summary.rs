//! What an organisation used: requests, and what became of its posts.

use axum::extract::State;
use portcullis::{
    axum::{ApiError, Data, Permitted},
    registry::{ChangeError, Day, Registry},
};
use rusqlite::{Connection, params};
use serde::Serialize;

use super::{Demo, ResourceError, documents, owner};

/// How many days it goes back, today among them.
const DAYS: u32 = 30;
/// Posts since a day by where they were written, also of those that can't be read.
const POSTS: &str = "SELECT coalesce(source, ''), status = 'published', count(*)
    FROM social_posts WHERE owner = ?1 AND day >= ?2 GROUP BY 1, 2";
/// The same by the day.
const TREND: &str = "SELECT day, count(*)
    FROM social_posts WHERE owner = ?1 AND day >= ?2 GROUP BY day ORDER BY day";
/// `GET /usage/summary`: the last thirty days, in UTC.
///
/// Nothing here asks a model, so the figures of that are 0. Agents are those that there are now.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    range: Range,
    requests: Requests,
    posts: Posts,
    agents: Agents,
    ai: Ai,
    trend: Trend,
}

#[derive(Debug, Serialize)]
struct Range {
    from: String,
    to: String,
}

#[derive(Debug, Serialize)]
struct Requests {
    total: u64,
    denied: u64,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Posts {
    total: u32,
    published: u32,
    by_source: BySource,
}

#[derive(Debug, Default, Serialize)]
struct BySource {
    dashboard: u32,
    api: u32,
    mcp: u32,
    cli: u32,
    agent: u32,
}

#[derive(Debug, Serialize)]
struct Agents {
    total: u32,
    /// Those that are enabled.
    active: u32,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Ai {
    total_cost_usd: u64,
    input_tokens: u64,
    output_tokens: u64,
    total_tokens: u64,
    requests: u64,
    by_model: [(); 0],
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Trend {
    posts: Vec<OnDay>,
    ai_cost: [(); 0],
}

#[derive(Debug, Serialize)]
struct OnDay {
    date: String,
    count: u32,
}

/// Answers `GET /usage/summary`.
pub(crate) async fn summary(
    State(demo): State<Demo>,
    Permitted(permit): Permitted,
    registry: Registry,
) -> Result<Data<Summary>, ResourceError> {
    let today = Day::of(demo.clock.now());
    let (from, until) = (today.before(DAYS - 1), today.next());
    let actor = permit.actor();
    let used = registry.owner_usage(&actor, permit.owner(), from, until);
    let used = used.await.map_err(refused)?;
    let owner = owner(&permit);
    let first = from.to_string();
    let (posts, agents, trend) = demo
        .database
        .read(move |tables| {
            Ok((
                posts(tables, &owner, &first)?,
                documents::count_agents(tables, &owner)?,
                trend(tables, &owner, &first)?,
            ))
        })
        .await?;
    Ok(Data(Summary {
        range: Range {
            from: from.to_string(),
            to: today.to_string(),
        },
        requests: Requests {
            total: used.requests.saturating_add(used.denied),
            denied: used.denied,
        },
        posts,
        agents: Agents {
            total: agents.0,
            active: agents.1,
        },
        ai: Ai::default(),
        trend: Trend {
            posts: trend,
            ..Trend::default()
        },
    }))
}

/// The posts that were made since a day.
fn posts(tables: &Connection, owner: &str, first: &str) -> Result<Posts, ResourceError> {
    let mut posts = Posts::default();
    let mut rows = tables.prepare(POSTS)?;
    let mut rows = rows.query(params![owner, first])?;
    while let Some(row) = rows.next()? {
        let (source, is_published): (String, bool) = (row.get(0)?, row.get(1)?);
        let count: u32 = row.get(2)?;
        posts.total += count;
        posts.published += if is_published { count } else { 0 };
        let by_source = &mut posts.by_source;
        match source.as_str() {
            "dashboard" => by_source.dashboard += count,
            "mcp" => by_source.mcp += count,
            "cli" => by_source.cli += count,
            "agent" => by_source.agent += count,
            _ => by_source.api += count,
        }
    }
    Ok(posts)
}

/// The same by the day, the earliest first.
fn trend(tables: &Connection, owner: &str, first: &str) -> Result<Vec<OnDay>, ResourceError> {
    let mut rows = tables.prepare(TREND)?;
    let day = |row: &rusqlite::Row<'_>| {
        Ok(OnDay {
            date: row.get(0)?,
            count: row.get(1)?,
        })
    };
    let days = rows.query_map(params![owner, first], day)?;
    Ok(days.collect::<Result<_, _>>()?)
}

fn refused(error: ChangeError) -> ApiError {
    match error {
        ChangeError::Store(error) => ApiError::unavailable(error),
        error => ApiError::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Database;

    #[tokio::test]
    async fn posts_are_summed_up_from_an_index_however_long_they_are() {
        let database = Database::in_memory().unwrap();
        let plans = database.read(|tables| {
            let plan = |query: &str| {
                let plan = format!("EXPLAIN QUERY PLAN {query}");
                tables.query_row(&plan, ["acme", "2026-01-01"], |row| row.get::<_, String>(3))
            };
            Ok([plan(POSTS)?, plan(TREND)?])
        });
        for plan in plans.await.unwrap() {
            assert!(
                plan.contains("COVERING INDEX social_posts_by_day"),
                "{plan}"
            );
        }
    }
}
