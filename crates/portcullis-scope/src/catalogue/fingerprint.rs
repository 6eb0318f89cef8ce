//! What tells catalogues apart whose bits differ.

use super::Slot;
use crate::scope::Scope;

/// FNV-1a, 64 bits: it must be the same in every build, and only accidents are to be noticed.
struct Fnv(u64);

impl Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

/// Names end in a byte that no name has, so that no two catalogues run together.
pub(super) fn fingerprint(slots: &[Slot], renamed: &[(Scope, usize)]) -> u64 {
    let mut hash = Fnv(0xcbf2_9ce4_8422_2325);
    for slot in slots {
        hash.write(slot.scope.as_str().as_bytes());
        hash.write(&[0xff]);
        for word in slot.closure.words() {
            hash.write(&word.to_le_bytes());
        }
    }
    for (old, place) in renamed {
        hash.write(&[0xfe]);
        hash.write(old.as_str().as_bytes());
        hash.write(&[0xff]);
        for word in slots
            .get(*place)
            .map(|slot| slot.bit.words())
            .unwrap_or_default()
        {
            hash.write(&word.to_le_bytes());
        }
    }
    hash.0
}
