//! Tables by number, with cheap hashing: this side gives out the numbers itself, one after the
//! other, so that a peer cannot choose them to collide.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table by number.
pub(super) type Ids<K, V> = HashMap<K, V, BuildHasherDefault<IdHasher>>;

/// Spreads numbers that follow each other.
#[derive(Default)]
pub(super) struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, id: u64) {
        // 2^64 divided by the golden ratio: the upper bits, by which tables choose a place, differ
        // too.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 ^= self.0 >> 32;
    }

    fn write_u32(&mut self, id: u32) {
        self.write_u64(u64::from(id));
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(self.0 ^ u64::from(*byte));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_row_have_places_of_their_own() {
        let mut table = Ids::<u32, u32>::default();
        for id in (0..100_000u32).map(|n| n.wrapping_add(u32::MAX - 50_000)) {
            assert_eq!(table.insert(id, id), None);
        }
        assert!((0..40_000u32).all(|id| table.get(&id) == Some(&id)));
    }
}
