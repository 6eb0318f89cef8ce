//! Why the server can't be started.

use std::{fmt, io, path::Path};

/// Why the server can't be started with what it was given: one line, without any secret.
#[derive(Debug)]
pub(crate) struct SettingsError(String);

impl SettingsError {
    /// What is wrong with the value of an option, wherever it came from.
    pub(super) fn option(name: &str, what: impl fmt::Display) -> Self {
        Self::line(format_args!("option `{name}`: {what}"))
    }

    /// What is wrong with a variable.
    pub(super) fn variable(name: &str, what: impl fmt::Display) -> Self {
        Self::line(format_args!("variable `{name}`: {what}"))
    }

    /// What is wrong with the file of options.
    pub(super) fn file(path: &Path, what: impl fmt::Display) -> Self {
        Self::line(format_args!("options file `{}`: {what}", path.display()))
    }

    /// The first paragraph of what clap says; the rest are hints.
    pub(super) fn arguments(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let line = text.split("\n\n").next().unwrap_or_default();
        Self::line(line.strip_prefix("error: ").unwrap_or(line))
    }

    fn line(what: impl fmt::Display) -> Self {
        let mut line = String::new();
        for character in what.to_string().chars() {
            if character.is_control() {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        Self(line)
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SettingsError {}

/// At most 64 KiB of text from a file.
pub(super) fn read_text(path: &Path) -> io::Result<String> {
    use io::Read;

    const MAX_BYTES: u64 = 64 * 1024;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "more than 64 KiB",
        ));
    }
    Ok(text)
}
