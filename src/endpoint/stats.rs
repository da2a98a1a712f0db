//! What an endpoint has done: transactions by type and outcome, bytes, how many at a time, and how
//! long they took. Counted for each connection; an endpoint's figures are the sum of its
//! connections', those of the past included.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bus::{POST, READ, VERIFY, WRITE};

/// Transactions of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Carried out. A Post counts as such once a client has sent it, and once a server's slave has
    /// taken it.
    pub done: u64,
    /// Failed, for whatever reason.
    pub failed: u64,
}

/// Figures of one endpoint, or of one connection, since its beginning.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// Transactions of type Read.
    pub reads: Outcomes,
    /// Transactions of type Write.
    pub writes: Outcomes,
    /// Transactions of type Post.
    pub posts: Outcomes,
    /// Transactions of type Verify.
    pub verifies: Outcomes,
    /// Of those that failed, how many because their time was over.
    pub timed_out: u64,
    /// Of those that failed, how many the server refused without asking its slave: their size, type
    /// or data were wrong. They are of any type, and counted here alone. Always 0 at a client.
    pub refused: u64,
    /// Bytes of data that Reads and Verifies have brought.
    pub bytes_read: u64,
    /// Bytes of data that Writes and Posts have taken.
    pub bytes_written: u64,
    /// Transactions that are under way: sent and not answered (client), in the slave's hands
    /// (server).
    pub outstanding: u64,
    /// The most that have been under way at a time.
    pub most_outstanding: u64,
    latency: Option<Box<Histogram<u64>>>,
}

/// The spread of the times that transactions took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    /// How many transactions were timed.
    pub count: u64,
    /// The shortest time.
    pub min: Duration,
    /// The mean of all times.
    pub mean: Duration,
    /// The longest time.
    pub max: Duration,
}

/// A transaction that is over, as it is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Over {
    pub(super) kind: u32,
    pub(super) size: u32,
    pub(super) end: End,
    /// From request to response; `None` if there was no response, or no request.
    pub(super) took: Option<Duration>,
}

/// How a transaction came out, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Failed,
    TimedOut,
}

impl Traffic {
    pub(super) fn begin(&mut self) {
        self.outstanding += 1;
        self.most_outstanding = self.most_outstanding.max(self.outstanding);
    }

    /// One that was begun is over.
    pub(super) fn end(&mut self, over: &Over) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.count(over);
    }

    /// As many have been begun in all, at most `most` of them under way at a time: for who counts that
    /// elsewhere than what is over.
    pub(super) fn set_begun(&mut self, count: u64, most: u64) {
        let all = [self.reads, self.writes, self.posts, self.verifies];
        let over: u64 = all.iter().map(|kind| kind.done + kind.failed).sum();
        self.outstanding = count.saturating_sub(over);
        self.most_outstanding = most;
    }

    /// One is over that was not begun, or that is not under way any more.
    pub(super) fn count(&mut self, over: &Over) {
        let size = u64::from(over.size);
        let (outcomes, bytes) = match over.kind {
            READ => (&mut self.reads, &mut self.bytes_read),
            WRITE => (&mut self.writes, &mut self.bytes_written),
            POST => (&mut self.posts, &mut self.bytes_written),
            VERIFY => (&mut self.verifies, &mut self.bytes_read),
            _ => return,
        };
        if over.end == End::Done {
            outcomes.done += 1;
            *bytes += size;
        } else {
            outcomes.failed += 1;
            self.timed_out += u64::from(over.end == End::TimedOut);
        }
        if let Some(took) = over.took {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            let histogram = self.latency.get_or_insert_with(histogram);
            // It grows as needed, so that it cannot fail.
            let _ = histogram.record(nanos);
        }
    }

    /// Adds the figures of a connection. The most that were under way in it say nothing about all.
    pub(super) fn add(&mut self, other: &Traffic) {
        for (sum, part) in [
            (&mut self.reads, &other.reads),
            (&mut self.writes, &other.writes),
            (&mut self.posts, &other.posts),
            (&mut self.verifies, &other.verifies),
        ] {
            sum.done += part.done;
            sum.failed += part.failed;
        }
        self.timed_out += other.timed_out;
        self.refused += other.refused;
        self.bytes_read += other.bytes_read;
        self.bytes_written += other.bytes_written;
        self.outstanding += other.outstanding;
        self.most_outstanding = self.most_outstanding.max(other.most_outstanding);
        if let Some(latency) = &other.latency {
            let sum = self.latency.get_or_insert_with(histogram);
            // As above.
            let _ = sum.add(latency.as_ref());
        }
    }

    /// The times from request to response, of those that had one: at a client from sending to the
    /// answer, at a server from the request's arrival to its slave's answer.
    pub fn latency(&self) -> Latency {
        let Some(histogram) = self.latency.as_deref().filter(|h| !h.is_empty()) else {
            return Latency::default();
        };
        Latency {
            count: histogram.len(),
            min: Duration::from_nanos(histogram.min()),
            mean: Duration::from_nanos(histogram.mean() as u64),
            max: Duration::from_nanos(histogram.max()),
        }
    }

    /// The time within which the fraction `quantile` (0 to 1) of the transactions was over, to two
    /// digits; zero as long as there are none.
    pub fn latency_at(&self, quantile: f64) -> Duration {
        self.latency.as_deref().map_or(Duration::ZERO, |histogram| {
            Duration::from_nanos(histogram.value_at_quantile(quantile.clamp(0.0, 1.0)))
        })
    }
}

