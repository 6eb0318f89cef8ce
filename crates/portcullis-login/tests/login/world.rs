//! A login over memory, with a clock that is moved by hand and cheap passwords.

use std::{net::IpAddr, sync::Arc};

use portcullis_core::{Clock, ManualClock, Secret};
use portcullis_login::{
    Bootstrap, Directory, LoggedIn, Login, LoginError, PasswordParams, Passwords, Role, Roles,
};
use portcullis_registry::{Hot, MemoryStore, Principal, Registry};
use portcullis_scope::{Catalogue, Grant};
use portcullis_token::{Environment, PepperRing, TokenFormat};

use crate::people::People;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";

pub(crate) struct World {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) directory: Arc<People>,
    pub(crate) peppers: PepperRing,
    pub(crate) login: Login,
}

pub(crate) fn secret(text: &str) -> Secret<String> {
    Secret::new(text.into())
}

pub(crate) fn cheap() -> PasswordParams {
    PasswordParams::dangerous_new(8, 1, 1).unwrap()
}

pub(crate) fn catalogue() -> Catalogue {
    Catalogue::builder()
        .scope("posts:read", "Read posts")
        .scope_implying("posts:write", ["posts:read"], "Write posts")
        .scope("audit:read", "Read the audit log")
        .build()
        .unwrap()
}

pub(crate) fn roles(role: Role) -> Grant {
    match role {
        Role::Owner | Role::Admin => Grant::everything(),
        Role::Member => "posts:*".parse().unwrap(),
        Role::Auditor => "*:read".parse().unwrap(),
    }
}

impl World {
    /// Nobody is there yet.
    pub(crate) async fn empty() -> Self {
        Self::over(
            MemoryStore::new(),
            People::default(),
            PepperRing::generate().unwrap(),
        )
        .await
    }

    /// Ada is the owner of the default organisation.
    pub(crate) async fn new() -> Self {
        let world = Self::empty().await;
        let email = EMAIL.parse().unwrap();
        let first = world
            .login
            .bootstrap(&email, &secret(PASSWORD), 1_000)
            .await
            .unwrap();
        assert_eq!(first, Bootstrap::Created);
        world
    }

    pub(crate) async fn over(
        store: MemoryStore,
        directory: impl Into<Arc<People>>,
        peppers: PepperRing,
    ) -> Self {
        let directory = directory.into();
        let clock = ManualClock::new();
        let time: Arc<dyn Clock> = Arc::<ManualClock>::clone(&clock);
        let format = TokenFormat::new("ap", Environment::Test).unwrap();
        let (registry, _driver) =
            Registry::open_with_clock(store, format, catalogue(), peppers.clone(), time)
                .await
                .unwrap();
        let roles = Roles::new(&catalogue(), roles).unwrap();
        let passwords = Passwords::new(&peppers).with_params(cheap());
        let people: Arc<dyn Directory> = Arc::<People>::clone(&directory);
        let login = Login::new(registry, people, roles).unwrap();
        let login = login.with_passwords(passwords);
        Self {
            clock,
            directory,
            peppers,
            login,
        }
    }

    pub(crate) async fn try_login(
        &self,
        email: &str,
        password: &str,
        from: Option<IpAddr>,
    ) -> Result<LoggedIn, LoginError> {
        self.login.login(email, &secret(password), from).await
    }

    pub(crate) async fn logged_in(&self) -> LoggedIn {
        self.try_login(EMAIL, PASSWORD, None).await.unwrap()
    }

    /// Who a token speaks for, if it is accepted.
    pub(crate) async fn principal(&self, token: &str) -> Option<Principal> {
        let registry = self.login.registry();
        let token = registry.format().recognize(token.as_bytes()).unwrap();
        loop {
            match registry.visit(&token, None, |visit| visit.principal()) {
                Hot::Known(principal) => return Some(principal),
                Hot::Miss => {
                    if !registry.load(token.id()).await.unwrap() {
                        return None;
                    }
                }
                _ => return None,
            }
        }
    }
}
