//! What ids on the wire are counted from.

use std::sync::atomic::{AtomicU64, Ordering};

/// The same for all clients of the process, so that ids on the wire are unique in it, and another one
/// in each process, so that processes with the same server are unlikely to share them.
/// `random` is what a new one is made of.
pub(super) fn base(random: &[u8; 16]) -> u32 {
    static BASE: AtomicU64 = AtomicU64::new(0);
    base_of(&BASE, std::process::id(), random)
}

/// `kept` has the number of a process and its base; no process is number 0. One that was forked off
/// has a copy of its parent's and counts on from where its parent was: it gets a base of its own. This
/// is no lock, which another thread might hold when the process is forked.
fn base_of(kept: &AtomicU64, process: u32, random: &[u8; 16]) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&random[..4]);
    // Independent of the session, which others get to see.
    let mixed = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1);
    let new = mixed ^ process.rotate_left(16);
    let own = |kept: u64| (kept >> 32) as u32 == process;
    let before = kept.fetch_update(Ordering::AcqRel, Ordering::Acquire, |kept| {
        (!own(kept)).then_some(u64::from(process) << 32 | u64::from(new))
    });
    match before {
        Ok(_) => new,
        Err(kept) => kept as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_forked_off_has_a_base_of_its_own() {
        let kept = AtomicU64::new(0);
        let parent = base_of(&kept, 100, &[1; 16]);
        assert_eq!(base_of(&kept, 100, &[2; 16]), parent);
        // Two children, each with its copy of what the parent had.
        let copies = [(); 2].map(|()| AtomicU64::new(kept.load(Ordering::Relaxed)));
        let first = base_of(&copies[0], 101, &[3; 16]);
        let second = base_of(&copies[1], 102, &[3; 16]);
        assert!(first != parent && second != parent && first != second);
        assert_eq!(base_of(&copies[0], 101, &[4; 16]), first);
        assert_eq!(base_of(&kept, 100, &[5; 16]), parent);
    }
}
