//! A denied request never reaches the service: random gates, callers and histories, against rules
//! written down apart.

use std::sync::Arc;

use http::{Request, StatusCode};
use portcullis_gate::{Access, Authentication, Authenticator, Holder};
use portcullis_registry::{Actor, Identity, KeyChange, Suspension};
use portcullis_scope::{Requirement, Scope};
use portcullis_testkit::TestBed;
use proptest::prelude::*;
use tower::ServiceExt;

use crate::bed::{Calls, READ, WRITE, answering, bed};

/// What a caller shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Shown {
    Nothing,
    Key,
    Session,
    /// A key that has ended in some way.
    Revoked,
    Disabled,
    /// Another secret.
    Wrong,
    /// The application's own.
    Jwt,
    /// Two headers.
    Twice,
}

const ALL: [Shown; 8] = [
    Shown::Nothing,
    Shown::Key,
    Shown::Session,
    Shown::Revoked,
    Shown::Disabled,
    Shown::Wrong,
    Shown::Jwt,
    Shown::Twice,
];

#[derive(Clone, Debug)]
struct Case {
    shown: Shown,
    /// Whether the credential may write; else it may read.
    writes: bool,
    holder: Holder,
    /// What the route asks for: nothing, reading, writing, or one of both.
    asked: u8,
    price: u32,
    credits: u32,
    units: u32,
    requests: u32,
    is_suspended: bool,
}

fn cases() -> impl Strategy<Value = Case> {
    const HOLDERS: [Holder; 3] = [Holder::Any, Holder::Session, Holder::Key];
    (
        (prop::sample::select(&ALL[..]), any::<bool>()),
        (prop::sample::select(&HOLDERS[..]), 0_u8..4),
        (0_u32..3, 0_u32..5, 1_u32..4, 1_u32..5),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(who, route, numbers, is_suspended)| {
            let ((shown, writes), (holder, asked)) = (who, route);
            let (price, credits, units, requests) = numbers;
            Case {
                shown,
                writes,
                holder,
                asked,
                price,
                credits,
                units,
                requests,
                is_suspended,
            }
        })
}

impl Case {
    /// How many of the requests reach the service, by hand from the order of a check.
    fn reach(&self) -> u32 {
        let (is_key, is_session) = match self.shown {
            Shown::Key => (true, false),
            Shown::Session | Shown::Jwt => (false, true),
            _ => return 0,
        };
        let is_held = match self.holder {
            Holder::Any => true,
            Holder::Session => is_session,
            Holder::Key => is_key,
        };
        // In this catalogue writing does not imply reading.
        let is_covered = match self.asked {
            1 => !self.writes,
            2 => self.writes,
            _ => true,
        };
        if self.is_suspended || !is_held || !is_covered {
            return 0;
        }
        let by_rate = self.requests.min(self.units);
        match self.price {
            0 => by_rate,
            price => by_rate.min(self.credits / price),
        }
    }

    fn access(&self) -> Access {
        let access = match self.asked {
            0 => Access::any(),
            1 => Access::scope(READ),
            2 => Access::scope(WRITE),
            _ => Access::requirement(Requirement::any_of([READ, WRITE])),
        };
        access.with_holder(self.holder).with_price(self.price)
    }

    fn scope(&self) -> Scope {
        if self.writes { WRITE } else { READ }
    }
}

#[derive(Debug)]
struct Jwts(Arc<Identity>);

impl Authenticator for Jwts {
    fn authenticate(&self, credential: &[u8]) -> Authentication {
        match credential {
            b"eyJ.own" => Authentication::Accepted(Arc::clone(&self.0)),
            _ => Authentication::NotMine,
        }
    }
}

async fn shown(bed: &TestBed, case: &Case) -> Vec<String> {
    let registry = bed.registry();
    let system = Actor::dangerous_system();
    let key = bed.key([case.scope()]).await;
    let id = registry.format().recognize(key.as_bytes()).unwrap().id();
    match case.shown {
        Shown::Nothing => vec![],
        Shown::Key => vec![key],
        Shown::Session => vec![bed.session([case.scope()]).await],
        Shown::Revoked => {
            let _everywhere = registry.revoke_key(&system, id).await.unwrap();
            vec![key]
        }
        Shown::Disabled => {
            let disable = KeyChange::new().disable();
            registry.change_key(&system, id, disable).await.unwrap();
            vec![key]
        }
        Shown::Wrong => {
            let other = bed.key([case.scope()]).await;
            vec![format!(
                "{}{}",
                key.get(..24).unwrap(),
                other.get(24..).unwrap()
            )]
        }
        Shown::Jwt => vec!["eyJ.own".into()],
        Shown::Twice => vec![key.clone(), key],
    }
}

async fn run(case: &Case) {
    let bed = bed().await;
    let owner = TestBed::OWNER.parse().unwrap();
    let registry = bed.registry();
    registry.ensure_owner(&owner, case.credits).await.unwrap();
    let grant = [case.scope()].into_iter().collect();
    let identity = Identity::new(owner.clone(), "eve".parse().unwrap(), grant);
    let tokens = shown(&bed, case).await;
    if case.is_suspended {
        let suspend = Suspension::Suspended;
        let system = Actor::dangerous_system();
        registry
            .set_suspended(&system, &owner, suspend)
            .await
            .unwrap();
    }
    let limit = format!("{}/60s", case.units).parse().unwrap();
    let gate = bed
        .gate()
        .with_limit(limit)
        .with_authenticator(Jwts(Arc::new(identity)));
    let calls = Calls::default();
    let service = answering(gate.guard(case.access()).unwrap(), 200, &calls);
    let mut passed = 0;
    for _ in 0..case.requests {
        let mut request = Request::get("/notes");
        for token in &tokens {
            request = request.header("x-api-key", token);
        }
        let before = calls.count();
        let answer = service
            .clone()
            .oneshot(request.body(()).unwrap())
            .await
            .unwrap();
        let is_reached = calls.count() > before;
        assert_eq!(answer.status() == StatusCode::OK, is_reached, "{case:?}");
        passed += u32::from(is_reached);
    }
    assert_eq!(passed, case.reach(), "{case:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_service_is_reached_by_those_who_pass_and_by_nobody_else(case in cases()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(&case));
    }
}
