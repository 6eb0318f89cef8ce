//! What all credentials of an owner use together.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use foldhash::fast::RandomState;
use portcullis_core::Tick;
use portcullis_limit::{Decision, Joint, Mode, Part, Quota, Usage, check_all};

use super::windows::{Longest, Windows};
use crate::Owner;

/// How many owners are looked at to find room, and in one turn of the sweep.
const LOOKS: usize = 64;

/// The windows of the owners that have a quota, each shared by its credentials.
///
/// A window leaves when no credential in memory is of its owner and nothing in it is used. If there
/// is no room and none can leave, newcomers share the overflow.
#[derive(Debug)]
pub(super) struct Owners {
    state: Mutex<State>,
    most: usize,
}

#[derive(Debug)]
struct State {
    windows: HashMap<Owner, Arc<OwnerWindow>, RandomState>,
    /// Each owner once, in the order in which they are looked at.
    queue: VecDeque<Owner>,
    overflow: Arc<OwnerWindow>,
}

/// The window of an owner, under a lock of its own that is taken last.
#[derive(Debug, Default)]
pub(super) struct OwnerWindow(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    windows: Windows,
    /// Of the overflow alone.
    longest: Option<Longest>,
}

impl Owners {
    pub(super) fn new(most: usize) -> Self {
        let overflow = Counted {
            longest: Some(Longest::default()),
            ..Counted::default()
        };
        let state = State {
            windows: HashMap::default(),
            queue: VecDeque::new(),
            overflow: Arc::new(OwnerWindow(Mutex::new(overflow))),
        };
        Self {
            state: Mutex::new(state),
            most: most.max(1),
        }
    }

    /// The window of an owner: one and the same for as long as it is held or in use.
    pub(super) fn window(&self, owner: &Owner, tick: Tick) -> Arc<OwnerWindow> {
        let mut state = lock(&self.state);
        if let Some(window) = state.windows.get(owner) {
            return Arc::clone(window);
        }
        // Who is in the overflow has to be met there by the owner's other credentials, so as long
        // as it is held nobody leaves it. What was charged there goes along.
        let is_held = Arc::strong_count(&state.overflow) > 1;
        let has_room = state.windows.len() < self.most || state.sweep(tick) > 0;
        if is_held || !has_room {
            return Arc::clone(&state.overflow);
        }
        let windows = lock(&state.overflow.0).windows.clone();
        let window = Arc::new(OwnerWindow(Mutex::new(Counted {
            windows,
            longest: None,
        })));
        state.queue.push_back(owner.clone());
        state.windows.insert(owner.clone(), Arc::clone(&window));
        window
    }

    /// Drops some of those that are neither held nor in use.
    pub(super) fn sweep(&self, tick: Tick) {
        lock(&self.state).sweep(tick);
    }
}

impl State {
    fn sweep(&mut self, tick: Tick) -> usize {
        let before = self.windows.len();
        for _ in 0..LOOKS.min(before) {
            let Some(owner) = self.queue.pop_front() else {
                break;
            };
            let may_go = |window: &Arc<OwnerWindow>| {
                Arc::strong_count(window) == 1 && lock(&window.0).windows.is_fresh(tick)
            };
            if self.windows.get(&owner).is_none_or(may_go) {
                self.windows.remove(&owner);
            } else {
                self.queue.push_back(owner);
            }
        }
        before - self.windows.len()
    }
}

impl OwnerWindow {
    pub(super) fn check(&self, quota: &Quota, tick: Tick, cost: u32) -> Decision {
        let mut counted = lock(&self.0);
        let quota = counted.fit(quota, tick);
        counted.windows.check(&quota, tick, cost)
    }

    pub(super) fn peek(&self, quota: &Quota, tick: Tick) -> Usage {
        let counted = lock(&self.0);
        let quota = counted
            .longest
            .as_ref()
            .map_or(*quota, |longest| longest.fitted(quota));
        counted.windows.window.peek(&quota, tick)
    }

    /// Checks it together with the window of a credential, and charges both or none.
    pub(super) fn check_with(
        &self,
        quota: &Quota,
        (windows, own): (&mut Windows, &Quota),
        tick: Tick,
        cost: u32,
    ) -> Decision {
        let mut counted = lock(&self.0);
        let quota = counted.fit(quota, tick);
        let parts = &mut [
            part(windows, *own, cost),
            part(&mut counted.windows, quota, cost),
        ];
        let Joint { decision, .. } = check_all(tick, parts);
        if decision.is_admitted() {
            windows.note_charged(own);
            counted.windows.note_charged(&quota);
        }
        decision
    }
}

impl Counted {
    fn fit(&mut self, quota: &Quota, tick: Tick) -> Quota {
        let is_fresh = self.windows.is_fresh(tick);
        match &mut self.longest {
            Some(longest) => longest.fit(quota, is_fresh),
            None => *quota,
        }
    }
}

const fn part(windows: &mut Windows, quota: Quota, cost: u32) -> Part<'_> {
    Part {
        window: &mut windows.window,
        quota,
        cost,
        mode: Mode::Enforce,
    }
}

/// A panic under the lock leaves numbers that are each valid.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(name: &str) -> Owner {
        name.parse().unwrap()
    }

    #[test]
    fn a_window_stays_while_it_is_held_or_in_use_and_leaves_then() {
        let owners = Owners::new(10);
        let quota = "2/60s".parse().unwrap();
        let held = owners.window(&owner("acme"), Tick::ZERO);
        owners.sweep(Tick::ZERO);
        let again = owners.window(&owner("acme"), Tick::ZERO);
        assert!(Arc::ptr_eq(&held, &again));
        drop(again);
        assert!(held.check(&quota, Tick::ZERO, 2).is_admitted());
        drop(held);

        owners.sweep(Tick::from_nanos(59_999_999_999));
        assert_eq!(lock(&owners.state).windows.len(), 1);
        owners.sweep(Tick::from_nanos(63_000_000_000));
        assert_eq!(lock(&owners.state).windows.len(), 0);
        assert!(lock(&owners.state).queue.is_empty());
    }

    #[test]
    fn without_room_owners_share_one_window_and_take_along_what_was_used_there() {
        let owners = Owners::new(1);
        let quota = "3/60s".parse().unwrap();
        let first = owners.window(&owner("first"), Tick::ZERO);
        let (second, third) = (
            owners.window(&owner("second"), Tick::ZERO),
            owners.window(&owner("third"), Tick::ZERO),
        );
        assert!(second.check(&quota, Tick::ZERO, 2).is_admitted());
        assert!(!third.check(&quota, Tick::ZERO, 2).is_admitted());
        assert!(first.check(&quota, Tick::ZERO, 0).is_admitted());

        // There is room, but the second owner is still met in the overflow.
        drop((first, third));
        let again = owners.window(&owner("second"), Tick::ZERO);
        assert!(Arc::ptr_eq(&second, &again));
        drop((second, again));
        let second = owners.window(&owner("second"), Tick::ZERO);
        assert!(lock(&owners.state).windows.contains_key(&owner("second")));
        assert!(!second.check(&quota, Tick::ZERO, 2).is_admitted());
    }
}
