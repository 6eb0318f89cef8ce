//! What it costs to check scopes, and to read and write them, beside peers.
//!
//! The ids say how much work is in a number: oxide-auth has no implication, Cedar and casbin
//! evaluate policies that could say far more than scopes do. `docs/performance.md` has the figures
//! and how to read them.

#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first thing that doesn't work"
)]

use std::{
    collections::HashSet,
    hint::black_box,
    pin::pin,
    task::{self, Poll, Waker},
};

use casbin::{CoreApi, DefaultModel, Enforcer, Model, StringAdapter};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request,
};
use criterion::{Criterion, criterion_group, criterion_main};
use oxide_auth::primitives::scope::Scope as OxideScope;
use portcullis_scope::{Catalogue, CompiledRequirement, Grant, Requirement, Scope, ScopeSet};

/// Seven resources that each can be read and written: fourteen names, in the order of their text.
const RESOURCES: [&str; 7] = [
    "accounts",
    "analytics",
    "brands",
    "media",
    "members",
    "posts",
    "webhooks",
];

/// The scopes that a catalogue can have.
const SCOPES: usize = 256;

/// The sets of an array that a branch predictor and a first-level cache can't know by heart.
const SETS: usize = 1_024;

fn fourteen() -> Vec<String> {
    let names = RESOURCES.iter().flat_map(|resource| {
        let name = |action| format!("{resource}:{action}");
        ["read", "write"].map(name)
    });
    names.collect()
}

/// The fourteen and others to 256, where to write a resource implies to read it.
fn catalogue() -> Catalogue {
    let others = (RESOURCES.len()..SCOPES / 2).map(|at| format!("resource{at}"));
    let resources = RESOURCES.iter().map(|&name| name.to_owned()).chain(others);
    let declared = resources.fold(Catalogue::builder(), |all, resource| {
        let (read, write) = (format!("{resource}:read"), format!("{resource}:write"));
        all.scope(&read, "").scope_implying(&write, [&read], "")
    });
    declared.build().unwrap()
}

/// `SplitMix64`, for sets that are the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Closed sets of every size: each declared scope with a chance that is drawn for the set.
fn random_sets(catalogue: &Catalogue) -> Vec<ScopeSet> {
    let mut random = Random(2026);
    let sets = (0..SETS).map(|_| {
        let chance = random.next();
        let names = catalogue
            .scopes()
            .map(|entry| entry.scope)
            .filter(|_| random.next() < chance);
        catalogue.set(names).unwrap()
    });
    sets.collect()
}

