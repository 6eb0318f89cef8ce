//! People who make an account of their own.

use std::{net::IpAddr, time::Duration};

use portcullis_core::Secret;
use portcullis_registry::StoreError;

use super::{LoggedIn, Login, LoginError, Unavailable};
use crate::{
    DirectoryError, Email, Membership, NewAccount, Org, PasswordError, Passwords, Role,
    id::RandomError, metrics::Attempted,
};

/// The fewest characters of a password that somebody sets (NIST SP 800-63B, section 3.1.1.2).
const MIN_PASSWORD: usize = 8;
/// The most characters of a name.
const MAX_NAME: usize = 100;
/// The most characters that the slug of an organisation has of its name.
const MAX_SLUG: usize = 40;
/// How often another slug is tried.
const SLUGS: usize = 8;

/// Somebody who wants an account.
#[derive(Debug)]
pub struct NewUser {
    /// The address, which nobody has proved to be theirs.
    pub email: Email,
    /// The password: 8 characters to 1,024 bytes.
    pub password: Secret<String>,
    /// What they are called: 1 to 100 characters, none of them a control character.
    pub name: String,
}

/// Why somebody was not signed up.
///
/// Each says what to answer with over HTTP.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum SignupError {
    /// The service takes no new users by itself: 403 `signup_closed`.
    #[error("this service takes no new users by itself")]
    Closed,
    /// A name is none: 400 `invalid_request`.
    #[error("a name has 1 to {MAX_NAME} characters, none of them a control character")]
    Name,
    /// A password is too short or too long: 400 `invalid_request`.
    #[error(
        "a password has {MIN_PASSWORD} characters to {} bytes",
        Passwords::MAX_BYTES
    )]
    Password,
    /// Too many of one address: 429 `rate_limited` with Retry-After. Nothing was looked at.
    #[error("too many attempts to sign up")]
    RateLimited {
        /// How long to wait.
        retry_after: Duration,
    },
    /// There is an account of this address: 409 `conflict`.
    ///
    /// It tells that there is one. As nobody has to prove that an address is theirs, there is no
    /// answer that doesn't; so the same limit holds, and it costs the work of a password.
    #[error("there is an account of this address")]
    EmailTaken,
    /// A store, memory or random bytes could not be had: 503 `unavailable`. The account may have
    /// been made.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<StoreError> for SignupError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<RandomError> for SignupError {
    fn from(error: RandomError) -> Self {
        let attempt = "the account could not be made";
        Self::Unavailable(Unavailable::permanent(attempt, error))
    }
}

impl From<LoginError> for SignupError {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::Unavailable(error) => Self::Unavailable(error),
            error => Self::Unavailable(Unavailable::permanent("the login failed", error)),
        }
    }
}

impl Login {
    /// Makes an account with an organisation of its own, as its owner, and logs it in.
    ///
    /// The organisation gets the credits that [`with_signup`](Self::with_signup) says. An address of
    /// a client (IPv6 by /64) may sign up 5 times in an hour, whatever comes of it, once what it
    /// sends could be an account.
    ///
    /// # Errors
    /// [`SignupError`].
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub async fn signup(&self, new: NewUser, ip: Option<IpAddr>) -> Result<LoggedIn, SignupError> {
        let signed_up = self.signed_up(new, ip).await;
        self.metrics.count(Attempted::Signup, (&signed_up).into());
        signed_up
    }

    async fn signed_up(&self, new: NewUser, ip: Option<IpAddr>) -> Result<LoggedIn, SignupError> {
        if self.signup_credits.is_none() {
            return Err(SignupError::Closed);
        }
        check(&new)?;
        let wait = |retry_after| SignupError::RateLimited { retry_after };
        self.attempts.check_signup(ip).map_err(wait)?;
        // First, so that an address that is taken costs as much.
        let hash = self.passwords.hash(&new.password).await;
        let hash = hash.map_err(|error| match error {
            PasswordError::Empty | PasswordError::TooLong => SignupError::Password,
            error => SignupError::Unavailable(error.into()),
        })?;
        let mut tried = 1;
        let made = loop {
            let made = NewAccount::with_org(
                new.email.clone(),
                &new.name,
                hash.clone(),
                format!("Organization of {}", new.name),
                slug_of(&new.name)?,
                self.registry.clock().now(),
            )?;
            match self.directory.create(made.clone()).await {
                Ok(()) => break made,
                Err(DirectoryError::SlugTaken) if tried < SLUGS => tried += 1,
                Err(DirectoryError::EmailTaken) => return Err(SignupError::EmailTaken),
                Err(DirectoryError::Store(error)) => return Err(error.into()),
                Err(error @ DirectoryError::SlugTaken) => {
                    let attempt = "the account could not be made";
                    return Err(Unavailable::permanent(attempt, error).into());
                }
            }
        };
        self.remember(&made.account, ip).await;
        let membership = Membership {
            org: made.org,
            role: made.role,
        };
        Ok(self.started(made.account, membership, ip).await?)
    }

