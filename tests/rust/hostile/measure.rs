//! How it is told that an attack has done no harm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::process::{Held, Process};

/// Long enough for anything that should happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Bytes of the heap that may be in use more after an attack than before it, and after all of them
/// than before the first: tables do not shrink.
pub const BOUND: usize = 128 << 10;

/// The most that transactions may take as a multiple of what they took before: while an attacker
/// sends as fast as it can, while it is only there, and when it has gone. The code is not optimised
/// here, and works through 64 KiB of the one before it looks at the other; other processes are at
/// work on the machine, the attackers among them, so the best of several rounds counts. A server
/// that is blocked, or has work that grows with what it was sent, is far above it.
const FLOODED: f64 = 400.0;
const WHILE: f64 = 20.0;
const AFTER: f64 = 5.0;
const ROUNDS: usize = 8;
/// Transactions of a round.
pub const SAMPLES: usize = 30;

/// Held by whoever measures: one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The median time of [`SAMPLES`] calls.
pub fn median(mut once: impl FnMut()) -> Duration {
    let mut times = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let begun = Instant::now();
        once();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    times[SAMPLES / 2]
}

/// When an attack goes on.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Flooded,
    Meanwhile,
    Afterwards,
}

/// Checks that transactions take no longer than `before`, which is the shortest median known.
pub fn no_longer(what: &str, when: When, before: Duration, mut round: impl FnMut() -> Duration) {
    let most = match when {
        When::Flooded => FLOODED,
        When::Meanwhile => WHILE,
        When::Afterwards => AFTER,
    };
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        best = best.min(round().as_secs_f64() / before.as_secs_f64());
        if best < most {
            return;
        }
    }
    panic!("{what}: {when:?} transactions take {best} times as long as before");
}

/// Runs `flooding` on a thread of its own, and meanwhile `checking`; then tells `flooding` to end.
pub fn while_flooded(flooding: impl FnOnce(&AtomicBool) + Send, checking: impl FnOnce()) {
    /// Tells it too when a check has failed.
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = Over(&over);
        let flooding = scope.spawn(|| flooding(&over));
        checking();
        drop(end);
        flooding.join().unwrap();
    });
}

/// Waits until the process holds no more than `before`, but for `bound` bytes.
pub fn comes_back(what: &str, process: &mut Process, before: Held, bound: usize) {
    let end = Instant::now() + PATIENCE;
    loop {
        let now = process.held();
        let bytes = now.bytes <= before.bytes + bound;
        if bytes && now.descriptors <= before.descriptors && now.threads <= before.threads {
            return;
        }
        assert!(Instant::now() < end, "{what}: {before:?}, then {now:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until `done` says so.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
