//! Detects that the peer of a connection has gone while bytes wait for its acknowledgement.
//!
//! The kernel sends no keep-alive probes then. Its data about acknowledgements (`TCP_INFO`) tells
//! three cases apart:
//!
//! - A host that has vanished owes an acknowledgement and sends none. Its connection is closed
//!   after `keep_alive`. If its window was closed before, the kernel sends probes up to two minutes
//!   apart, too few to tell; then the keep-alive of the client's other connection notices, on which
//!   this side sends nothing.
//! - A host that is alive acknowledges each probe, also while its program reads slowly or is
//!   stopped. A client waits for its server however long that takes.
//! - A server closes a client that reads nothing at all, after [`TAKES_NOTHING`] times
//!   `keep_alive`. It waits that long since Linux reports what a slow program has read only in
//!   large steps (64 KiB over loopback).
//!
//! Where the system has no data about acknowledgements, its own limits apply.

use std::fmt;
use std::time::{Duration, Instant};

use super::outgoing::Outgoing;
use super::socket::{self, Acknowledgements};

/// Shortest time after which a host counts as vanished. A lost packet is sent again within it.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// Longest time between two checks. It can be added to any time without overflow.
const MAX_PAUSE: Duration = Duration::from_secs(86400);
/// A client whose host is alive may read nothing for this many times `keep_alive`.
pub(super) const TAKES_NOTHING: u32 = 6;

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// The peer's host has given no sign of life for this time.
    Vanished(Duration),
    /// The peer's host is alive, and the peer has read nothing for this time.
    TakesNothing(Duration),
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Gone::Vanished(time) => {
                write!(
                    f,
                    "its host or the network gives no sign of life for {time:.1?}"
                )
            }
            Gone::TakesNothing(time) => {
                write!(f, "it has read none of its responses for {time:.1?}")
            }
        }
    }
}

/// What is known about one connection. Used by the endpoint's thread only.
#[derive(Debug)]
pub(super) struct Liveness {
    /// The peer may read nothing for this many times `keep_alive`; `None`: forever.
    patience: Option<u32>,
    /// Bytes that the peer's host had acknowledged at the last check.
    acknowledged: u64,
    /// When `acknowledged` last grew, or bytes began to wait; `None` while none wait.
    progress: Option<Instant>,
    /// Since when an acknowledgement is missing that the peer's host must send, and up to which
    /// byte.
    owing: Option<(Instant, u64)>,
}

impl Liveness {
    /// For the server's end of a connection.
    pub(super) fn of_client() -> Liveness {
        Liveness::new(Some(TAKES_NOTHING))
    }

    /// For the client's end of a connection.
    pub(super) fn of_server() -> Liveness {
        Liveness::new(None)
    }

    fn new(patience: Option<u32>) -> Liveness {
        Liveness {
            patience,
            acknowledged: 0,
            progress: None,
            owing: None,
        }
    }

    /// Checks `outgoing` and returns when to check again. `None`: nothing waits for an
    /// acknowledgement; the next thread that sends wakes the endpoint's thread for the next check.
    pub(super) fn look(
        &mut self,
        outgoing: &Outgoing,
        keep_alive: Duration,
        now: Instant,
    ) -> Result<Option<Instant>, Gone> {
        let mut look = || {
            let told = socket::acknowledgements(outgoing.stream());
            self.judge(told, outgoing.sent(), outgoing.queued(), keep_alive, now)
        };
        let look_at = look()?;
        if look_at.is_some() {
            return Ok(look_at);
        }
        outgoing.unwatch();
        // Bytes sent just before `unwatch` wake no thread, so check once more.
        let look_at = look()?;
        if look_at.is_some() {
            outgoing.watch();
        }
        Ok(look_at)
    }