/// What routes ask for, spread over all four words of a set.
fn requirements(catalogue: &Catalogue) -> [(&'static str, CompiledRequirement); 5] {
    let writes: Vec<&Scope> = catalogue
        .scopes()
        .map(|entry| entry.scope)
        .filter(|scope| scope.action() == "write")
        .collect();
    let spread = |count: usize| {
        writes
            .iter()
            .copied()
            .step_by(writes.len() / count)
            .take(count)
    };
    let pairs = writes
        .chunks(2)
        .map(|pair| Requirement::all_of(pair.iter().copied()));
    [
        ("one scope", Requirement::any_of(spread(1))),
        ("all of 3", Requirement::all_of(spread(3))),
        ("any of 4", Requirement::any_of(spread(4))),
        ("any of 64", Requirement::any_of(spread(64))),
        ("any of 64 pairs", Requirement::any_of(pairs)),
    ]
    .map(|(name, required)| (name, required.compile(catalogue).unwrap()))
}

fn check(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let sets = random_sets(&catalogue);
    let mut group = criterion.benchmark_group("check, 256 scopes declared");
    for (name, required) in requirements(&catalogue) {
        // The last alternative alone, so that every other one is looked at before it.
        let covering = *required.alternatives().last().unwrap();
        for (answer, granted) in [("covered", covering), ("lacking", ScopeSet::EMPTY)] {
            assert_eq!(required.is_covered_by(&granted), answer == "covered");
            group.bench_function(format!("{name}, {answer}, a hot set"), |bencher| {
                bencher.iter(|| black_box(&required).is_covered_by(black_box(&granted)));
            });
        }
        group.bench_function(format!("{name}, 1,024 checks of random sets"), |bencher| {
            let covers = |granted: &&ScopeSet| black_box(&required).is_covered_by(granted);
            bencher.iter(|| black_box(&sets).iter().filter(covers).count());
        });
    }
    group.finish();

    let mut group = criterion.benchmark_group("covers, 256 scopes declared");
    for (name, required) in requirements(&catalogue) {
        let id = format!("{name}, lacking: missing and sufficient (allocates)");
        group.bench_function(id, |bencher| {
            bencher.iter(|| required.covers(black_box(&ScopeSet::EMPTY)));
        });
    }
    group.finish();
}

fn text(criterion: &mut Criterion) {
    let catalogue = catalogue();
    let names = fourteen();
    let (in_order, reversed) = (
        names.join(" "),
        names
            .iter()
            .rev()
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" "),
    );
    let grant: Grant = in_order.parse().unwrap();
    let set = catalogue.resolve(&grant);
    let mut group = criterion.benchmark_group("text, 14 names");
    for (order, text) in [("in order", &in_order), ("in reverse", &reversed)] {
        group.bench_function(format!("parse to a Grant, {order}"), |bencher| {
            bencher.iter(|| black_box(text.as_str()).parse::<Grant>().is_ok());
        });
    }
    group.bench_function(
        "parse + resolve to a ScopeSet of 256, in order",
        |bencher| {
            bencher.iter(|| {
                let grant: Grant = black_box(in_order.as_str()).parse().unwrap();
                catalogue.resolve(&grant)
            });
        },
    );
    group.bench_function("resolve to a ScopeSet of 256", |bencher| {
        bencher.iter(|| catalogue.resolve(black_box(&grant)));
    });
    group.bench_function("render a Grant", |bencher| {
        bencher.iter(|| black_box(&grant).to_string());
    });
    group.bench_function(
        "render a ScopeSet of 256, minimal form (7 names)",
        |bencher| {
            bencher.iter(|| catalogue.grant(black_box(&set)).to_string());
        },
    );
    for (answer, giver) in [("given", catalogue.all()), ("refused", ScopeSet::EMPTY)] {
        group.bench_function(
            format!("attenuate, 256 scopes declared, {answer}"),
            |bencher| {
                bencher.iter(|| catalogue.attenuate(black_box(&giver), black_box(&grant)));
            },
        );
    }
    group.finish();
}

/// It has no implication, so that all fourteen names are in the grant.
fn oxide_auth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("oxide-auth");
    let text = fourteen().join(" ");
    let granted: OxideScope = text.parse().unwrap();
    group.bench_function("parse, 14 names", |bencher| {
        bencher.iter(|| black_box(text.as_str()).parse::<OxideScope>().is_ok());
    });
    group.bench_function("render, 14 names (in any order)", |bencher| {
        bencher.iter(|| black_box(&granted).to_string());
    });
    for (name, asked, covered) in [
        ("one scope, covered", "posts:read", true),
        ("one scope, lacking", "posts:purge", false),
        (
            "all of 3, covered",
            "posts:read brands:read media:write",
            true,
        ),
    ] {
        let required: OxideScope = asked.parse().unwrap();
        assert_eq!(granted.priviledged_to(&required), covered);
        let id = format!("privilege compare, 14 granted, {name} (no implication)");
        group.bench_function(id, |bencher| {
            bencher.iter(|| black_box(&granted).priviledged_to(black_box(&required)));
        });
    }
    group.finish();
}

/// What a key that may write posts asks for: what its scope implies, and what it lacks.
const REQUESTS: [(&str, &str, bool); 2] = [
    ("covered by inheritance", "posts:read", true),
    ("lacking", "webhooks:write", false),
];

