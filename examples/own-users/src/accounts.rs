//! Signing up, in and out.

use std::{net::SocketAddr, sync::LazyLock};

use argon2::{
    Argon2,
    password_hash::{self, PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use axum::{
    Extension, Json,
    extract::{ConnectInfo, State},
    http::StatusCode,
};
use axum_extra::extract::cookie::CookieJar;
use rusqlite::{Connection, OptionalExtension};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    db::Db,
    error::AppError,
    sessions::{self, User},
};

#[derive(Deserialize)]
pub(crate) struct SignUp {
    email: String,
    password: String,
    #[serde(flatten)]
    team: Team,
}

/// A new team by its name, or another's by its invitation.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Team {
    Team(String),
    Invite(String),
}

#[derive(Deserialize)]
pub(crate) struct LogIn {
    email: String,
    password: String,
}

pub(crate) async fn sign_up(
    State(db): State<Db>,
    jar: CookieJar,
    Json(new): Json<SignUp>,
) -> Result<(StatusCode, CookieJar), AppError> {
    if !new.email.contains('@') || new.email.len() > 254 {
        return Err(AppError::bad("this is not an address"));
    }
    if !(12..=1024).contains(&new.password.len()) {
        return Err(AppError::bad("a password has 12 to 1024 characters"));
    }
    let password = hash(new.password).await?;
    let add = move |db: &Connection| {
        let team = join(db, &new.team)?;
        let id = sessions::random()?;
        let sql = "INSERT INTO users VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        match db.execute(sql, (&id, &new.email, &password, &team))? {
            1 => sessions::begin(db, &id),
            _ => Err(AppError::Refused(
                StatusCode::CONFLICT,
                "this address has an account",
            )),
        }
    };
    Ok((StatusCode::CREATED, jar.add(db.run(add).await?)))
}

pub(crate) async fn log_in(
    State(db): State<Db>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    jar: CookieJar,
    Json(LogIn { email, password }): Json<LogIn>,
) -> Result<(StatusCode, CookieJar), AppError> {
    let find = move |db: &Connection| {
        let sql = "SELECT id, password FROM users WHERE email = ?1";
        let user = db.query_row(sql, [email], |row| row.try_into());
        Ok(user.optional()?)
    };
    let (id, stored): (Option<String>, _) = db.run(find).await?.unzip();
    // Somebody without an account waits as long, and hears the same.
    if !verify(password, stored).await? {
        tracing::warn!(%peer, "a wrong address or password");
        let what = "wrong address or password";
        return Err(AppError::Refused(StatusCode::UNAUTHORIZED, what));
    }
    let id = id.ok_or(AppError::SIGN_IN)?;
    let cookie = db.run(move |db| sessions::begin(db, &id)).await?;
    Ok((StatusCode::NO_CONTENT, jar.add(cookie)))
}

pub(crate) async fn log_out(
    State(db): State<Db>,
    jar: CookieJar,
) -> Result<(StatusCode, CookieJar), AppError> {
    let old = jar.clone();
    let cookie = db.run(move |db| sessions::end(db, &old)).await?;
    Ok((StatusCode::NO_CONTENT, jar.add(cookie)))
}

pub(crate) async fn me(
    State(db): State<Db>,
    Extension(user): Extension<User>,
) -> Result<Json<Value>, AppError> {
    let find = move |db: &Connection| {
        let sql = "SELECT name, invite FROM teams WHERE id = ?1";
        let (name, invite): (String, String) =
            db.query_row(sql, [user.team], |row| row.try_into())?;
        Ok(json!({ "id": user.id, "email": user.email, "team": name, "invite": invite }))
    };
    Ok(Json(db.run(find).await?))
}

fn join(db: &Connection, team: &Team) -> Result<String, AppError> {
    match team {
        Team::Team(name) => {
            let id = sessions::random()?;
            let sql = "INSERT INTO teams VALUES (?1, ?2, ?3)";
            db.execute(sql, (&id, name, sessions::random()?))?;
            Ok(id)
        }
        Team::Invite(invite) => {
            let sql = "SELECT id FROM teams WHERE invite = ?1";
            let team = db.query_row(sql, [invite], |row| row.get(0)).optional()?;
            team.ok_or(AppError::bad("nobody has invited you so"))
        }
    }
}

/// Hashes on a thread that may take its time.
async fn hash(password: String) -> Result<String, AppError> {
    let hash = tokio::task::spawn_blocking(move || {
        let hash = Argon2::default().hash_password(password.as_bytes())?;
        Ok::<_, password_hash::Error>(hash.to_string())
    });
    Ok(hash.await??)
}

async fn verify(password: String, stored: Option<String>) -> Result<bool, AppError> {
    let verified = tokio::task::spawn_blocking(move || {
        let stored = stored.as_ref().or(NOBODYS.as_ref());
        let Some(stored) = stored else { return false };
        let hash = PasswordHash::new(stored);
        hash.is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    });
    Ok(verified.await?)
}

/// The hash of a password that nobody has.
static NOBODYS: LazyLock<Option<String>> = LazyLock::new(|| {
    let password = sessions::random().ok()?;
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.ok().map(|hash| hash.to_string())
});
