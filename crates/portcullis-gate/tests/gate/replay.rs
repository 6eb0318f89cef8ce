//! Under the grant that is suggested for a key, all that it did passes once more.

use portcullis_gate::{Access, Permit};
use portcullis_registry::{Actor, IssuedKey, KeyChange, NewKey};
use portcullis_scope::{Grant, Scope};
use proptest::{collection::vec, prelude::*, sample::subsequence};

use crate::{
    bed::{Bed, acme, check},
    random::{Asked, DECLARED, asked, catalogue, closure, names},
};

/// What is done with a key.
#[derive(Clone, Debug)]
enum Deed {
    /// A request to a route.
    Call(Asked),
    /// A request whose handler asks for more.
    CallThatAsks(Asked),
    /// A key is made by it.
    HandOn(Vec<&'static str>),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => asked().prop_map(Deed::Call),
        1 => asked().prop_map(Deed::CallThatAsks),
        1 => subsequence(names(), 1..3).prop_map(Deed::HandOn),
    ]
}

/// Does it; whether it was let.
async fn is_let(bed: &Bed, key: &IssuedKey, deed: &Deed) -> bool {
    let asked = |asked: &Asked| bed.guard(Access::requirement(asked.requirement()));
    let permit = async |guard| -> Option<Permit> {
        let passed = check(&guard, key.token.expose()).await.ok()?;
        passed.permit().cloned()
    };
    match deed {
        Deed::Call(route) => permit(asked(route)).await.is_some(),
        Deed::CallThatAsks(more) => {
            let permit = permit(bed.guard(Access::any())).await.unwrap();
            permit.require(more.requirement()).is_ok()
        }
        Deed::HandOn(scopes) => {
            let permit = permit(bed.guard(Access::any())).await.unwrap();
            let scopes = scopes.iter().map(|name| name.parse().unwrap());
            let scopes: Vec<Scope> = scopes.collect();
            let new = NewKey::new(acme(), "child", scopes);
            bed.registry.issue_key(&permit.actor(), new).await.is_ok()
        }
    }
}

fn has_any(asked: &Asked) -> bool {
    match asked {
        Asked::One(_) => false,
        Asked::All(parts) => parts.iter().any(has_any),
        Asked::Any(parts) => parts.len() > 1 || parts.iter().any(has_any),
    }
}

impl Deed {
    fn is_single_minded(&self) -> bool {
        match self {
            Self::Call(asked) | Self::CallThatAsks(asked) => !has_any(asked),
            Self::HandOn(_) => true,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_was_let_is_let_under_the_suggestion_and_with_less_something_is_not(
        granted in subsequence(names(), 0..=DECLARED.len()),
        deeds in vec(deed(), 1..12),
        flushes: bool,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let bed = crate::bed::bed_with(catalogue()).await;
            let grant: Vec<Scope> = granted.iter().map(|name| name.parse().unwrap()).collect();
            let key = bed.issue(&grant).await;
            let id = key.key.credential();
            let system = Actor::dangerous_system();
            let mut done = Vec::new();
            for deed in &deeds {
                if is_let(&bed, &key, deed).await {
                    done.push(deed);
                }
                if flushes {
                    bed.registry.flush().await.unwrap();
                }
            }
            let suggested = bed.registry.key_usage(&system, id).await.unwrap().privilege.suggested;
            let suggested: Vec<_> = suggested.names().map(str::to_owned).collect();
            let held = closure(&granted);
            prop_assert!(suggested.iter().all(|name| held.contains(name.as_str())));

            let regrant = async |names: &[String]| {
                let change = KeyChange::new().regrant(Grant::parse(names).unwrap());
                bed.registry.change_key(&system, id, change).await.unwrap();
            };
            regrant(&suggested).await;
            for deed in &done {
                prop_assert!(is_let(&bed, &key, deed).await, "{deed:?} under {suggested:?}");
            }
            // It is the smallest where there was but one way to be let.
            if done.iter().all(|deed| deed.is_single_minded()) {
                for less in 0..suggested.len() {
                    // Without one, but with all that this one implies.
                    let mut names = suggested.clone();
                    let gone = names.remove(less);
                    let implied = DECLARED.iter().find(|(name, _)| *name == gone).unwrap().1;
                    names.extend(implied.iter().map(|name| (*name).to_owned()));
                    regrant(&names).await;
                    let mut refused = false;
                    for deed in &done {
                        refused |= !is_let(&bed, &key, deed).await;
                    }
                    prop_assert!(refused, "{names:?} would do, {suggested:?} was suggested");
                }
            }
            Ok(())
        })?;
    }
}
