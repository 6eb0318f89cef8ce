//! Four releases of a catalogue and grants stored under each, as a file: what each grant means under
//! every release, the later ones and, after a roll-back, the earlier ones.

#![cfg(feature = "serde")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use portcullis_scope::{Catalogue, Grant, Scope};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixtures {
    releases: Vec<Release>,
    stored: Vec<Stored>,
}

#[derive(Deserialize)]
struct Release {
    name: String,
    catalogue: Catalogue,
}

#[derive(Deserialize)]
struct Stored {
    /// The release that gave it, counted from 0.
    under: usize,
    grant: Grant,
    /// What it means under each release.
    means: Vec<Vec<String>>,
}

fn fixtures() -> Fixtures {
    serde_json::from_str(include_str!("data/releases.json")).unwrap()
}

fn names(catalogue: &Catalogue, grant: &Grant) -> Vec<String> {
    let set = catalogue.resolve(grant);
    catalogue.names(&set).map(ToString::to_string).collect()
}

#[test]
fn each_grant_was_given_under_its_release() {
    let Fixtures { releases, stored } = fixtures();
    let everything = Grant::live("*").unwrap();
    for Stored { under, grant, .. } in stored {
        let given = releases[under].catalogue.attenuate(&everything, &grant);
        assert_eq!(given, Ok(grant));
    }
}

#[test]
fn a_stored_grant_means_under_each_release_what_is_written_down() {
    let Fixtures { releases, stored } = fixtures();
    assert_eq!((releases.len(), stored.len()), (4, 5));
    for Stored { grant, means, .. } in &stored {
        assert_eq!(means.len(), releases.len());
        for (release, meant) in releases.iter().zip(means) {
            let meaning = names(&release.catalogue, grant);
            assert_eq!(meaning, *meant, "{grant:?} under release {}", release.name);
        }
    }
}

/// A release may rewrite what it finds, and the release before or after it finds the rest again.
#[test]
fn a_rewrite_under_one_release_changes_no_answer_under_another() {
    let Fixtures { releases, stored } = fixtures();
    let clips = Scope::from_static("clips:read");
    let renames = |release: &Release| release.catalogue.renamed().count() > 0;
    for Stored { grant, means, .. } in &stored {
        for rewriting in &releases {
            let rewritten = rewriting.catalogue.canonical(grant);
            for (release, meant) in releases.iter().zip(means) {
                // Save that the new name of a renamed scope is stored, which none before it reads.
                let lost = grant.has_name("clips:read") && renames(rewriting) && !renames(release);
                let expected = meant.iter().filter(|name| !lost || clips != name.as_str());
                assert!(
                    names(&release.catalogue, &rewritten).iter().eq(expected),
                    "{grant:?} rewritten under release {} and read under {}",
                    rewriting.name,
                    release.name
                );
            }
        }
    }
}
