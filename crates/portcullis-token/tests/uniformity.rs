//! Each character of what is minted is as likely as any other.

use std::collections::BTreeMap;

use portcullis_token::{ApiKey, Environment, GeneratorError, TokenFormat};

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// Of chi-square with 61 degrees of freedom, one sample in a million is above this (its mean is 61,
/// its deviation 11).
const ONE_IN_A_MILLION: f64 = 127.0;
/// One in a thousand million.
const ONE_IN_A_BILLION: f64 = 150.0;

fn chi_square(characters: impl Iterator<Item = u8>) -> f64 {
    let mut counts: BTreeMap<u8, u32> = ALPHABET.iter().map(|&byte| (byte, 0)).collect();
    for character in characters {
        *counts.entry(character).or_default() += 1;
    }
    let expected = f64::from(counts.values().sum::<u32>()) / 62.0;
    let counts = counts.into_values().map(f64::from);
    counts
        .map(|count| (count - expected).powi(2) / expected)
        .sum()
}

/// Bytes that are the same each time: `SplitMix64`, which passes the usual batteries of tests.
struct Stream(u64);

impl Stream {
    fn next_word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            let bytes = self.next_word().to_le_bytes();
            for (place, byte) in chunk.iter_mut().zip(bytes) {
                *place = byte;
            }
        }
    }
}

#[test]
fn characters_from_a_fixed_stream_are_uniform_all_together_and_at_each_place() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let mut stream = Stream(20_260_101);
    let tails: Vec<[u8; 55]> = (0..20_000)
        .map(|_| {
            let fill = |buffer: &mut [u8]| {
                stream.fill(buffer);
                Ok::<(), GeneratorError>(())
            };
            *format.dangerous_mint_from::<ApiKey>(fill).unwrap().tail()
        })
        .collect();
    let all = chi_square(tails.iter().flat_map(|tail| tail[..48].iter().copied()));
    assert!(all < ONE_IN_A_MILLION, "{all}");
    for place in 0..48 {
        let here = chi_square(tails.iter().map(|tail| tail[place]));
        assert!(here < ONE_IN_A_MILLION, "place {place}: {here}");
    }
}

#[test]
fn characters_from_the_system_are_uniform() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let tails: Vec<[u8; 55]> = (0..5_000)
        .map(|_| *format.mint::<ApiKey>().unwrap().tail())
        .collect();
    let all = chi_square(tails.iter().flat_map(|tail| tail[..48].iter().copied()));
    assert!(all < ONE_IN_A_BILLION, "{all}");
}

#[test]
fn the_measure_would_see_a_remainder_taken_without_rejection() {
    let mut stream = Stream(1);
    let mut bytes = vec![0; 240_000];
    stream.fill(&mut bytes);
    let biased = chi_square(bytes.iter().map(|byte| ALPHABET[usize::from(byte % 62)]));
    assert!(biased > 1_000.0, "{biased}");
}

#[test]
fn no_two_are_the_same() {
    let format = TokenFormat::new("ap", Environment::Live).unwrap();
    let mut ids: Vec<_> = (0..5_000)
        .map(|_| format.mint::<ApiKey>().unwrap().id())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 5_000);
}
