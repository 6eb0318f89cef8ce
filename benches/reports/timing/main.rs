//! A report, not a test: whether the time of a check tells what it must not.
//!
//! `cargo run --release -p portcullis-benches --bin timing-report -- [SAMPLES]`
//!
//! Each line compares two classes of inputs, of which samples are taken in random order, by Welch's
//! t-test. `docs/performance.md` says how to read it.

#![expect(clippy::print_stdout, reason = "the report is what is printed")]

mod welch;

use std::{
    collections::HashMap,
    error::Error,
    hint::black_box,
    time::{Duration, Instant},
};

use portcullis_core::CredentialId;
use portcullis_token::{
    ApiKey, Environment, Mac, PepperRing, PepperVersion, TokenFormat, Verified,
};

use welch::Samples;

const SAMPLES: usize = 400_000;
/// Different inputs of a class, so that none is special.
const INPUTS: usize = 256;
/// Beyond this many standard errors a difference is not chance (dudect's bound).
const BOUND: f64 = 4.5;
/// A credential of the brand `ap`.
type Text = [u8; 63];

struct Bed {
    format: TokenFormat,
    peppers: PepperRing,
    records: HashMap<CredentialId, (PepperVersion, Mac)>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let samples = match std::env::args().nth(1) {
        Some(samples) => samples.parse()?,
        None => SAMPLES,
    };
    let mut bed = Bed {
        format: TokenFormat::new("ap", Environment::Live)?,
        peppers: PepperRing::generate()?,
        records: HashMap::new(),
    };
    let (mut valid, mut first_wrong, mut last_wrong, mut unknown) =
        (vec![], vec![], vec![], vec![]);
    for _ in 0..INPUTS {
        let minted = bed.format.mint::<ApiKey>()?;
        bed.records
            .insert(minted.id(), bed.peppers.mac(minted.tail()));
        let secret: [u8; 32] = minted.tail().get(16..48).ok_or("a tail")?.try_into()?;
        let with = |place: usize| -> Result<Text, Box<dyn Error>> {
            let mut secret = secret;
            let character = secret.get_mut(place).ok_or("a place")?;
            *character = if *character == b'a' { b'b' } else { b'a' };
            let environment = bed.format.environment();
            let other = bed
                .format
                .dangerous_from_parts::<ApiKey>(environment, minted.id(), secret);
            Ok(other?.expose().as_bytes().try_into()?)
        };
        first_wrong.push(with(0)?);
        last_wrong.push(with(31)?);
        valid.push(minted.expose().as_bytes().try_into()?);
        unknown.push(
            bed.format
                .mint::<ApiKey>()?
                .expose()
                .as_bytes()
                .try_into()?,
        );
    }

    println!("{samples} samples a class; above t = {BOUND} a difference is not chance\n");
    println!(
        "{:60} {:>8} {:>8} {:>8} {:>8}",
        "a / b", "a, ns", "b, ns", "b - a", "t"
    );
    let check = |text: &Text| bed.check(text);
    report("control: valid / valid", samples, (&valid, &valid), check);
    report(
        "secret valid / first character wrong",
        samples,
        (&valid, &first_wrong),
        check,
    );
    report(
        "secret valid / last character wrong",
        samples,
        (&valid, &last_wrong),
        check,
    );
    report(
        "secret's first / last character wrong",
        samples,
        (&first_wrong, &last_wrong),
        check,
    );
    report(
        "id known, secret wrong / id unknown (public)",
        samples,
        (&first_wrong, &unknown),
        check,
    );
    let (first, last) = macs();
    let kept = Mac::from_bytes([0; 32]);
    let equals = |mac: &Mac| *mac == kept;
    report(
        "MAC's first / last byte wrong, compare alone",
        samples,
        (&first, &last),
        equals,
    );
    let early = |mac: &Mac| mac.as_bytes().iter().all(|&byte| byte == black_box(0));
    report(
        "control: the same, byte by byte with an early end",
        samples,
        (&first, &last),
        early,
    );
    Ok(())
}

impl Bed {
    /// What a server does with the text of a key, up to the state of its record.
    fn check(&self, text: &Text) -> bool {
        let Ok(token) = self.format.recognize(text) else {
            return false;
        };
        match self.records.get(&token.id()) {
            Some((version, mac)) => {
                self.peppers.verify(token.tail(), *version, mac) == Verified::Match
            }
            None => token.checksum_holds() && black_box(false),
        }
    }
}

/// MACs that differ from all zeros in the first byte, and in the last.
fn macs() -> (Vec<Mac>, Vec<Mac>) {
    let values = (0..INPUTS).map(|value| u8::try_from(value % 255 + 1).unwrap_or(1));
    let macs = values.map(|value| {
        let (mut first, mut last) = ([0; 32], [0; 32]);
        first[0] = value;
        last[31] = value;
        (Mac::from_bytes(first), Mac::from_bytes(last))
    });
    macs.unzip()
}

fn report<T: Copy>(name: &str, samples: usize, (a, b): (&[T], &[T]), check: impl Fn(&T) -> bool) {
    let mut order = Order(0x2545_f491_4f6c_dd1d);
    let mut times: Vec<(bool, f64)> = Vec::with_capacity(2 * samples);
    // A tenth more, of which the first are not counted: caches and clocks have to settle.
    for index in 0..2 * samples + samples / 5 {
        let word = order.next();
        let is_b = word & 1 == 1;
        let class = if is_b { b } else { a };
        let place = usize::from(u8::try_from(word >> 56).unwrap_or(0)) % class.len();
        // Both classes are read from the same place.
        let Some(input) = class.get(place).copied() else {
            continue;
        };
        let time = timed(|| check(black_box(&input)));
        if index >= samples / 5 {
            times.push((is_b, time.as_secs_f64() * 1e9));
        }
    }
    // The slowest tenth is what interrupted the program.
    times.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    times.truncate(times.len() / 10 * 9);
    let of = |class: bool| -> Samples {
        let times = times.iter().filter(|(is_b, _)| *is_b == class);
        times.map(|(_, time)| *time).collect()
    };
    let (a, b) = (of(false), of(true));
    let (mean_a, mean_b, t) = (a.mean(), b.mean(), a.t(&b));
    let mark = if t.abs() > BOUND { " *" } else { "" };
    let difference = mean_b - mean_a;
    println!("{name:60} {mean_a:8.1} {mean_b:8.1} {difference:+8.2} {t:+8.1}{mark}");
}

#[expect(
    clippy::disallowed_methods,
    reason = "it is time itself that is measured here"
)]
fn timed(check: impl FnOnce() -> bool) -> Duration {
    let start = Instant::now();
    black_box(check());
    start.elapsed()
}

/// In which order the classes and inputs are taken (xorshift64).
struct Order(u64);

impl Order {
    const fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
