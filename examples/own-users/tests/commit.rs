//! The commit that adds Portcullis is small, and the guide shows it as it is.
#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The most lines that may be added or removed.
const MOST: usize = 30;

fn after() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn before() -> PathBuf {
    after().with_file_name("own-users-before")
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap();
    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    entries.map(|entry| name(entry.unwrap())).collect()
}

/// The commit as `diff` says it, but for the name of the package, which can't be the same.
fn commit() -> String {
    let sources = names_in(&after().join("src"));
    assert_eq!(sources, names_in(&before().join("src")));
    let sources = sources.iter().map(|name| format!("src/{name}"));
    let files = std::iter::once("Cargo.toml".to_owned()).chain(sources);
    let diff = |file: String| {
        let diff = Command::new("diff")
            .args(["-u", "-I", "^name = ", "--label", &format!("a/{file}")])
            .args(["--label", &format!("b/{file}")])
            .args([before().join(&file), after().join(&file)])
            .output()
            .expect("diff is missing: install diffutils");
        assert!(matches!(diff.status.code(), Some(0 | 1)), "{diff:?}");
        String::from_utf8(diff.stdout).unwrap()
    };
    files.map(diff).collect()
}

fn is_change(line: &&str) -> bool {
    line.starts_with(['+', '-']) && !line.starts_with("+++ b/") && !line.starts_with("--- a/")
}

#[test]
fn at_most_thirty_lines_are_changed() {
    let commit = commit();
    let changed = commit.lines().filter(is_change).count();
    assert!((1..=MOST).contains(&changed), "{changed} lines\n{commit}");
}

#[test]
fn the_guide_shows_the_commit_verbatim() {
    let guide = fs::read_to_string(after().join("../../docs/own-users.md")).unwrap();
    let shown = guide.split("```diff\n").skip(1);
    let shown: String = shown
        .map(|rest| rest.split("```\n").next().unwrap())
        .collect();
    let commit = commit();
    assert_eq!(shown, commit, "the commit is\n{commit}");
}

#[test]
fn the_tests_of_the_app_are_what_they_were() {
    for file in ["tests/app.rs", "tests/common/mod.rs"] {
        let read = |folder: &Path| fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!(read(after()), read(&before()), "{file}");
    }
}
