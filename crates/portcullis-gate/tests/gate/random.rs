//! No handler is reached by a request that should be denied: random gates against sets of strings.

use std::collections::BTreeSet;

use portcullis_gate::{Access, Holder};
use portcullis_scope::{Catalogue, Grant, Requirement, Scope};
use proptest::{collection::vec, prelude::*, sample::subsequence};

use crate::bed::bearer;

/// The scopes, and what each implies directly.
pub(crate) const DECLARED: [(&str, &[&str]); 7] = [
    ("a:read", &[]),
    ("a:write", &["a:read"]),
    ("b:read", &[]),
    ("b:write", &["b:read"]),
    ("c:any", &[]),
    ("both:write", &["a:write", "b:write"]),
    ("all:admin", &["both:write", "c:any"]),
];

pub(crate) fn catalogue() -> Catalogue {
    let declare = |builder: portcullis_scope::CatalogueBuilder,
                   (name, implied): &(&str, &[&str])| {
        builder.scope_implying(name, implied.iter().copied(), "")
    };
    DECLARED
        .iter()
        .fold(Catalogue::builder(), declare)
        .build()
        .unwrap()
}

/// All that these names allow, by following the table.
pub(crate) fn closure(names: &[&'static str]) -> BTreeSet<&'static str> {
    let mut held = BTreeSet::new();
    let mut left = names.to_vec();
    while let Some(name) = left.pop() {
        if held.insert(name) {
            let implied = DECLARED.iter().find(|(declared, _)| *declared == name);
            left.extend(implied.unwrap().1);
        }
    }
    held
}

#[derive(Clone, Debug)]
pub(crate) enum Asked {
    One(&'static str),
    All(Vec<Self>),
    Any(Vec<Self>),
}

impl Asked {
    fn is_met(&self, held: &BTreeSet<&str>) -> bool {
        match self {
            Self::One(name) => held.contains(name),
            Self::All(parts) => parts.iter().all(|part| part.is_met(held)),
            Self::Any(parts) => parts.iter().any(|part| part.is_met(held)),
        }
    }

    pub(crate) fn requirement(&self) -> Requirement {
        match self {
            Self::One(name) => Requirement::scope(name.parse().unwrap()),
            Self::All(parts) => Requirement::all_of(parts.iter().map(Self::requirement)),
            Self::Any(parts) => Requirement::any_of(parts.iter().map(Self::requirement)),
        }
    }
}

pub(crate) fn names() -> Vec<&'static str> {
    DECLARED.iter().map(|(name, _)| *name).collect()
}

pub(crate) fn asked() -> impl Strategy<Value = Asked> {
    let one = proptest::sample::select(names()).prop_map(Asked::One);
    one.prop_recursive(3, 12, 3, |part| {
        prop_oneof![
            vec(part.clone(), 1..4).prop_map(Asked::All),
            vec(part, 1..4).prop_map(Asked::Any),
        ]
    })
}

fn holder() -> impl Strategy<Value = Holder> {
    prop_oneof![Just(Holder::Any), Just(Holder::Key), Just(Holder::Session)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_handler_is_reached_exactly_by_those_who_may(
        asked in asked(),
        granted in subsequence(names(), 0..=DECLARED.len()),
        holder in holder(),
        is_session: bool,
        is_warm: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bed = crate::bed::bed_with(catalogue()).await;
            let access = Access::requirement(asked.requirement()).with_holder(holder);
            let guard = bed.guard(access);
            let grant: Vec<Scope> = granted.iter().map(|name| name.parse().unwrap()).collect();
            let token = if is_session {
                bed.session(&grant).await
            } else {
                bed.key(&grant).await
            };
            if is_warm {
                bed.warm(&token).await;
            }
            let held = closure(&granted);
            let verdict = guard.check(&bearer(&token), None).await;
            let expected = match (holder, is_session) {
                (Holder::Session, false) => Some("session_required"),
                (Holder::Key, true) => Some("key_required"),
                _ if asked.is_met(&held) => None,
                _ => Some("insufficient_scope"),
            };
            prop_assert_eq!(verdict.as_ref().err().map(|denial| denial.code()), expected);

            // What the denial calls enough is enough, and nothing of it was held.
            let Err(denial) = verdict else { return Ok(()) };
            if let portcullis_error::Cause::InsufficientScope { sufficient, missing, .. } = denial.cause {
                prop_assert!(missing.iter().all(|name| !held.contains(&**name)));
                let more = Grant::parse(sufficient.iter().map(|name| &**name)).unwrap();
                let more: Vec<Scope> = more.names().map(|name| name.parse().unwrap()).collect();
                let both = bed.key(&[grant, more].concat()).await;
                if holder != Holder::Session {
                    prop_assert!(guard.check(&bearer(&both), None).await.is_ok());
                }
            }
            Ok(())
        })?;
    }
}