/// Nanoseconds to two digits, or to 256 ns, of any magnitude. It takes more memory as longer times
/// come: 3 KiB up to 0.1 ms, 1 KiB more for each doubling.
fn histogram() -> Box<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(256, 512, 2).expect("bounds that fit");
    histogram.auto(true);
    Box::new(histogram)
}

/// Connections of a server that it has dropped, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// There were as many as may be.
    pub over_limit: u64,
    /// No handshake came in time.
    pub handshake: u64,
    /// They sent what no client of the bridge may send.
    pub protocol: u64,
    /// They did not read their responses.
    pub not_reading: u64,
    /// The network failed: no sign of life. The end of a peer's process is none of these.
    pub network: u64,
}

/// Figures of a server.
#[derive(Clone, Debug, Default)]
pub struct ServerStats {
    /// What it did for all clients together.
    pub traffic: Traffic,
    /// Connections at this moment, two for each client.
    pub connections: u64,
    /// Connections that there have been, those of this moment included.
    pub connections_total: u64,
    /// Those of them that the server had to drop.
    pub dropped: Dropped,
    /// Bytes of responses that wait to be read, of all clients together.
    pub bytes_queued: u64,
}

/// One client of a server, at this moment.
#[derive(Clone, Debug)]
pub struct PeerStats {
    /// Where it is.
    pub address: std::net::IpAddr,
    /// The port that its request connection comes from: tells clients at one address apart.
    pub port: u16,
    /// It is of this library: it names its session. Others are of the field.
    pub session: bool,
    /// What was done for it since it connected.
    pub traffic: Traffic,
    /// Bytes of responses that it has not read yet.
    pub bytes_queued: u64,
}

/// Figures of a client.
#[derive(Clone, Debug, Default)]
pub struct ClientStats {
    /// All that it did.
    pub traffic: Traffic,
    /// What it did over the connection that there is now.
    pub connection: Traffic,
    /// How often it has connected.
    pub connects: u64,
    /// How often a connection was lost.
    pub losses: u64,
    /// How often an attempt to connect has failed.
    pub failed_attempts: u64,
    /// What was sent over connections that were lost, and may not have arrived.
    pub unacknowledged: Unacknowledged,
}

/// What was sent over a connection and not acknowledged by the server's host before the connection was
/// lost: the server may have got it, or not. 0 where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Bytes, of requests of all types.
    pub bytes: u64,
    /// Posted writes, which count as done since they had been sent. Those that were not sent have
    /// failed.
    pub posts: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(kind: u32, end: End, took: u64) -> Over {
        Over {
            kind,
            size: 4,
            end,
            took: Some(Duration::from_micros(took)),
        }
    }

    #[test]
    fn transactions_are_counted_by_type_and_outcome() {
        let mut traffic = Traffic::default();
        traffic.begin();
        traffic.begin();
        traffic.end(&over(READ, End::Done, 10));
        traffic.begin();
        traffic.end(&over(WRITE, End::Failed, 20));
        traffic.end(&over(READ, End::TimedOut, 30));
        traffic.count(&over(99, End::Failed, 1));
        assert_eq!(traffic.reads, Outcomes { done: 1, failed: 1 });
        assert_eq!(traffic.writes, Outcomes { done: 0, failed: 1 });
        assert_eq!((traffic.timed_out, traffic.bytes_read), (1, 4));
        assert_eq!((traffic.outstanding, traffic.most_outstanding), (0, 2));
        let mut sum = Traffic::default();
        sum.add(&traffic);
        sum.add(&traffic);
        assert_eq!(sum.reads, Outcomes { done: 2, failed: 2 });
        assert_eq!(sum.latency().count, 6);
    }

    #[test]
    fn times_are_told_to_two_digits_whatever_their_length() {
        let mut traffic = Traffic::default();
        assert_eq!(traffic.latency(), Latency::default());
        for micros in [1, 1000, 1_000_000, 3_600_000_000] {
            traffic.count(&over(READ, End::Done, micros));
        }
        let median = traffic.latency_at(0.5).as_secs_f64();
        assert!((median - 1e-3).abs() < 2e-5, "{median}");
        let longest = traffic.latency_at(1.0).as_secs_f64();
        assert!((longest - 3600.0).abs() < 72.0, "{longest}");
        assert_eq!(traffic.latency().count, 4);
    }
}
