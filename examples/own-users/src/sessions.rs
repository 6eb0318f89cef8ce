//! Who is signed in, told by a cookie.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis::Actor;
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use crate::{Api, db::Db, error::AppError};

/// The prefix has browsers insist on `Secure`, and keeps out cookies that subdomains set.
const COOKIE: &str = "__Host-session";
const SESSION_SECONDS: i64 = 7 * 24 * 60 * 60;

/// A signed-in user.
#[derive(Clone, Debug)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) team: String,
}

/// Lets signed-in users through, and tells the handlers who they are.
pub(crate) async fn require(
    State(db): State<Db>,
    jar: CookieJar,
    mut request: Request,
    next: Next,
) -> Result<Response, AppError> {
    let token = digest_in(&jar).ok_or(AppError::SIGN_IN)?;
    let user = db.run(move |db| user_of(db, token)).await?;
    let user = user.ok_or(AppError::SIGN_IN)?;
    let actor = Actor::user(user.team.parse()?, user.id.parse()?, Api::catalogue().all());
    request.extensions_mut().insert(actor);
    request.extensions_mut().insert(user);
    Ok(next.run(request).await)
}

/// Signs a user in: returns the cookie to set.
pub(crate) fn begin(db: &Connection, user: &str) -> Result<Cookie<'static>, AppError> {
    let token = random()?;
    let sql = "INSERT INTO sessions VALUES (?1, ?2, unixepoch() + ?3)";
    db.execute(sql, (digest(&token), user, SESSION_SECONDS))?;
    Ok(cookie(token))
}

/// Signs out whoever has this cookie, on the server too: returns what takes it away.
pub(crate) fn end(db: &Connection, jar: &CookieJar) -> Result<Cookie<'static>, AppError> {
    let sql = "DELETE FROM sessions WHERE token = ?1 OR expires_at <= unixepoch()";
    db.execute(sql, [digest_in(jar)])?;
    Ok(cookie(String::new()))
}

/// 190 bits that nobody guesses: for ids, invitations and sessions.
pub(crate) fn random() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn cookie(token: String) -> Cookie<'static> {
    let cookie = Cookie::build((COOKIE, token)).path("/").secure(true);
    cookie.http_only(true).same_site(SameSite::Lax).build()
}

fn digest_in(jar: &CookieJar) -> Option<[u8; 32]> {
    jar.get(COOKIE).map(|cookie| digest(cookie.value()))
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

fn user_of(db: &Connection, token: [u8; 32]) -> Result<Option<User>, AppError> {
    let sql = "SELECT users.id, email, team FROM sessions JOIN users ON users.id = user
        WHERE token = ?1 AND expires_at > unixepoch()";
    let user = db.query_row(sql, [token], |row| {
        let (id, email, team) = row.try_into()?;
        Ok(User { id, email, team })
    });
    Ok(user.optional()?)
}
