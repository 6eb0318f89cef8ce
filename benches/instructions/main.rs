//! How many instructions a call takes, counted by valgrind, against a budget: what no noise moves.
//!
//! Without an argument it has valgrind count each measure in a process of its own and fails if one
//! is over its budget by more than the margin. With the name of a measure it is that process.
//!
//! valgrind shows programs a processor without instructions for SHA-256, so that a MAC costs far
//! more here than it does; a change of it shows all the same.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it stops at the first thing that doesn't work"
)]

#[expect(dead_code, reason = "benches have more of it")]
#[path = "../gate/made.rs"]
mod made;
mod measures;

use std::process::{Command, ExitCode};

use measures::{CALLS, MEASURES, Measure};

/// How far over its budget a measure may be, in percent: the seeds of hash tables differ from run to
/// run, and releases of compilers a little.
const MARGIN_PERCENT: u64 = 8;

fn main() -> ExitCode {
    match std::env::args().nth(1) {
        Some(name) => {
            let mut measures = MEASURES.iter();
            let measure = measures.find(|measure| measure.name == name).unwrap();
            (measure.run)();
            ExitCode::SUCCESS
        }
        None => check(),
    }
}

/// Counts all, and says which are over.
fn check() -> ExitCode {
    let mut are_within = true;
    println!("| instructions per call | counted | budget |\n|---|---|---|");
    for measure in MEASURES {
        let counted = count(measure);
        let most = measure.budget + measure.budget * MARGIN_PERCENT / 100;
        let verdict = match counted {
            over if over > most => {
                are_within = false;
                " **over**"
            }
            under if under * 5 < measure.budget * 4 => " (a fifth below: lower the budget)",
            _ => "",
        };
        println!(
            "| {} | {counted} | {}{verdict} |",
            measure.name, measure.budget
        );
    }
    if are_within {
        return ExitCode::SUCCESS;
    }
    eprintln!(
        "a call takes over {MARGIN_PERCENT} % more instructions than its budget in \
         benches/instructions/measures.rs"
    );
    ExitCode::FAILURE
}

/// What valgrind counts within the loop of a measure, for one call of it.
fn count(measure: &Measure) -> u64 {
    let own = std::env::current_exe().unwrap();
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        // The function that has the loop, in whatever module.
        .arg(format!("--toggle-collect=*{}*", measure.function))
        .arg(own)
        .arg(measure.name)
        .output()
        .unwrap_or_else(|error| panic!("valgrind: {error}; install the package valgrind"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected :"));
    let (_, collected) = collected.unwrap_or_else(|| panic!("nothing was counted: {said}"));
    let collected: u64 = collected.trim().parse().unwrap();
    assert!(collected > 0, "{} was not called", measure.function);
    collected / CALLS
}
