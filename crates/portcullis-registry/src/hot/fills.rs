//! Who reads the store for what is not in memory: one at a time for each name.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use foldhash::fast::RandomState;
use portcullis_core::Tick;

use crate::StoreError;

/// For how many names reads may be under way or waited for.
const MOST_TURNS: usize = 16_384;
/// How many unknown names are remembered, and for how long.
const MOST_UNKNOWN: usize = 4_096;
const UNKNOWN_FOR: Duration = Duration::from_secs(2);

/// The names that are being read, and those that the store was just found not to have.
#[derive(Debug)]
pub(crate) struct Fills<K>(Mutex<State<K>>);

#[derive(Debug)]
struct State<K> {
    turns: HashMap<K, Arc<Turn>, RandomState>,
    /// Until when they are taken for unknown.
    unknown: HashMap<K, Tick, RandomState>,
    /// The unknown ones, oldest first; some may be known meanwhile.
    oldest: VecDeque<K>,
}

/// The turn of all that ask for one name.
#[derive(Debug, Default)]
struct Turn {
    /// Held by the one that reads. What it failed with goes for all that waited for it.
    failed: tokio::sync::Mutex<Option<Failure>>,
    /// Whether something of this name was made since the reading began.
    is_made: AtomicBool,
}

#[derive(Debug)]
struct Failure {
    is_transient: bool,
    text: String,
}

/// A place in the turn of a name. The turn ends with the last of them.
#[derive(Debug)]
pub(crate) struct Place<'f, K: Eq + Hash> {
    fills: &'f Fills<K>,
    name: K,
    turn: Arc<Turn>,
}

/// The one that reads. If it is dropped before it is done, the next of its turn is it.
#[derive(Debug)]
pub(crate) struct Reader<'p, K: Eq + Hash> {
    place: &'p Place<'p, K>,
    failed: tokio::sync::MutexGuard<'p, Option<Failure>>,
}

impl<K> Default for Fills<K> {
    fn default() -> Self {
        Self(Mutex::new(State {
            turns: HashMap::default(),
            unknown: HashMap::default(),
            oldest: VecDeque::new(),
        }))
    }
}

impl<K> Fills<K> {
    /// A panic under the lock leaves nothing half done that matters.
    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Clone + Eq + Hash> Fills<K> {
    /// Whether the store was found not to have this name a moment ago.
    pub(crate) fn is_unknown(&self, name: &K, tick: Tick) -> bool {
        let mut state = self.state();
        let Some(until) = state.unknown.get(name) else {
            return false;
        };
        let is_unknown = tick < *until;
        if !is_unknown {
            state.unknown.remove(name);
        }
        is_unknown
    }

    /// Takes a place in the turn of a name.
    ///
    /// # Errors
    /// If too many names are waited for: memory is bounded whatever is asked for.
    pub(crate) fn join(&self, name: K) -> Result<Place<'_, K>, StoreError> {
        let turns = &mut self.state().turns;
        if turns.len() >= MOST_TURNS && !turns.contains_key(&name) {
            let crowd = "too many others wait";
            return Err(StoreError::transient("no turn to read a credential", crowd));
        }
        let turn = Arc::clone(turns.entry(name.clone()).or_default());
        Ok(Place {
            fills: self,
            name,
            turn,
        })
    }

    /// Says that these were made: whoever asks from now on is told so.
    pub(crate) fn note_made<'n>(&self, names: impl IntoIterator<Item = &'n K>)
    where
        K: 'n,
    {
        let mut state = self.state();
        for name in names {
            state.unknown.remove(name);
            if let Some(turn) = state.turns.get(name) {
                turn.is_made.store(true, Ordering::Relaxed);
            }
        }
    }
}

impl<K: Clone + Eq + Hash> Place<'_, K> {
    /// Waits until it is this one's turn.
    ///
    /// # Errors
    /// What the one before failed with.
    pub(crate) async fn reader(&self) -> Result<Reader<'_, K>, StoreError> {
        let failed = self.turn.failed.lock().await;
        match &*failed {
            Some(failure) => Err(failure.again()),
            None => Ok(Reader {
                place: self,
                failed,
            }),
        }
    }
}

