//! Lists of names are read both ways, and mean what sets of strings mean.

use std::collections::BTreeSet;

use portcullis_scope::{AttenuateError, Catalogue, Giver, Grant, Scope, ScopeSet, UnknownScope};

use super::{
    grammar::Grammar,
    list,
    oracle::{Names, Oracle, without},
    table::Table,
};

/// The first line declares a catalogue, the second is what a giver has, the rest what is wanted.
///
/// - A catalogue is built exactly if nothing is wrong with it.
/// - A list is read exactly if all its names are, sorted and each once, and shown as it is read.
/// - What lists mean in the catalogue is what sets of strings mean.
/// - What is given is what was wanted, and never more than the giver has.
/// - The bytes as the JSON of a catalogue or a list are read or refused, and what is read is
///   written the same.
///
/// # Panics
/// If one of them doesn't hold.
pub fn scope_list(data: &[u8]) {
    json(data);
    let text = String::from_utf8_lossy(data);
    let mut lines = text.splitn(3, '\n');
    let mut next = || lines.next().unwrap_or_default();
    let table = Table::read(next());
    let catalogue = table.build();
    let giver = list::read(next(), catalogue.as_ref());
    let wanted = list::read(next(), catalogue.as_ref());
    let Some(catalogue) = catalogue else {
        return;
    };
    written_the_same(&catalogue);
    let oracle = Oracle::new(&table);
    for grant in giver.iter().chain(&wanted) {
        means(&oracle, &catalogue, grant);
    }
    if let (Some(giver), Some(wanted)) = (giver, wanted) {
        compared(&oracle, &catalogue, &giver, &wanted);
        let held = catalogue.resolve(&giver);
        given(&oracle, &catalogue, Giver::Set(&held), &giver, &wanted);
        given(&oracle, &catalogue, Giver::Grant(&giver), &giver, &wanted);
    }
}

fn json(data: &[u8]) {
    if let Ok(catalogue) = serde_json::from_slice::<Catalogue>(data) {
        assert!(catalogue.len() <= 256);
        written_the_same(&catalogue);
    }
    let written = serde_json::from_slice::<Vec<String>>(data).ok();
    let names = written.filter(|names| names.iter().all(|name| Grammar::Name.has(name)));
    let read = serde_json::from_slice::<Grant>(data).ok();
    let read = read.map(|grant| grant.names().map(str::to_owned).collect::<BTreeSet<_>>());
    assert_eq!(read, names.map(|names| names.into_iter().collect()));
}

fn written_the_same(catalogue: &Catalogue) {
    let json = serde_json::to_string(catalogue).unwrap_or_default();
    let Ok(read) = serde_json::from_str::<Catalogue>(&json) else {
        assert_eq!(json, "the JSON of a catalogue");
        return;
    };
    assert_eq!(read.fingerprint(), catalogue.fingerprint());
    assert!(serde_json::to_string(&read).is_ok_and(|again| again == json));
    let shown = |catalogue: &Catalogue| {
        let scopes = catalogue.scopes().map(|entry| format!("{entry:?}"));
        let retired = catalogue.retired().map(|name| format!("!{name}"));
        let renamed = catalogue.renamed().map(|(old, new)| format!("{old}={new}"));
        scopes.chain(retired).chain(renamed).collect::<Vec<_>>()
    };
    assert_eq!(shown(&read), shown(catalogue));
}

fn strings<'c>(scopes: impl IntoIterator<Item = &'c Scope>) -> Vec<&'c str> {
    scopes.into_iter().map(Scope::as_str).collect()
}

fn same(oracle: &Oracle<'_>, catalogue: &Catalogue, set: &ScopeSet, expected: &Names<'_>) {
    let names = strings(catalogue.names(set));
    assert_eq!(names, oracle.in_order(expected));
    assert_eq!(usize::try_from(set.len()), Ok(expected.len()));
}

fn means(oracle: &Oracle<'_>, catalogue: &Catalogue, grant: &Grant) {
    let (held, set) = (oracle.resolve(grant.names()), catalogue.resolve(grant));
    same(oracle, catalogue, &set, &held);
    let minimal = oracle.in_order(&oracle.minimal(&held));
    assert_eq!(strings(catalogue.minimal(&set)), minimal);
    assert_eq!(catalogue.set(&minimal), Ok(set));
    assert_eq!(Grant::parse(&minimal), Ok(catalogue.grant(&set)));
    for scope in catalogue.scopes().map(|entry| entry.scope) {
        assert_eq!(catalogue.holds(&set, scope), held.contains(scope.as_str()));
    }

    let unknown = grant.names().enumerate().find(|(_, name)| {
        let is_everything = ["*", "*@live"].contains(name);
        !is_everything && oracle.meaning(name).is_empty()
    });
    let found = catalogue.check_known(grant).err();
    assert_eq!(found.as_ref().map(place), unknown);

    let canonical = catalogue.canonical(grant);
    let expected = canonical_names(oracle, grant);
    assert_eq!(Grant::parse(expected).as_ref(), Ok(&canonical));
    assert_eq!(catalogue.resolve(&canonical), set);
    assert_eq!(catalogue.canonical(&canonical), canonical);
}

