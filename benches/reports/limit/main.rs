//! What limiters admit over time, and what the memory of ours costs.
//!
//! `just limit-report [loss] [cron] [boundary] [memory] [--write]`
//!
//! Without a name all of them. `--write` keeps the results in `docs/limits.md`, which says how to
//! read them. The first three are the same in every run; `memory` measures this machine, needs 5 GB
//! and some minutes.

#![expect(clippy::print_stdout, reason = "the report is what is printed")]

mod boundary;
mod cron;
mod document;
mod load;
mod loss;
mod memory;
mod rivals;

type Failure = Box<dyn std::error::Error>;

const SECTIONS: [&str; 4] = ["loss", "cron", "boundary", "memory"];

fn main() -> Result<(), Failure> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [child, setting @ ..] = arguments.as_slice()
        && child == memory::CHILD
    {
        return memory::child(setting);
    }
    let writes = arguments.iter().any(|argument| argument == "--write");
    arguments.retain(|argument| argument != "--write");
    if arguments.is_empty() {
        arguments = SECTIONS.map(String::from).to_vec();
    }
    for section in &arguments {
        let text = match section.as_str() {
            "loss" => loss::table()?,
            "cron" => cron::table()?,
            "boundary" => {
                let outcomes = boundary::run()?;
                if writes {
                    document::keep_picture("boundary.svg", &boundary::plot(&outcomes)?)?;
                }
                boundary::table(&outcomes)?
            }
            "memory" => memory::table()?,
            other => return Err(format!("no section `{other}`; there are {SECTIONS:?}").into()),
        };
        println!("{text}");
        if writes {
            document::keep(section, &text)?;
        }
    }
    Ok(())
}