    /// Sees to it that an organisation that somebody has signed up with has its first credits: the
    /// sign-up may have been cut short.
    pub(crate) async fn complete(&self, org: &Org, role: Role) -> Result<(), StoreError> {
        let Some(credits) = self.signup_credits.filter(|_| role == Role::Owner) else {
            return Ok(());
        };
        if self.registry.owner(&org.id).await?.is_none() {
            self.registry.ensure_owner(&org.id, credits).await?;
        }
        Ok(())
    }
}

fn check(new: &NewUser) -> Result<(), SignupError> {
    let NewUser { password, name, .. } = new;
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.contains(char::is_control)
    {
        return Err(SignupError::Name);
    }
    let password = password.expose();
    if password.chars().count() < MIN_PASSWORD || password.len() > Passwords::MAX_BYTES {
        return Err(SignupError::Password);
    }
    Ok(())
}

/// Letters and digits of ASCII of a name, and something that tells it from others of that name.
fn slug_of(name: &str) -> Result<String, RandomError> {
    const ALPHABET: [char; 32] = [
        'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'm', 'n', 'p', 'q', 'r', 's', 't',
        'u', 'v', 'w', 'x', 'y', 'z', '2', '3', '4', '5', '6', '7', '8', '9',
    ];
    let name = name.to_ascii_lowercase();
    let words = name.split(|character: char| !character.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut slug: String = words.join("-").chars().take(MAX_SLUG).collect();
    if slug.is_empty() {
        slug.push_str("org");
    }
    slug.push('-');
    let mut random = [0; 6];
    crate::id::fill(&mut random)?;
    let drawn = random
        .iter()
        .filter_map(|byte| ALPHABET.get(usize::from(byte % 32)));
    slug.extend(drawn);
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new(name: &str, password: &str) -> NewUser {
        NewUser {
            email: "ada@example.com".parse().unwrap(),
            password: Secret::new(password.into()),
            name: name.into(),
        }
    }

    #[test]
    fn passwords_have_8_characters_to_1024_bytes_and_names_1_to_100() {
        let long = "p".repeat(1_024);
        for (name, password) in [("A", "12345678"), ("Zoë O'Neil", "éééééééé"), ("A", &long)]
        {
            assert!(check(&new(name, password)).is_ok(), "{name} {password}");
        }
        for password in ["", "1234567", "ééééééé", &format!("{long}p")] {
            let refused = check(&new("Ada", password));
            assert!(matches!(refused, Err(SignupError::Password)), "{password}");
        }
        assert!(check(&new(&"n".repeat(100), "12345678")).is_ok());
        for name in ["", "  ", "a\tb", "a\nb", &"n".repeat(101)] {
            let refused = check(&new(name, "12345678"));
            assert!(matches!(refused, Err(SignupError::Name)), "{name:?}");
        }
    }

    #[test]
    fn slugs_are_of_the_name_and_differ() {
        let slug = slug_of("Zoë  O'Neil & Co.").unwrap();
        assert!(slug.starts_with("zo-o-neil-co-"), "{slug}");
        assert_eq!(slug.len(), "zo-o-neil-co-".len() + 6);
        assert_ne!(slug, slug_of("Zoë  O'Neil & Co.").unwrap());
        assert!(slug_of("日本").unwrap().starts_with("org-"));
        assert_eq!(slug_of(&"a".repeat(100)).unwrap().len(), 40 + 7);
    }
}