fn place(unknown: &UnknownScope) -> (usize, &str) {
    (unknown.index(), unknown.name().unwrap_or_default())
}

/// Wildcards and unknown names stay; of the others, those that no other name implies.
fn canonical_names<'g>(oracle: &Oracle<'g>, grant: &'g Grant) -> Names<'g> {
    let wildcards = grant.names().filter(|name| name.contains('*'));
    let by_wildcards = oracle.resolve(wildcards.clone());
    let plain = || grant.names().filter(|name| !name.contains('*'));
    let known: Names<'_> = plain().flat_map(|name| oracle.meaning(name)).collect();
    let unknown = plain().filter(|name| oracle.meaning(name).is_empty());
    let is_implied = |name: &&str| {
        by_wildcards.contains(name) || known.iter().any(|other| oracle.implies(other, name))
    };
    let left = known.iter().copied().filter(|name| !is_implied(name));
    wildcards.chain(unknown).chain(left).collect()
}

fn compared(oracle: &Oracle<'_>, catalogue: &Catalogue, one: &Grant, other: &Grant) {
    let names = [one, other].map(|grant| oracle.resolve(grant.names()));
    let sets = [one, other].map(|grant| catalogue.resolve(grant));
    let ([a, b], [c, d]) = (&names, &sets);
    assert_eq!(c.is_subset_of(d), a.is_subset(b));
    same(oracle, catalogue, &c.union(d), &(a | b));
    same(oracle, catalogue, &c.intersect(d), &(a & b));
    let both = catalogue.intersect(one, other);
    assert_eq!(catalogue.resolve(&both), c.intersect(d));
    let lacking = oracle.minimal(&without(a, b));
    assert_eq!(strings(catalogue.missing(c, d)), oracle.in_order(&lacking));

    let gone = other.entries().find_map(|name| name.scope());
    if let Some(gone) = gone {
        let meant = oracle.meaning(gone.as_str());
        let Some(meant) = meant.first() else {
            assert!(catalogue.revoke(c, &gone).is_err());
            assert!(catalogue.revoke_in(one, &gone).is_err());
            return;
        };
        let has_it = |name: &&str| name == meant || oracle.implies(name, meant);
        let left: Names<'_> = a.iter().copied().filter(|name| !has_it(name)).collect();
        let revoked = catalogue.revoke(c, &gone);
        assert!(revoked.is_ok());
        same(oracle, catalogue, &revoked.unwrap_or_default(), &left);
        let revoked = catalogue.revoke_in(one, &gone);
        let revoked = revoked.map(|grant| catalogue.resolve(&grant));
        same(oracle, catalogue, &revoked.unwrap_or_default(), &left);
    }
}

fn given(
    oracle: &Oracle<'_>,
    catalogue: &Catalogue,
    giver: Giver<'_>,
    held: &Grant,
    wanted: &Grant,
) {
    let stays_live = |name: &str| {
        let has_it_live = held.entries().filter(|held| held.is_live()).any(|held| {
            let wanted = wanted.entries().find(|wanted| wanted.as_str() == name);
            wanted.is_some_and(|wanted| held.includes(wanted))
        });
        matches!(giver, Giver::Grant(_)) && name.ends_with("@live") && has_it_live
    };
    let unknown = wanted.names().enumerate().find(|(_, name)| {
        let is_known = ["*", "*@live"].contains(name) || !oracle.meaning(name).is_empty();
        !is_known && !stays_live(name)
    });
    let reach = oracle.resolve(held.names());
    let touched = oracle.resolve(wanted.names());
    let excess = oracle.minimal(&without(&touched, &reach));
    match catalogue.attenuate(giver, wanted) {
        Err(AttenuateError::Unknown(error)) => assert_eq!(Some(place(&error)), unknown),
        Err(AttenuateError::Excess(scopes)) => {
            assert_eq!(unknown, None);
            assert!(!excess.is_empty());
            assert_eq!(strings(&scopes), oracle.in_order(&excess));
        }
        Ok(grant) => {
            assert_eq!(unknown, None);
            assert_eq!(excess, Names::new());
            let names = wanted.names().flat_map(|name| match stays_live(name) {
                true => vec![name],
                false => oracle.meaning(name),
            });
            assert_eq!(Grant::parse(names).as_ref(), Ok(&grant));
            let allowed = catalogue.resolve(&grant);
            assert!(allowed.is_subset_of(&catalogue.resolve(held)));
            assert_eq!(allowed, catalogue.resolve(wanted));
        }
        Err(other) => assert_eq!(other.to_string(), "a refusal that is known here"),
    }
}