    fn judge(
        &mut self,
        told: Option<Acknowledgements>,
        sent: u64,
        queued: usize,
        keep_alive: Duration,
        now: Instant,
    ) -> Result<Option<Instant>, Gone> {
        // Without data about acknowledgements, bytes that the socket takes count as acknowledged.
        let told = told.unwrap_or(Acknowledgements {
            missing: 0,
            expected: false,
            last: Duration::ZERO,
        });
        let acknowledged = sent.saturating_sub(told.missing);
        let more = acknowledged > self.acknowledged;
        self.acknowledged = acknowledged;
        if told.missing == 0 && queued == 0 {
            (self.progress, self.owing) = (None, None);
            return Ok(None);
        }
        let progress = self.progress.filter(|_| !more).unwrap_or(now);
        self.progress = Some(progress);
        let keep_alive = keep_alive.max(MIN_KEEP_ALIVE);
        let mut look_in = if told.expected {
            // If what was expected has come meanwhile, the acknowledgement expected now is for
            // later data.
            let before = self.owing.filter(|(_, upto)| acknowledged < *upto);
            let last = now.checked_sub(told.last);
            let (owing, upto) = match (before, last) {
                (Some((since, upto)), Some(last)) => (since.max(last), upto),
                (before, _) => before.unwrap_or((now, sent)),
            };
            self.owing = Some((owing, upto));
            let silent = now.saturating_duration_since(owing);
            if silent >= keep_alive {
                return Err(Gone::Vanished(silent));
            }
            keep_alive - silent
        } else {
            self.owing = None;
            // Data or a probe may be sent at any time and stay without an answer.
            keep_alive / 2
        };
        if let Some(patience) = self.patience {
            let limit = keep_alive.saturating_mul(patience);
            let without = now.saturating_duration_since(progress);
            if without >= limit {
                return Err(Gone::TakesNothing(without));
            }
            look_in = look_in.min(limit - without);
        }
        Ok(Some(now + look_in.min(MAX_PAUSE)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP_ALIVE: Duration = Duration::from_secs(10);

    /// A connection that has sent 1000 bytes, and its start time.
    struct Case {
        life: Liveness,
        start: Instant,
    }

    impl Case {
        fn new() -> Case {
            let start = Instant::now();
            Case {
                life: Liveness::of_client(),
                start,
            }
        }

        /// A check after `at` seconds; the last acknowledgement came `last` seconds before it.
        fn look(
            &mut self,
            at: u64,
            missing: u64,
            expected: bool,
            last: u64,
        ) -> Result<Option<Instant>, Gone> {
            let told = Acknowledgements {
                missing,
                expected,
                last: Duration::from_secs(last),
            };
            let now = self.start + Duration::from_secs(at);
            self.life.judge(Some(told), 1000, 0, KEEP_ALIVE, now)
        }

        fn again(&self, at: u64) -> Result<Option<Instant>, Gone> {
            Ok(Some(self.start + Duration::from_secs(at)))
        }
    }

    #[test]
    fn a_host_that_owes_an_acknowledgement_has_vanished_after_keep_alive() {
        let mut case = Case::new();
        // An hour of idling before does not count.
        assert_eq!(case.look(0, 100, true, 3600), case.again(10));
        assert_eq!(case.look(9, 100, true, 3609), case.again(10));
        let after = Duration::from_secs(10);
        assert_eq!(case.look(10, 100, true, 3610), Err(Gone::Vanished(after)));
    }

    #[test]
    fn an_acknowledgement_between_two_looks_counts_from_when_it_came() {
        let mut case = Case::new();
        assert_eq!(case.look(0, 100, true, 1), case.again(10));
        assert_eq!(case.look(10, 50, true, 2), case.again(18));
        let after = Duration::from_secs(10);
        assert_eq!(case.look(18, 50, true, 10), Err(Gone::Vanished(after)));
    }

    #[test]
    fn data_sent_a_moment_ago_does_not_count_as_missing_for_long() {
        let mut case = Case::new();
        assert_eq!(case.look(0, 100, true, 1), case.again(10));
        // Those were acknowledged after a second, and other bytes have just been sent.
        let told = Acknowledgements {
            missing: 60,
            expected: true,
            last: Duration::from_secs(11),
        };
        let now = case.start + Duration::from_secs(12);
        let look = case.life.judge(Some(told), 1060, 0, KEEP_ALIVE, now);
        assert_eq!(look, case.again(22));
    }

    #[test]
    fn a_host_that_answers_window_probes_is_alive_and_reads_nothing() {
        let mut case = Case::new();
        let mut probed = |at: u64| case.look(at, 500, at % 10 == 5, at % 10);
        for at in 0..60 {
            assert!(probed(at).is_ok(), "after {at} s");
        }
        let after = Duration::from_secs(60);
        assert_eq!(probed(60), Err(Gone::TakesNothing(after)));
    }

    #[test]
    fn a_peer_that_reads_a_byte_now_and_then_is_kept() {
        let mut case = Case::new();
        for at in 0..1000 {
            let verdict = case.look(at, 999 - at / 2, false, at % 10);
            assert!(matches!(verdict, Ok(Some(_))), "{verdict:?}");
        }
    }

    #[test]
    fn with_nothing_to_acknowledge_the_times_start_again() {
        let mut case = Case::new();
        assert_eq!(case.look(0, 100, true, 0), case.again(10));
        assert_eq!(case.look(70, 0, false, 60), Ok(None));
        assert_eq!(case.look(1000, 100, true, 990), case.again(1010));
    }

    #[test]
    fn any_keep_alive_is_accepted() {
        let mut life = Liveness::of_client();
        let told = Acknowledgements {
            missing: 1,
            expected: true,
            last: Duration::from_secs(50 * 86400),
        };
        for keep_alive in [
            Duration::ZERO,
            Duration::from_micros(u64::MAX),
            Duration::MAX,
        ] {
            let verdict = life.judge(Some(told), 1, 0, keep_alive, Instant::now());
            assert!(matches!(verdict, Ok(Some(_))), "{keep_alive:?}");
        }
    }
}
