//! Values and locks that threads share.
//!
//! Transactions and the turn to read take their locks from here, so that `tests/model` can replace
//! them by those of a model checker.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

pub(crate) use std::sync::atomic::AtomicU8;
pub(crate) use std::sync::{Condvar, Mutex, MutexGuard};

/// Whether objects with such locks may be reused. False where a checker must see each use of an
/// object after it has been freed: reuse would hide that.
pub(crate) const REUSE: bool = cfg!(not(no_reuse));

/// A number that one thread may change while others read it.
#[derive(Debug)]
pub(crate) struct Number(AtomicUsize);

impl Number {
    pub(crate) fn new(value: usize) -> Number {
        Number(AtomicUsize::new(value))
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, value: usize) {
        self.0.store(value, Ordering::Relaxed);
    }
}

/// A switch that one thread may change while others read it.
#[derive(Debug)]
pub(crate) struct Switch(AtomicBool);

impl Switch {
    pub(crate) fn new(on: bool) -> Switch {
        Switch(AtomicBool::new(on))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, on: bool) {
        self.0.store(on, Ordering::Relaxed);
    }
}

/// A length of time that one thread may change while others read it. In microseconds; the largest
/// value stands for `Duration::MAX`.
#[derive(Debug)]
pub struct Time(AtomicU64);

impl Time {
    /// The time `value`, rounded up.
    pub fn new(value: Duration) -> Time {
        Time(AtomicU64::new(micros(value)))
    }

    /// The time as it is now.
    pub fn get(&self) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            micros => Duration::from_micros(micros),
        }
    }

    /// Sets `value`, rounded up.
    pub fn set(&self, value: Duration) {
        self.0.store(micros(value), Ordering::Relaxed);
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_up_and_forever_stays_forever() {
        let time = Time::new(Duration::from_nanos(1));
        assert_eq!(time.get(), Duration::from_micros(1));
        for value in [Duration::ZERO, Duration::from_secs(3000), Duration::MAX] {
            time.set(value);
            assert_eq!(time.get(), value);
        }
    }
}
