//! The same trace gives the same decisions, whatever the build and the machine.

use portcullis_core::Tick;
use portcullis_limit::{Decision, Quota, Usage, Window};

use crate::slots::{Answer, SlotModel, State};

/// Of the answers of the slot model to the trace below; never of what the window answered.
const EXPECTED: u64 = 0xc6d8_526e_e033_8d0e;

const QUOTAS: [&str; 12] = [
    "100/60s",
    "1000/60s",
    "7/1s@5",
    "70000/500ms",
    "4294967295/1h",
    "65535/3s@31",
    "65536/3s@31",
    "3/1ns@1",
    "10/997ns@32",
    "5/1d@1",
    "12/3660d",
    "40/90s@16",
];

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// FNV-1a.
struct Digest(u64);

impl Digest {
    fn add(&mut self, number: u128) {
        for byte in number.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn answer(&mut self, answer: &Answer) {
        let (kind, retry_nanos, state) = match answer {
            Answer::Admit(state) => (1, 0, Some(state)),
            Answer::Refuse { retry_nanos, state } => (2, *retry_nanos, Some(state)),
            Answer::NeverFits => (3, 0, None),
        };
        self.add(kind);
        self.add(retry_nanos);
        if let Some(state) = state {
            self.add(state.used.into());
            self.add(state.reset_nanos);
            self.add(state.more_nanos);
            self.add(state.at);
        }
    }
}

fn state(usage: &Usage) -> State {
    State {
        used: usage.used.into(),
        reset_nanos: usage.reset_after.as_nanos(),
        more_nanos: usage.more_after.as_nanos(),
        at: usage.at.nanos().into(),
    }
}

fn answer(decision: Decision) -> Answer {
    match decision {
        Decision::Admit(usage) => Answer::Admit(state(&usage)),
        Decision::Refuse { retry_after, usage } => Answer::Refuse {
            retry_nanos: retry_after.as_nanos(),
            state: state(&usage),
        },
        Decision::NeverFits { .. } => Answer::NeverFits,
    }
}

#[test]
fn rule_6_a_long_trace_is_decided_the_same_in_debug_and_release() {
    let (mut window, mut model) = (Window::new(), SlotModel::default());
    let (mut found, mut expected) = (Digest(0xcbf2_9ce4_8422_2325), Digest(0xcbf2_9ce4_8422_2325));
    let mut random = Random(2_026);
    let mut raw = 1_u64 << 60;
    let mut admitted: Vec<(u128, u32)> = Vec::new();
    let mut refused = 0;
    for segment in 0..120 {
        let quota: Quota = QUOTAS[usize::try_from(random.below(12)).unwrap()]
            .parse()
            .unwrap();
        let length = u64::try_from(quota.window().as_nanos()).unwrap();
        admitted.clear();
        for call in 0..250 {
            raw = match random.below(40) {
                0 => raw.saturating_sub(random.below(length.saturating_mul(3))),
                1 => raw + random.below(length.saturating_mul(3)) % (1 << 52),
                2..12 => raw,
                _ => raw + random.below(length / 12 + 2) % (1 << 52),
            };
            let most = match random.below(8) {
                0 => u64::from(quota.units()) + 2,
                1..4 => u64::from(quota.units()) / 5 + 2,
                _ => u64::from(quota.units()) / 40 + 2,
            };
            let cost = u32::try_from(random.below(most)).unwrap_or(u32::MAX);
            let by_model = model.check(&quota, raw, cost);
            let by_window = answer(window.check(&quota, Tick::from_nanos(raw), cost));
            assert_eq!(by_window, by_model, "segment {segment}, call {call}");
            expected.answer(&by_model);
            found.answer(&by_window);
            match by_model {
                Answer::Admit(state) if cost > 0 => admitted.push((state.at, cost)),
                Answer::Refuse { .. } => refused += 1,
                _ => {}
            }
            if random.below(9) == 0 && !admitted.is_empty() {
                let which = random.below(admitted.len().try_into().unwrap());
                let (at, cost) = admitted.swap_remove(usize::try_from(which).unwrap());
                model.refund(&quota, at, cost);
                let at = Tick::from_nanos(u64::try_from(at).unwrap());
                window.refund(&quota, at, cost);
            }
        }
    }
    assert!((5_000..25_000).contains(&refused), "{refused} are refused");
    assert_eq!(expected.0, EXPECTED, "of the model: {:#x}", expected.0);
    assert_eq!(found.0, EXPECTED);
}