impl<K: Clone + Eq + Hash> Reader<'_, K> {
    /// Says that the reading begins now.
    pub(crate) fn begin(&self) {
        // The state's lock orders this and `note_made`.
        let _state = self.place.fills.state();
        self.place.turn.is_made.store(false, Ordering::Relaxed);
    }

    /// The store has none of this name, unless it was made meanwhile.
    pub(crate) fn note_unknown(&self, tick: Tick) {
        let Place { fills, name, turn } = self.place;
        let state = &mut *fills.state();
        if turn.is_made.load(Ordering::Relaxed) {
            return;
        }
        while state.oldest.len() >= MOST_UNKNOWN {
            if let Some(oldest) = state.oldest.pop_front() {
                state.unknown.remove(&oldest);
            }
        }
        state.oldest.push_back(name.clone());
        let until = tick.saturating_add(UNKNOWN_FOR);
        state.unknown.insert(name.clone(), until);
    }

    /// The reading failed, which goes for all that wait; who comes later begins anew.
    pub(crate) fn fail(mut self, error: &StoreError) {
        let Place { fills, name, turn } = self.place;
        fills.end(name, turn);
        *self.failed = Some(Failure::of(error));
    }
}

impl<K: Eq + Hash> Fills<K> {
    fn end(&self, name: &K, turn: &Arc<Turn>) {
        let turns = &mut self.state().turns;
        if turns.get(name).is_some_and(|of| Arc::ptr_eq(of, turn)) {
            turns.remove(name);
        }
    }
}

impl<K: Eq + Hash> Drop for Place<'_, K> {
    fn drop(&mut self) {
        let turns = &mut self.fills.state().turns;
        let of = turns.get(&self.name);
        // Places are taken under the lock, so the last one knows that it is: the map and itself.
        let is_last = |of: &Arc<Turn>| Arc::ptr_eq(of, &self.turn) && Arc::strong_count(of) == 2;
        if of.is_some_and(is_last) {
            turns.remove(&self.name);
        }
    }
}

impl Failure {
    fn of(error: &StoreError) -> Self {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        Self {
            is_transient: error.is_transient(),
            text: cause.unwrap_or_default(),
        }
    }

    fn again(&self) -> StoreError {
        let attempt = "reading a credential, which another did for this caller too";
        if self.is_transient {
            StoreError::transient(attempt, self.text.clone())
        } else {
            StoreError::permanent(attempt, self.text.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Tick = Tick::from_nanos(5);

    fn reader<'p>(place: &'p Place<'_, u32>) -> Reader<'p, u32> {
        let failed = place.turn.failed.try_lock().unwrap();
        Reader { place, failed }
    }

    #[test]
    fn a_name_that_is_made_is_unknown_no_longer_and_one_made_meanwhile_never_was() {
        let fills = Fills::default();
        for made_meanwhile in [false, true] {
            let place = fills.join(1).unwrap();
            let reader = reader(&place);
            reader.begin();
            if made_meanwhile {
                fills.note_made(&[1]);
            }
            reader.note_unknown(Tick::ZERO);
            assert_eq!(fills.is_unknown(&1, LATER), !made_meanwhile);
            fills.note_made(&[1]);
            assert!(!fills.is_unknown(&1, LATER));
        }
    }

    #[test]
    fn a_read_that_began_after_a_name_was_made_may_find_it_unknown() {
        let fills = Fills::default();
        let place = fills.join(1).unwrap();
        fills.note_made(&[1]);
        let reader = reader(&place);
        reader.begin();
        reader.note_unknown(Tick::ZERO);
        assert!(fills.is_unknown(&1, LATER));
    }

    #[test]
    fn who_comes_after_a_failure_has_a_turn_of_its_own() {
        let fills = Fills::default();
        let (first, waiting) = (fills.join(1).unwrap(), fills.join(1).unwrap());
        reader(&first).fail(&StoreError::transient("reading", "broken"));
        assert!(waiting.turn.failed.try_lock().unwrap().is_some());
        let later = fills.join(1).unwrap();
        assert!(later.turn.failed.try_lock().unwrap().is_none());
        // Those of the old turn leave the new one alone.
        drop((first, waiting));
        assert!(fills.state().turns.contains_key(&1));
    }

    #[test]
    fn turns_and_unknown_names_are_bounded_and_end() {
        let fills = Fills::default();
        let crowd = u32::try_from(MOST_TURNS).unwrap();
        let places: Vec<_> = (0..crowd).map(|name| fills.join(name).unwrap()).collect();
        assert!(fills.join(crowd).unwrap_err().is_transient());
        assert!(fills.join(0).is_ok(), "one that is waited for already");
        for place in &places {
            reader(place).note_unknown(Tick::ZERO);
        }
        drop(places);

        let state = fills.state();
        assert!(state.turns.is_empty());
        assert_eq!(state.unknown.len(), MOST_UNKNOWN);
        assert_eq!(state.oldest.len(), MOST_UNKNOWN);
        assert!(state.unknown.contains_key(&(crowd - 1)), "the newest");
    }
}
