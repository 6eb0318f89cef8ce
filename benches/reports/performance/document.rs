//! The report as a document: what was measured, in the texts that stay.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    Failure,
    criterion::Estimates,
    http::Http,
    issuing::Issuing,
    machine,
    memory::Memory,
    numbers::or_dash,
    options::{Benches, Options, Section},
    pictures,
    start_up::StartUp,
    targets,
    template::{Texts, fill, wrapped},
    threads::Threads,
};

/// In their order.
const NOTES: [&str; 5] = [
    include_str!("notes/whole.md"),
    include_str!("notes/credentials.md"),
    include_str!("notes/scopes.md"),
    include_str!("notes/limits.md"),
    include_str!("notes/time.md"),
];

pub(crate) const HOT: &str = "whole decision/hot key";
pub(crate) const BARE: &str = "tower layer/bare service";
pub(crate) const LAYER: &str = "tower layer/ours: key, scope, limit, headers";
pub(crate) const TOWER_GOVERNOR: &str = "tower layer/tower_governor: limit, headers";
pub(crate) const OUR_KEYS: &str = "keys/ours";
pub(crate) const GOVERNOR_KEYS: &str = "keys/governor, the limit alone";
const KEYS: [u32; 5] = [1, 1_000, 100_000, 1_000_000, 10_000_000];

/// What a run has measured.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) estimates: Estimates,
    pub(crate) threads: Option<Threads>,
    pub(crate) memory: Option<Memory>,
    pub(crate) http: Option<Http>,
    pub(crate) start_up: Option<StartUp>,
    pub(crate) issuing: Option<Issuing>,
}

/// Writes the document and its pictures.
pub(crate) fn write(options: &Options, figures: &Figures) -> Result<PathBuf, Failure> {
    let folder = options.folder();
    fs::create_dir_all(folder.join("img"))?;
    let mut texts = texts(options, figures)?;
    for picture in pictures::of(figures)? {
        let file = format!("img/performance-{}.svg", picture.name);
        texts.insert(
            picture.field,
            keep(&folder, &file, picture.title, picture.svg)?,
        );
    }
    let notes = NOTES.concat();
    let path = folder.join("performance.md");
    fs::write(&path, wrapped(&fill(&notes, &figures.estimates, &texts)?))?;
    Ok(path)
}

/// Keeps a picture and shows it; removes an older one of which this run has nothing.
fn keep(folder: &Path, file: &str, title: &str, svg: Option<String>) -> Result<String, Failure> {
    let path = folder.join(file);
    match svg {
        Some(svg) => {
            fs::write(path, svg)?;
            Ok(format!("![{title}]({file})"))
        }
        None if path.exists() => {
            fs::remove_file(path)?;
            Ok(String::new())
        }
        None => Ok(String::new()),
    }
}

fn texts(options: &Options, figures: &Figures) -> Result<Texts, Failure> {
    let missing = || Ok("Not measured in this run.".to_owned());
    let benches = match options.benches {
        Benches::AsLeft if options.has(Section::Bench) => {
            " (but for criterion's figures, which an earlier run on it has left)"
        }
        _ => "",
    };
    Ok(Texts::from([
        ("benches", benches.to_owned()),
        ("machine", machine::described()?),
        ("targets", targets::table(&targets::of(figures))),
        ("keys", keys(&figures.estimates)),
        (
            "threads",
            figures
                .threads
                .as_ref()
                .map_or_else(missing, Threads::table)?,
        ),
        (
            "memory",
            figures
                .memory
                .as_ref()
                .map_or_else(missing, Memory::table)?,
        ),
        (
            "start-up",
            figures
                .start_up
                .as_ref()
                .map_or_else(missing, StartUp::table)?,
        ),
        (
            "issuing",
            figures
                .issuing
                .as_ref()
                .map_or_else(missing, Issuing::table)?,
        ),
        (
            "http",
            figures.http.as_ref().map_or_else(missing, Http::table)?,
        ),
    ]))
}

fn keys(estimates: &Estimates) -> String {
    let mut text = String::from(
        "| keys | the whole decision | `governor`, the limit alone |\n|---|---|---|\n",
    );
    for number in KEYS {
        let of = |function: &str| or_dash(estimates.median(&format!("{function}/{number}")));
        let shown = crate::numbers::short(number.into()).replace(".0", "");
        let (ours, theirs) = (of(OUR_KEYS), of(GOVERNOR_KEYS));
        text.push_str(&format!("| {shown} | {ours} | {theirs} |\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_measured_is_left_out_and_never_made_up() {
        let options = Options::parse(&["threads".to_owned()]).unwrap();
        let (figures, mut texts) = (
            Figures::default(),
            texts(&options, &Figures::default()).unwrap(),
        );
        for picture in pictures::of(&figures).unwrap() {
            assert!(picture.svg.is_none(), "{}", picture.name);
            texts.insert(picture.field, String::new());
        }
        let filled = fill(&NOTES.concat(), &figures.estimates, &texts).unwrap();
        assert!(!filled.contains("{{") && !filled.contains("}}"));
        assert!(!filled.contains(", met |") && !filled.contains("| met |"));
        assert_eq!(filled.matches("Not measured in this run.").count(), 5);
        assert!(filled.contains("| 1,000,000 | – | – |"));
    }

    #[test]
    fn an_older_picture_goes_when_there_is_no_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.svg");
        let shown = keep(folder.path(), "a.svg", "A", Some("<svg/>".into())).unwrap();
        assert_eq!((shown.as_str(), path.exists()), ("![A](a.svg)", true));
        assert_eq!(keep(folder.path(), "a.svg", "A", None).unwrap(), "");
        assert!(!path.exists());
    }
}
