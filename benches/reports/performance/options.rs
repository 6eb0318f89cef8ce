//! What is measured, and where it is written.

use std::path::{Path, PathBuf};

use crate::Failure;

/// A part of the report that can be measured by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Section {
    Bench,
    Threads,
    Memory,
    Http,
    StartUp,
    Issuing,
}

impl Section {
    const ALL: [(&'static str, Self); 6] = [
        ("bench", Self::Bench),
        ("threads", Self::Threads),
        ("memory", Self::Memory),
        ("http", Self::Http),
        ("start-up", Self::StartUp),
        ("issuing", Self::Issuing),
    ];
}

/// How much is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Size {
    Full,
    /// Too little for a figure: to see that it works.
    Quick,
}

impl Size {
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// Where criterion's figures come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Benches {
    Run,
    /// As an earlier run has left them.
    AsLeft,
}

#[derive(Debug)]
pub(crate) struct Options {
    sections: Vec<Section>,
    pub(crate) size: Size,
    pub(crate) benches: Benches,
}

impl Options {
    pub(crate) fn parse(arguments: &[String]) -> Result<Self, Failure> {
        let mut options = Self {
            sections: Vec::new(),
            size: Size::Full,
            benches: Benches::Run,
        };
        for argument in arguments {
            let named = Section::ALL.iter().find(|(name, _)| name == argument);
            match (argument.as_str(), named) {
                (_, Some((_, section))) => options.sections.push(*section),
                ("--quick", None) => options.size = Size::Quick,
                ("--no-bench", None) => options.benches = Benches::AsLeft,
                (other, None) => {
                    let names = Section::ALL.map(|(name, _)| name).join(", ");
                    let message = format!("no section `{other}`; there are {names}");
                    return Err(message.into());
                }
            }
        }
        Ok(options)
    }

    pub(crate) fn has(&self, section: Section) -> bool {
        self.sections.is_empty() || self.sections.contains(&section)
    }

    /// Where the document is written: a run of a part never takes the place of a whole one.
    pub(crate) fn folder(&self) -> PathBuf {
        if self.sections.is_empty() && self.size == Size::Full {
            workspace().join("docs")
        } else {
            target().join("performance")
        }
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where cargo builds, and criterion leaves its figures.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, Failure> {
        let arguments: Vec<String> = text.split_whitespace().map(String::from).collect();
        Options::parse(&arguments)
    }

    #[test]
    fn only_a_whole_run_is_written_to_the_docs() {
        for (text, is_whole) in [
            ("", true),
            ("--no-bench", true),
            ("--quick", false),
            ("threads", false),
            ("threads memory --no-bench", false),
        ] {
            let folder = parse(text).unwrap().folder();
            assert_eq!(folder.ends_with("docs"), is_whole, "{text}");
        }
    }

    #[test]
    fn what_is_named_is_measured_and_nothing_else() {
        let some = parse("start-up issuing --quick").unwrap();
        assert!(some.has(Section::StartUp) && some.has(Section::Issuing));
        assert!(!some.has(Section::Bench) && !some.has(Section::Http));
        assert!(
            Section::ALL
                .iter()
                .all(|(_, section)| parse("").unwrap().has(*section))
        );
        let message = parse("thread").unwrap_err().to_string();
        assert!(message.contains("`thread`"), "{message}");
    }
}
