//! Agents, and their runs. A run is made up: no model is asked.

use portcullis::{
    axum::{ApiError, Data, OptionalJsonBody},
    core::Timestamp,
};
use serde::{Deserialize, Serialize};

use super::{
    ResourceError,
    documents::{self, Alter, Document, New, Organisation, Resource, Rows},
    kept::{Kept, Own},
    request::{Change, Named},
    texts,
};

const MAX_NAME: usize = 100;
const MAX_INSTRUCTIONS: usize = 10_000;
/// How many runs of an agent are kept: the newest.
const KEPT_RUNS: u32 = 100;

/// The members of an agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Agent {
    name: String,
    instructions: Option<String>,
    enabled: bool,
    last_run_at: Option<Timestamp>,
}

impl Resource for Agent {
    const NAME: &'static str = "agent";
    const PREFIX: &'static str = "agent_";
    const PARTS: Option<&'static str> = Some(Run::NAME);
    const OWN: &'static [Own] = &[
        Own::text("name"),
        Own::text("instructions"),
        Own::boolean("enabled"),
        Own::text("lastRunAt"),
    ];
}

/// The members of a run.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    agent_id: String,
    status: RunStatus,
    output: String,
    finished_at: Timestamp,
}

/// What has become of a run.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum RunStatus {
    Completed,
}

impl Resource for Run {
    const NAME: &'static str = "run";
    const PREFIX: &'static str = "run_";
    /// As many as all agents keep.
    const MOST: u32 = Agent::MOST * (KEPT_RUNS + 1);
    const OWN: &'static [Own] = &[
        Own::text("agentId"),
        Own::text("status"),
        Own::text("output"),
        Own::text("finishedAt"),
    ];

    fn whole(&self) -> &str {
        &self.agent_id
    }
}

/// The body that makes an agent.
#[derive(Debug, Deserialize)]
pub(super) struct NewAgent {
    name: String,
    instructions: Option<String>,
    enabled: Option<bool>,
    #[serde(flatten)]
    kept: Kept,
}

impl New for Agent {
    type Body = NewAgent;

    fn new(_: &Rows<'_>, body: NewAgent) -> Result<(Self, Kept), ResourceError> {
        let agent = Self {
            name: texts::line("name", body.name, MAX_NAME)?,
            instructions: body.instructions.map(checked_instructions).transpose()?,
            enabled: body.enabled.unwrap_or(true),
            last_run_at: None,
        };
        Ok((agent, body.kept))
    }
}

/// The body that changes an agent.
#[derive(Debug, Deserialize)]
pub(super) struct AgentChange {
    name: Option<String>,
    #[serde(default)]
    instructions: Change<String>,
    enabled: Option<bool>,
    #[serde(flatten)]
    kept: Kept,
}

impl Alter for Agent {
    type Body = AgentChange;

    fn alter(&mut self, body: AgentChange) -> Result<Kept, ApiError> {
        if let Some(name) = body.name {
            self.name = texts::line("name", name, MAX_NAME)?;
        }
        match body.instructions {
            Change::Set(text) => self.instructions = Some(checked_instructions(text)?),
            Change::Clear => self.instructions = None,
            Change::Keep => {}
        }
        self.enabled = body.enabled.unwrap_or(self.enabled);
        Ok(body.kept)
    }
}

/// The answer of [`run`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    run_id: String,
    status: RunStatus,
}

/// `POST /agents/{id}/run`: what the body has is kept with the run.
pub(super) async fn run(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(kept): OptionalJsonBody<Kept>,
) -> Result<Data<Started>, ResourceError> {
    let started = organisation.write(move |rows| {
        let mut agent = rows.find::<Agent>(&id)?;
        if !agent.own.enabled {
            return Err(ApiError::conflict("the agent is not enabled").into());
        }
        let run = Run {
            agent_id: id,
            status: RunStatus::Completed,
            output: format!("`{}` ran, in name only", agent.own.name),
            finished_at: rows.now(),
        };
        let run = rows.add(run, kept)?;
        rows.trim::<Run>(&agent.id, KEPT_RUNS)?;
        agent.own.last_run_at = Some(rows.now());
        rows.update(&mut agent)?;
        Ok(Started {
            run_id: run.id,
            status: run.own.status,
        })
    });
    started.await.map(Data)
}

/// The body of [`toggle`].
#[derive(Debug, Default, Deserialize)]
pub(super) struct Toggle {
    enabled: Option<bool>,
    #[serde(flatten)]
    kept: Kept,
}

/// `POST /agents/{id}/toggle`: to the other state, or to the one that the body says.
pub(super) async fn toggle(
    organisation: Organisation,
    Named(id): Named,
    OptionalJsonBody(body): OptionalJsonBody<Toggle>,
) -> Result<Data<Document<Agent>>, ResourceError> {
    let Toggle { enabled, kept } = body;
    documents::act(
        organisation,
        id,
        kept,
        move |agent: &mut Document<Agent>, _| {
            agent.own.enabled = enabled.unwrap_or(!agent.own.enabled);
            Ok(())
        },
    )
    .await
}

fn checked_instructions(text: String) -> Result<String, ApiError> {
    texts::prose("instructions", text, MAX_INSTRUCTIONS)
}
