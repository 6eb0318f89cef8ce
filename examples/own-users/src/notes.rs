//! What a team has noted.

use axum::{
    Json,
    extract::{FromRequestParts, State},
    http::{StatusCode, request::Parts},
};
use portcullis::Permit;
use serde::{Deserialize, Serialize};

use crate::{db::Db, error::AppError, sessions::User};

/// The team whose notes a request is about.
pub(crate) struct Team(String);

#[derive(Serialize)]
pub(crate) struct Note {
    id: i64,
    text: String,
    created_at: i64,
}

#[derive(Deserialize)]
pub(crate) struct NewNote {
    text: String,
}

pub(crate) async fn list(
    State(db): State<Db>,
    Team(team): Team,
) -> Result<Json<Vec<Note>>, AppError> {
    let notes = db.run(move |db| {
        let sql =
            "SELECT id, text, created_at FROM notes WHERE team = ?1 ORDER BY id DESC LIMIT 100";
        let mut notes = db.prepare(sql)?;
        let notes = notes.query_map([team], |row| {
            let (id, text, created_at) = row.try_into()?;
            Ok(Note {
                id,
                text,
                created_at,
            })
        })?;
        Ok(notes.collect::<Result<_, _>>()?)
    });
    Ok(Json(notes.await?))
}

pub(crate) async fn create(
    State(db): State<Db>,
    Team(team): Team,
    Json(NewNote { text }): Json<NewNote>,
) -> Result<(StatusCode, Json<Note>), AppError> {
    if text.is_empty() || text.len() > 10_000 {
        return Err(AppError::bad("a note has 1 to 10000 characters"));
    }
    let note = db.run(move |db| {
        let sql = "INSERT INTO notes (team, text) VALUES (?1, ?2) RETURNING id, created_at";
        let (id, created_at) = db.query_row(sql, (team, &text), |row| row.try_into())?;
        Ok(Note {
            id,
            text,
            created_at,
        })
    });
    Ok((StatusCode::CREATED, Json(note.await?)))
}

impl<S: Sync> FromRequestParts<S> for Team {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AppError> {
        let found = &parts.extensions;
        let user = found.get::<User>();
        let team = user.map(|user| user.team.clone());
        let team = team.or_else(|| found.get::<Permit>().map(|key| key.owner().to_string()));
        team.map(Self).ok_or(AppError::SIGN_IN)
    }
}
