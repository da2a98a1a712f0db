//! A length of time that one thread sets and others read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A time that may be changed while it is read, in microseconds; the largest is for ever.
#[derive(Debug)]
pub struct Time(AtomicU64);

impl Time {
    /// The time `value`, rounded up.
    pub fn new(value: Duration) -> Time {
        Time(AtomicU64::new(micros(value)))
    }

    /// The time as it is now; `Duration::MAX` is for ever.
    pub fn get(&self) -> Duration {
        match self.0.load(Ordering::Relaxed) {
            u64::MAX => Duration::MAX,
            micros => Duration::from_micros(micros),
        }
    }

    /// Makes it `value`, rounded up, from now on.
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
    fn no_time_becomes_none_and_for_ever_stays_so() {
        let time = Time::new(Duration::from_nanos(1));
        assert_eq!(time.get(), Duration::from_micros(1));
        for value in [Duration::ZERO, Duration::from_secs(3000), Duration::MAX] {
            time.set(value);
            assert_eq!(time.get(), value);
        }
    }
}
