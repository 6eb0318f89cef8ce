//! What ten million random partitions cost in memory and in pauses (rule 7).

mod child;
mod histogram;

use std::{collections::BTreeMap, fmt::Write, process::Command};

use crate::Failure;

/// The argument by which this program calls itself.
pub(crate) const CHILD: &str = "memory-child";
/// The best of so many runs: another process can only make a time longer.
const RUNS: usize = 3;

#[derive(Clone, Copy)]
struct Setting {
    kind: Kind,
    capacity: u64,
    meter: Meter,
}

#[derive(Clone, Copy)]
enum Kind {
    Number,
    Address,
}

/// Which time is measured.
#[derive(Clone, Copy)]
enum Meter {
    Wall,
    /// That of the thread on a processor, which another process can't lengthen much.
    Cpu,
}

impl Setting {
    fn parse(texts: &[String]) -> Result<Self, Failure> {
        let [kind, capacity, meter] = texts else {
            return Err("a kind, a capacity and a meter".into());
        };
        Ok(Self {
            kind: match kind.as_str() {
                "u64" => Kind::Number,
                _ => Kind::Address,
            },
            capacity: capacity.parse()?,
            meter: match meter.as_str() {
                "cpu" => Meter::Cpu,
                _ => Meter::Wall,
            },
        })
    }
}

pub(crate) fn child(setting: &[String]) -> Result<(), Failure> {
    print!("{}", child::measure(&Setting::parse(setting)?)?);
    Ok(())
}

/// The numbers that a child has reported, by name, in its order.
type Report = Vec<(String, Vec<u64>)>;

fn run(kind: &str, capacity: u64, meter: &str) -> Result<Report, Failure> {
    let mut best: Report = Vec::new();
    for _ in 0..RUNS {
        let output = Command::new(std::env::current_exe()?)
            .args([CHILD, kind, &capacity.to_string(), meter])
            .stderr(std::process::Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("the measurement ended with {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let mut report = Vec::new();
        for line in text.lines() {
            let mut fields = line.split('\t');
            let name = fields.next().unwrap_or_default();
            let numbers: Result<Vec<u64>, _> = fields.map(str::parse).collect();
            report.push((name.to_owned(), numbers?));
        }
        if best.is_empty() {
            best = report;
        } else {
            for ((_, best), (_, numbers)) in best.iter_mut().zip(report) {
                for (best, number) in best.iter_mut().zip(numbers) {
                    *best = (*best).min(number);
                }
            }
        }
    }
    Ok(best)
}

const PHASES: [(&str, &str); 6] = [
    ("fill", "ten million newcomers"),
    ("again", "each once more"),
    ("set_quota", "`set_quota`, the whole call"),
    ("after set_quota", "each once more, under the new quota"),
    (
        "idle",
        "all idle, then newcomers at a hundredth of the rate",
    ),
    ("drop", "dropping what is left"),
];

/// As two tables in Markdown.
pub(crate) fn table() -> Result<String, Failure> {
    let mut sizes = String::from(
        "| partition | capacity | most held | bytes a partition | left after the sweep | MB then |\n\
         |---|---|---|---|---|---|\n",
    );
    let mut pauses = String::from(
        "| partition, capacity | calls | p50 | p99.9 | p99.99 | max | max CPU |\n\
         |---|---|---|---|---|---|---|\n",
    );
    for kind in ["u64", "IpPartition"] {
        for capacity in [1_000_000, 10_000_000] {
            let wall = run(kind, capacity, "wall")?;
            let cpu: BTreeMap<_, _> = run(kind, capacity, "cpu")?.into_iter().collect();
            let millions = capacity / 1_000_000;
            let find = |wanted: &str, at: usize| {
                let found = wall.iter().find(|(name, _)| name == wanted);
                let number = found.and_then(|(_, numbers)| numbers.get(at));
                number.copied().ok_or_else(|| format!("no {wanted}"))
            };
            let before = find("before", 0)?;
            let filled = find("filled", 0)?.saturating_sub(before);
            writeln!(
                sizes,
                "| `{kind}` | {millions} M | {} | {} | {} | {} |",
                find("fill: admitted, most held", 1)?,
                filled / find("filled", 1)?.max(1),
                find("swept", 1)?,
                find("swept", 0)?.saturating_sub(before) / 1_000_000,
            )?;
            for (name, shown) in PHASES {
                let Some((_, times)) = wall.iter().find(|(found, _)| found == name) else {
                    continue;
                };
                write!(pauses, "| `{kind}`, {millions} M: {shown} |")?;
                if let [1, .., max] = times.as_slice() {
                    write!(pauses, " 1 | | | | {} |", short(*max))?;
                } else if let [calls, times @ ..] = times.as_slice() {
                    write!(pauses, " {} M |", calls / 1_000_000)?;
                    for time in times {
                        write!(pauses, " {} |", short(*time))?;
                    }
                }
                let own = cpu.get(name).and_then(|times| times.last());
                writeln!(pauses, " {} |", short(own.copied().unwrap_or(0)))?;
            }
        }
    }
    Ok(format!("{sizes}\n{pauses}"))
}

/// With its unit, rounded.
fn short(nanos: u64) -> String {
    match nanos {
        0..10_000 => format!("{nanos} ns"),
        10_000..10_000_000 => format!("{} µs", (nanos + 500) / 1_000),
        _ => format!("{} ms", (nanos + 500_000) / 1_000_000),
    }
}
