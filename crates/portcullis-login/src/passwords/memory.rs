//! The memory of argon2, kept from one password to the next.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use argon2::Block;
use zeroize::Zeroize;

use super::{PasswordError, PasswordParams};

/// The buffers that no password uses at the moment. All of them are wiped.
///
/// Each is allocated when there is none to be had, so there are never more than passwords that
/// were hashed at once. Allocating one for each password anew would scatter holes of many MiB over
/// the heap, which an allocator may never give back.
#[derive(Default)]
pub(super) struct Memory {
    free: Mutex<Vec<Vec<Block>>>,
}

/// The memory of one password. When dropped it is wiped, and kept for the next one.
pub(super) struct Buffer {
    blocks: Vec<Block>,
    /// A larger one, for a hash made with other parameters, is not kept.
    most_blocks: usize,
    memory: Arc<Memory>,
}

impl Memory {
    /// A buffer, which is still empty if none is free. `params` say how large a one is kept.
    pub(super) fn take(self: &Arc<Self>, params: PasswordParams) -> Buffer {
        Buffer {
            blocks: self.lock().pop().unwrap_or_default(),
            most_blocks: usize::try_from(params.memory_kib()).unwrap_or(usize::MAX),
            memory: Arc::clone(self),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        // A push or a pop is one step.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Buffer {
    /// So many blocks, all of them zero at first.
    ///
    /// # Errors
    /// [`PasswordError::Failed`] if the memory can't be had.
    pub(super) fn blocks(&mut self, count: usize) -> Result<&mut [Block], PasswordError> {
        if self.blocks.len() < count {
            // Not grown: the old one would be copied, and be there beside the new one meanwhile.
            self.wipe();
            self.blocks = Vec::new();
            let reserved = self.blocks.try_reserve_exact(count);
            reserved.map_err(PasswordError::failed)?;
            self.blocks.resize(count, Block::new());
        }
        let blocks = self.blocks.get_mut(..count);
        blocks.ok_or_else(|| PasswordError::failed("the memory is too small"))
    }

    fn wipe(&mut self) {
        self.blocks.iter_mut().zeroize();
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.wipe();
        if (1..=self.most_blocks).contains(&self.blocks.len()) {
            let blocks = std::mem::take(&mut self.blocks);
            self.memory.lock().push(blocks);
        }
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("free", &self.lock().len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, num::NonZeroUsize};

    use portcullis_core::Secret;
    use portcullis_token::PepperRing;

    use super::{super::Passwords, *};

    fn params(kib: u32) -> PasswordParams {
        PasswordParams::dangerous_new(kib, 1, 1).unwrap()
    }

    fn passwords(at_once: usize) -> Passwords {
        Passwords::new(&PepperRing::generate().unwrap())
            .with_params(params(64))
            .with_concurrency(NonZeroUsize::new(at_once).unwrap(), 64)
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.into())
    }

    /// Where the free buffers are; all of them have to be wiped.
    fn free(memory: &Memory) -> BTreeSet<usize> {
        let free = memory.lock();
        for blocks in &*free {
            let mut words = blocks.iter().flat_map(|block| block.as_ref());
            assert!(words.all(|word| *word == 0), "not wiped");
        }
        free.iter().map(|blocks| blocks.as_ptr().addr()).collect()
    }

    #[test]
    fn a_buffer_is_wiped_and_used_again() {
        let memory = Arc::new(Memory::default());
        let mut buffer = memory.take(params(8));
        assert_eq!(
            free(&memory).len(),
            0,
            "nothing is made before it is needed"
        );
        let blocks = buffer.blocks(8).unwrap();
        let place = blocks.as_ptr().addr();
        for block in blocks {
            block.as_mut().fill(u64::MAX);
        }
        drop(buffer);
        assert_eq!(free(&memory), [place].into());

        // A smaller one is a part of it.
        let mut buffer = memory.take(params(8));
        let blocks = buffer.blocks(4).unwrap();
        assert_eq!((blocks.as_ptr().addr(), blocks.len()), (place, 4));
        assert_eq!(free(&memory).len(), 0, "it is in use");
        drop(buffer);
        assert_eq!(free(&memory), [place].into());
    }

    #[test]
    fn a_buffer_is_kept_though_its_user_panics() {
        let memory = Arc::new(Memory::default());
        let user = Arc::clone(&memory);
        let panicked = std::thread::spawn(move || {
            let mut buffer = user.take(params(8));
            buffer.blocks(8).unwrap()[0].as_mut().fill(1);
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        assert_eq!(free(&memory).len(), 1);
    }

    #[tokio::test]
    async fn one_password_at_a_time_is_one_buffer_for_all() {
        let passwords = passwords(1);
        assert_eq!(free(&passwords.memory).len(), 0);
        let hash = passwords.hash(&secret("right")).await.unwrap();
        let first = free(&passwords.memory);
        assert_eq!(first.len(), 1);
        let copy = passwords.clone();
        for stored in [Some(&hash), None, Some(&hash)] {
            let _ = copy.verify(&secret("wrong"), stored).await.unwrap();
            let _ = passwords.hash(&secret("another")).await.unwrap();
            assert_eq!(free(&passwords.memory), first);
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn there_are_never_more_buffers_than_passwords_at_once() {
        let passwords = passwords(2);
        let mut before = BTreeSet::new();
        for _ in 0..4 {
            let tasks: Vec<_> = (0..16)
                .map(|_| {
                    let passwords = passwords.clone();
                    tokio::spawn(async move { passwords.hash(&secret("one of many")).await })
                })
                .collect();
            for task in tasks {
                task.await.unwrap().unwrap();
            }
            let now = free(&passwords.memory);
            assert!((1..=2).contains(&now.len()), "{now:?}");
            assert!(now.is_superset(&before), "{now:?} after {before:?}");
            before = now;
        }
    }

    #[tokio::test]
    async fn what_an_old_hash_needs_beyond_the_parameters_is_not_kept() {
        let passwords = passwords(1);
        let large = passwords.clone().with_params(params(128));
        let old = large.hash(&secret("right")).await.unwrap();
        let _ = passwords
            .verify(&secret("right"), Some(&old))
            .await
            .unwrap();
        assert_eq!(free(&passwords.memory).len(), 0);
        let _ = passwords.hash(&secret("right")).await.unwrap();
        assert_eq!(free(&passwords.memory).len(), 1);
    }
}
