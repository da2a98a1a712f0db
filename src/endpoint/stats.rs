//! The statistics of endpoints: transactions by type and outcome, bytes, how many were under way at
//! the same time, and how long they took. They are counted for each connection. Those of an
//! endpoint are the sum, including the connections of the past.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::bus::{POST, READ, VERIFY, WRITE};

/// Transactions of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Carried out. At a client a Post counts when it has been sent; at a server, when its slave
    /// has completed it.
    pub done: u64,
    /// Failed, for whatever reason.
    pub failed: u64,
}

/// Counters of one endpoint, or of one connection, since its beginning.
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
    /// Failed transactions that timed out. They are among the failed ones of their type.
    pub timed_out: u64,
    /// Transactions that the server refused without asking its slave: their size, type or data were
    /// wrong. They are of any type, and counted nowhere else. Always 0 at a client.
    pub refused: u64,
    /// Bytes of data of Reads and Verifies that were carried out.
    pub bytes_read: u64,
    /// Bytes of data of Writes and Posts that were carried out.
    pub bytes_written: u64,
    /// Transactions under way: sent and not answered (client), or in the slave's hands (server).
    pub outstanding: u64,
    /// The largest value that `outstanding` has had.
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

/// A transaction that has ended, for the counters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    pub(super) kind: u32,
    pub(super) size: u32,
    pub(super) end: EndedAs,
    /// The time from request to response; `None` without a response, or without a request.
    pub(super) took: Option<Duration>,
}

/// How a transaction ended, for the counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EndedAs {
    Done,
    Failed,
    TimedOut,
}

impl Traffic {
    pub(super) fn begin(&mut self) {
        self.outstanding += 1;
        self.most_outstanding = self.most_outstanding.max(self.outstanding);
    }

    /// A transaction that was begun has ended.
    pub(super) fn end(&mut self, ended: &Ended) {
        self.outstanding = self.outstanding.saturating_sub(1);
        self.count(ended);
    }

    /// `count` transactions have begun in all, at most `most` of them under way at the same time.
    /// For callers that count starts separately.
    pub(super) fn set_begun(&mut self, count: u64, most: u64) {
        let all = [self.reads, self.writes, self.posts, self.verifies];
        let over: u64 = all.iter().map(|kind| kind.done + kind.failed).sum();
        self.outstanding = count.saturating_sub(over);
        self.most_outstanding = most;
    }

    /// A transaction has ended that was not begun, or is not under way any more.
    pub(super) fn count(&mut self, ended: &Ended) {
        let size = u64::from(ended.size);
        let (outcomes, bytes) = match ended.kind {
            READ => (&mut self.reads, &mut self.bytes_read),
            WRITE => (&mut self.writes, &mut self.bytes_written),
            POST => (&mut self.posts, &mut self.bytes_written),
            VERIFY => (&mut self.verifies, &mut self.bytes_read),
            _ => return,
        };
        if ended.end == EndedAs::Done {
            outcomes.done += 1;
            *bytes += size;
        } else {
            outcomes.failed += 1;
            self.timed_out += u64::from(ended.end == EndedAs::TimedOut);
        }
        if let Some(took) = ended.took {
            let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
            let histogram = self.latency.get_or_insert_with(histogram);
            // It grows as needed, and so cannot fail.
            let _ = histogram.record(nanos);
        }
    }

    /// Adds the counters of a connection. How many transactions the connections had under way
    /// together is not known, so the largest `most_outstanding` is taken.
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

    /// The times from request to response, of transactions that had one: at a client from sending
    /// to the answer, at a server from the arrival of the request to the answer of its slave.
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

    /// The time within which the fraction `quantile` (0 to 1) of the transactions ended, to two
    /// decimal digits; zero while there are none.
    pub fn latency_at(&self, quantile: f64) -> Duration {
        self.latency.as_deref().map_or(Duration::ZERO, |histogram| {
            Duration::from_nanos(histogram.value_at_quantile(quantile.clamp(0.0, 1.0)))
        })
    }
}

/// Nanoseconds, to two digits or to 256 ns, of any magnitude. Longer times take more memory: 3 KiB
/// up to 0.1 ms, 1 KiB more for each doubling.
fn histogram() -> Box<Histogram<u64>> {
    let mut histogram = Histogram::new_with_bounds(256, 512, 2).expect("bounds that fit");
    histogram.auto(true);
    Box::new(histogram)
}

/// Connections that a server has dropped, by cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// There were too many connections, in all or from one address.
    pub over_limit: u64,
    /// The handshake, or the client's other connection, did not come in time.
    pub handshake: u64,
    /// The client broke the protocol.
    pub protocol: u64,
    /// The client did not read its responses.
    pub not_reading: u64,
    /// The network, or the host of the client, failed. The end of the client's process does not
    /// count.
    pub network: u64,
}

/// Statistics of a server.
#[derive(Clone, Debug, Default)]
pub struct ServerStats {
    /// All clients together.
    pub traffic: Traffic,
    /// Current connections, two for each client.
    pub connections: u64,
    /// Connections since the server began, the current ones included.
    pub connections_total: u64,
    /// Connections that the server has dropped.
    pub dropped: Dropped,
    /// Bytes of responses that all clients together have not read yet.
    pub bytes_queued: u64,
}

/// Statistics of one client that is connected to a server.
#[derive(Clone, Debug)]
pub struct PeerStats {
    /// The address of its host.
    pub address: std::net::IpAddr,
    /// The source port of its request connection. It tells clients at one address apart.
    pub port: u16,
    /// Whether it uses this library, and so names its session. Other clients are legacy ones.
    pub session: bool,
    /// Its transactions since it connected.
    pub traffic: Traffic,
    /// Bytes of responses that it has not read yet.
    pub bytes_queued: u64,
}

/// Statistics of a client.
#[derive(Clone, Debug, Default)]
pub struct ClientStats {
    /// All its transactions.
    pub traffic: Traffic,
    /// Its transactions over the current connection.
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

/// What was sent over a connection and not acknowledged by the server's host before the connection
/// was lost. The server may have received it, or not. 0 where the system does not tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unacknowledged {
    /// Bytes, of requests of all types.
    pub bytes: u64,
    /// Posted writes. They count as done, since they were sent. Those that were not sent count as
    /// failed.
    pub posts: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(kind: u32, end: EndedAs, took: u64) -> Ended {
        Ended {
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
        traffic.end(&ended(READ, EndedAs::Done, 10));
        traffic.begin();
        traffic.end(&ended(WRITE, EndedAs::Failed, 20));
        traffic.end(&ended(READ, EndedAs::TimedOut, 30));
        traffic.count(&ended(99, EndedAs::Failed, 1));
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
            traffic.count(&ended(READ, EndedAs::Done, micros));
        }
        let median = traffic.latency_at(0.5).as_secs_f64();
        assert!((median - 1e-3).abs() < 2e-5, "{median}");
        let longest = traffic.latency_at(1.0).as_secs_f64();
        assert!((longest - 3600.0).abs() < 72.0, "{longest}");
        assert_eq!(traffic.latency().count, 4);
    }
}