/// Scopes are roles: to write a resource inherits what may read it. A policy for each scope.
fn casbin(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("casbin");
    let one = ["posts:read".to_owned()];
    for (policies, scopes) in [("1 policy", one.as_slice()), ("14 policies", &fourteen())] {
        let enforcer = enforcer(scopes);
        for (answer, scope, covered) in REQUESTS {
            assert_eq!(enforcer.enforce(("key", scope)).unwrap(), covered);
            group.bench_function(format!("enforce, {policies}, {answer}"), |bencher| {
                bencher.iter(|| {
                    enforcer
                        .enforce((black_box("key"), black_box(scope)))
                        .unwrap()
                });
            });
        }
    }
    group.finish();
}

fn enforcer(scopes: &[String]) -> Enforcer {
    let mut model = DefaultModel::default();
    for (section, value) in [
        ("r", "key, scope"),
        ("p", "role, scope"),
        ("g", "_, _"),
        ("e", "some(where (p.eft == allow))"),
        // The cheap half first: most policies are of another scope.
        ("m", "r.scope == p.scope && g(r.key, p.role)"),
    ] {
        assert!(model.add_def(section, section, value));
    }
    let policies = scopes.iter().map(|scope| format!("p, {scope}, {scope}\n"));
    let inherited = RESOURCES
        .iter()
        .map(|name| format!("g, {name}:write, {name}:read\n"));
    let table: String = policies
        .chain(inherited)
        .chain(["g, key, posts:write".to_owned()])
        .collect();
    at_once(Enforcer::new(model, StringAdapter::new(table))).unwrap()
}

/// What a future gives that never waits.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let polled = pin!(future).poll(&mut task::Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
    .unwrap()
}

/// As for casbin, with scopes as ancestors of the key; the request and the entities are at hand.
fn cedar(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cedar-policy");
    let authorizer = Authorizer::new();
    let (entities, key) = (entities(), uid("Key", "key"));
    let one = ["posts:read".to_owned()];
    for (policies, scopes) in [("1 policy", one.as_slice()), ("14 policies", &fourteen())] {
        let statements = scopes.iter().map(|scope| {
            format!(
                r#"permit(principal in Scope::"{scope}", action == Action::"{scope}", resource);"#
            )
        });
        let set: PolicySet = statements.collect::<String>().parse().unwrap();
        for (answer, scope, covered) in REQUESTS {
            let (action, resource) = (uid("Action", scope), uid("Service", "api"));
            let request = Request::new(key.clone(), action, resource, Context::empty(), None);
            let request = request.unwrap();
            let decision = authorizer
                .is_authorized(&request, &set, &entities)
                .decision();
            assert_eq!(decision == Decision::Allow, covered);
            group.bench_function(format!("is_authorized, {policies}, {answer}"), |bencher| {
                bencher.iter(|| {
                    let response = authorizer.is_authorized(black_box(&request), &set, &entities);
                    response.decision()
                });
            });
        }
    }
    group.finish();
}

fn entities() -> Entities {
    let key = ("Key", "key".to_owned(), Some("posts:write".to_owned()));
    let scopes = RESOURCES.iter().flat_map(|name| {
        let (read, write) = (format!("{name}:read"), format!("{name}:write"));
        [("Scope", read.clone(), None), ("Scope", write, Some(read))]
    });
    let entities = scopes.chain([key]).map(|(kind, name, parent)| {
        let parents: HashSet<_> = parent.iter().map(|scope| uid("Scope", scope)).collect();
        Entity::new_no_attrs(uid(kind, &name), parents)
    });
    Entities::from_entities(entities, None).unwrap()
}

fn uid(kind: &str, name: &str) -> EntityUid {
    format!(r#"{kind}::"{name}""#).parse().unwrap()
}

criterion_group!(benches, check, text, oxide_auth, casbin, cedar);
criterion_main!(benches);
