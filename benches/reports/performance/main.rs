//! What Portcullis costs, measured on this machine beside its peers.
//!
//! `just performance [bench] [threads] [memory] [http] [start-up] [issuing] [--no-bench] [--quick]`
//!
//! Without a name all of them, and `docs/performance.md` and its pictures are written anew, whole:
//! what was not measured in the run has a dash. With names, or `--quick` (to see that it works), the
//! same is written to `target/performance`. `--no-bench` takes what criterion has left of an earlier
//! run.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "who waits wants to know for what"
)]

mod criterion;
mod disk;
mod document;
mod http;
mod issuing;
mod machine;
mod made;
mod memory;
mod numbers;
mod options;
mod pictures;
mod plots;
mod start_up;
mod targets;
mod template;
mod threads;

use std::process::ExitCode;

use criterion::Estimates;
use document::Figures;
use options::{Options, Section, Size};

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("performance-report: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments {
        [child, setting @ ..] if child == memory::CHILD => {
            println!("{}", memory::child(setting)?);
            return Ok(());
        }
        [child] if child == http::CHILD => return http::child(),
        _ => {}
    }
    let options = Options::parse(arguments)?;
    if options.has(Section::Http) {
        http::is_here()?;
    }
    let figures = measure(&options)?;
    let written = document::write(&options, &figures)?;
    println!("written: {}", written.display());
    Ok(())
}

fn measure(options: &Options) -> Result<Figures, Failure> {
    let estimates = options.has(Section::Bench).then(|| {
        eprintln!("performance-report: the benches");
        Estimates::measure(options.benches, options.size)
    });
    Ok(Figures {
        estimates: estimates.transpose()?.unwrap_or_default(),
        threads: part(options, Section::Threads, threads::measure)?,
        memory: part(options, Section::Memory, memory::measure)?,
        http: part(options, Section::Http, http::measure)?,
        start_up: part(options, Section::StartUp, start_up::measure)?,
        issuing: part(options, Section::Issuing, issuing::measure)?,
    })
}

/// Measures a section if it is wanted.
fn part<T>(
    options: &Options,
    section: Section,
    measure: fn(Size) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    if !options.has(section) {
        return Ok(None);
    }
    eprintln!("performance-report: {section:?}");
    measure(options.size).map(Some)
}
