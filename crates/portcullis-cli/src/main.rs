//! The command `portcullis`; see the README.

mod arguments;
mod audit;
mod pepper;
mod store;

use std::{
    error::Error,
    io::{self, Write},
    process::ExitCode,
};

use clap::Parser;
use portcullis_sqlite::MissingPeppers;

use crate::arguments::{Arguments, Command};

/// Why a command was not carried out, in one line.
#[derive(Debug)]
struct Failed(String);

impl<E: Error> From<E> for Failed {
    fn from(error: E) -> Self {
        let mut line = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            line.push_str(": ");
            line.push_str(&cause.to_string());
            source = cause.source();
        }
        Self(line.replace(['\n', '\r'], " "))
    }
}

/// What was done, for standard output.
type Done = Result<String, Failed>;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Backup { store, to } => store::backup(&store, &to),
        Command::Restore {
            backup,
            journal,
            store,
            file,
            revoke_missing,
        } => {
            let missing = match revoke_missing {
                true => MissingPeppers::Revoke,
                false => MissingPeppers::Refuse,
            };
            store::restore(&backup, &journal, &store, &file, missing)
        }
        Command::DangerousForgetJournal { store } => store::forget_journal(&store),
        Command::Pepper(command) => pepper::run(command),
        Command::Audit(command) => audit::run(command),
    };
    let (code, shown) = match &done {
        // An export has printed what it has to say.
        Ok(text) if text.is_empty() => (ExitCode::SUCCESS, Ok(())),
        Ok(text) => (ExitCode::SUCCESS, writeln!(io::stdout(), "{text}")),
        Err(Failed(line)) => (
            ExitCode::FAILURE,
            writeln!(io::stderr(), "portcullis: {line}"),
        ),
    };
    // A reader that has gone away takes nothing back of what was done.
    drop(shown);
    code
}
