//! The sending half of a connection, for any thread: a message is written to the socket by whoever
//! has it, and only what the socket does not take at once waits in a queue for the endpoint's thread.
//!
//! Who knows that more is to come may *defer* a message instead, so that several leave in one system
//! call: it waits in the same queue until somebody calls [`Outgoing::flush`] or sends another.

mod queue;

use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::socket;
use crate::bus::DataLock;
pub(super) use queue::{Body, Chunk};
use queue::{Queue, MOST_PARTS, SMALL};

/// As many bytes are deferred before they are sent all the same.
pub(super) const MOST_DEFERRED: usize = 1 << 15;

/// The sending half of a connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: Arc<TcpStream>,
    queue: Mutex<Queue>,
    /// Told when bytes wait that the socket did not take, and when bytes have been sent whose
    /// acknowledgement nobody watches yet, for the endpoint's thread.
    pub(super) pending: Notify,
    /// The endpoint's thread watches whether the peer acknowledges what is sent: `liveness.rs`.
    watched: AtomicBool,
    /// Bytes that wait: changed under the lock of the queue, read without.
    waiting: AtomicUsize,
    /// Bytes of memory that are held because the socket did not take them, as `waiting`.
    held: AtomicUsize,
    /// The same of all connections of the endpoint.
    total: Arc<AtomicUsize>,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The socket has taken it, up to this mark: see [`Outgoing::sent`].
    Whole(u64),
    /// Some of it waits. It has been sent when [`Outgoing::sent`] reaches this.
    Queued(u64),
    /// It waits, up to `mark`, for the next flush. `first` if nothing else did: somebody has to see
    /// to that.
    Deferred { mark: u64, first: bool },
    /// The connection is closed: it is lost.
    Closed,
}

impl Outgoing {
    /// For `stream`, whose bytes that are held are counted in `total` too.
    pub(super) fn new(stream: Arc<TcpStream>, total: Arc<AtomicUsize>) -> Outgoing {
        Outgoing {
            stream,
            queue: Mutex::new(Queue::new()),
            pending: Notify::new(),
            watched: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            total,
        }
    }

    /// Sends a message of three parts, after what was deferred; what the socket does not take of it
    /// now is kept.
    pub(super) fn send(&self, head: &[u8], body: Body<'_>, tail: &[u8]) -> Sent {
        let mut queue = self.lock();
        // What can be joined to what was deferred leaves with it in one call.
        let joins = matches!(body, Body::Owned(_)) || body.len() < SMALL;
        if queue.deferred && !joins && self.flush_locked(&mut queue).is_err() {
            return Sent::Closed;
        }
        if queue.closed {
            return Sent::Closed;
        }
        let lent = matches!(body, Body::Lent(_));
        let size = body.len();
        let start = body.start();
        // A body that does not lie in one place goes by way of the queue.
        let scattered = start.len() < size;
        if queue.bytes > 0 || scattered {
            let now = queue.deferred || queue.bytes == 0;
            queue.push_message(head, body, tail, 0);
            if !now {
                self.count(&mut queue);
            } else if self.flush_locked(&mut queue).is_err() {
                return Sent::Closed;
            }
            return self.rest(queue, lent);
        }
        let whole = head.len() + size + tail.len();
        let parts = [IoSlice::new(head), IoSlice::new(start), IoSlice::new(tail)];
        let taken = match socket::send(&self.stream, &parts) {
            Ok(count) => count,
            Err(error) if socket::is_early(&error) => 0,
            Err(_) => {
                self.close_locked(&mut queue);
                return Sent::Closed;
            }
        };
        queue.sent += taken as u64;
        self.watch();
        if taken == whole {
            return Sent::Whole(queue.sent);
        }
        queue.push_message(head, body, tail, taken);
        self.count(&mut queue);
        self.rest(queue, lent)
    }

    /// Keeps a message of three parts for the next flush, unless it is large or there is enough to
    /// send.
    pub(super) fn defer(&self, head: &[u8], body: Body<'_>, tail: &[u8]) -> Sent {
        let mut queue = self.lock();
        let stalled = queue.bytes > 0 && !queue.deferred;
        if queue.closed || stalled || body.len() >= SMALL || queue.bytes >= MOST_DEFERRED {
            drop(queue);
            return self.send(head, body, tail);
        }
        let first = queue.bytes == 0;
        queue.push_parts([head, body.start(), tail]);
        queue.deferred = true;
        // Not counted in the total: they wait for next to no time.
        self.waiting.store(queue.bytes, Ordering::Relaxed);
        let mark = queue.sent + queue.bytes as u64;
        Sent::Deferred { mark, first }
    }

    /// What came of a message of which the end is in the queue, or was. Who has lent its bytes sees to
    /// the rest.
    fn rest(&self, queue: MutexGuard<'_, Queue>, lent: bool) -> Sent {
        if queue.bytes == 0 {
            return Sent::Whole(queue.sent);
        }
        let mark = queue.sent + queue.bytes as u64;
        drop(queue);
        if !lent {
            self.pending.notify_one();
        }
        Sent::Queued(mark)
    }

    /// Sends what the socket takes of the queue; returns how many bytes wait still.
    pub(super) fn flush(&self) -> io::Result<usize> {
        let mut queue = self.lock();
        self.flush_locked(&mut queue)?;
        Ok(queue.bytes)
    }

    fn flush_locked(&self, queue: &mut Queue) -> io::Result<()> {
        queue.deferred = false;
        let before = queue.sent;
        while queue.bytes > 0 {
            let mut parts = [IoSlice::new(&[]); MOST_PARTS];
            let count = queue.parts(&mut parts);
            match socket::send(&self.stream, &parts[..count]) {
                Ok(count) => queue.advance(count),
                Err(error) if socket::is_early(&error) => break,
                Err(error) => {
                    self.close_locked(queue);
                    return Err(error);
                }
            }
        }
        if queue.sent != before {
            self.watch();
        }
        self.count(queue);
        if queue.closed {
            return Err(ErrorKind::NotConnected.into());
        }
        Ok(())
    }

    /// What waits of bytes that were lent with `lock` is copied to `room`, which must be large enough:
    /// nobody reads the lock any more. It is for the endpoint's thread then.
    pub(super) fn take_back(&self, lock: &Arc<DataLock>, room: Vec<u8>) {
        let mut queue = self.lock();
        queue.take_back(lock, room);
        if queue.bytes > 0 {
            self.pending.notify_one();
        }
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes of memory that are held for what the socket did not take: a message is held as a whole
    /// until all of it has been sent. What is deferred does not count.
    pub(super) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    /// Bytes that the socket has taken since the connection began.
    pub(super) fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Whether bytes wait that the socket did not take.
    pub(super) fn is_stalled(&self) -> bool {
        let queue = self.lock();
        queue.bytes > 0 && !queue.deferred
    }

    /// The connection's socket.
    pub(super) fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// What is sent is to be watched. Called after it has been sent: either the endpoint's thread sees
    /// it when it looks once more after [`Outgoing::unwatch`], or this sees that nobody watches.
    pub(super) fn watch(&self) {
        if !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst) {
            self.pending.notify_one();
        }
    }

    /// Whether the endpoint's thread is to watch what the peer acknowledges.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst)
    }

    /// The endpoint's thread watches no more, until more is sent. It has to look once again.
    pub(super) fn unwatch(&self) {
        self.watched.store(false, Ordering::SeqCst);
    }

    /// As [`Outgoing::close`], and what the socket has taken and not sent yet never leaves.
    pub(super) fn abort(&self) {
        socket::discard_when_closed(&self.stream);
        self.close();
    }

    /// Ends the connection: what waits is discarded, and whoever reads it sees its end.
    pub(super) fn close(&self) {
        self.close_locked(&mut self.lock());
        self.pending.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn close_locked(&self, queue: &mut Queue) {
        queue.close();
        self.count(queue);
        // Fails when the peer has closed already, which is as well.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Tells those who look without a lock how much waits.
    fn count(&self, queue: &mut Queue) {
        self.waiting.store(queue.bytes, Ordering::Relaxed);
        let held = queue.held();
        let before = std::mem::replace(&mut queue.counted, held);
        if held != before {
            self.held.store(held, Ordering::Relaxed);
            // It wraps around on the way down, as it is meant to.
            self.total
                .fetch_add(held.wrapping_sub(before), Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        let counted = self
            .queue
            .get_mut()
            .map_or_else(|q| q.into_inner().counted, |q| q.counted);
        self.total.fetch_sub(counted, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bus::{Memory, Transaction, WRITE};
    use std::io::Read;
    use std::net::TcpListener;
    use std::time::Duration;

    fn pair() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(ours), listener.accept().unwrap().0)
    }

    #[test]
    fn what_the_socket_does_not_take_is_sent_later_in_order() {
        let (ours, mut theirs) = pair();
        let outgoing = Outgoing::new(Arc::clone(&ours), Arc::default());
        let body: Vec<u8> = (0..20_000_000u32).map(|n| n as u8).collect();
        let mut expected = Vec::new();
        for zeros in [10usize, 100_000] {
            assert_ne!(
                outgoing.send(b"head", Body::Borrowed(&body), b"tail"),
                Sent::Closed
            );
            let chunk = Body::Owned(Chunk::Zeros(zeros));
            assert_ne!(outgoing.send(b"zero", chunk, b"end"), Sent::Closed);
            expected.extend_from_slice(b"head");
            expected.extend_from_slice(&body);
            expected.extend_from_slice(b"tailzero");
            expected.resize(expected.len() + zeros, 0);
            expected.extend_from_slice(b"end");
        }
        assert!(outgoing.queued() > 0);
        assert!(outgoing.is_stalled());
        let count = expected.len();
        let reader = std::thread::spawn(move || {
            let mut got = vec![0; count];
            theirs.read_exact(&mut got).map(|()| got)
        });
        while outgoing.flush().unwrap() > 0 {
            socket::wait(&ours, socket::Until::Writable, Duration::from_secs(10));
        }
        assert_eq!(outgoing.sent(), count as u64);
        assert!(reader.join().unwrap().unwrap() == expected);
    }

    #[test]
    fn a_message_is_held_as_a_whole_until_it_has_been_sent() {
        let (ours, mut theirs) = pair();
        let total = Arc::default();
        let outgoing = Outgoing::new(Arc::clone(&ours), Arc::clone(&total));
        let size = 20_000_000;
        outgoing.send(b"head", Body::Owned(Chunk::Bytes(vec![1; size])), b"");
        let waiting = outgoing.queued();
        assert!(waiting > 0 && waiting < size, "{waiting}");
        let counted = || (outgoing.held(), total.load(Ordering::Relaxed));
        assert_eq!(counted(), (size, size));
        let reader = std::thread::spawn(move || theirs.read_exact(&mut vec![0; size + 4]));
        while outgoing.flush().unwrap() > 0 {
            assert_eq!(counted(), (size, size));
            socket::wait(&ours, socket::Until::Writable, Duration::from_secs(10));
        }
        assert_eq!(counted(), (0, 0));
        reader.join().unwrap().unwrap();
    }

    #[test]
    fn what_was_lent_is_taken_back_half_sent() {
        let (ours, mut theirs) = pair();
        let outgoing = Outgoing::new(Arc::clone(&ours), Arc::default());
        let bytes: Vec<u8> = (0..20_000_000u32).map(|n| (n % 251) as u8).collect();
        let memory = Some(Memory::owned(bytes.clone()));
        let transaction = Transaction::new(0, bytes.len() as u32, WRITE, memory, Duration::MAX);
        let lock = Arc::new(transaction.lock());
        let room = || Vec::with_capacity(bytes.len());
        for head in [b"one", b"two"] {
            let sent = outgoing.send(head, Body::Lent(&lock), b"end");
            assert!(matches!(sent, Sent::Queued(_)));
        }
        let waiting = outgoing.queued();
        // The first one has begun, the second one has not; each is taken back once.
        for holders in [2, 1] {
            outgoing.take_back(&lock, room());
            assert_eq!(Arc::strong_count(&lock), holders);
        }
        outgoing.take_back(&lock, room());
        assert_eq!(outgoing.queued(), waiting);
        let mut lock = Arc::into_inner(lock).unwrap();
        lock.bytes_mut().unwrap().fill(0);
        let expected = [b"one", &bytes[..], b"endtwo", &bytes[..], b"end"].concat();
        let reader = std::thread::spawn(move || {
            let mut got = Vec::new();
            theirs.read_to_end(&mut got).map(|_| got)
        });
        while outgoing.flush().unwrap() > 0 {
            socket::wait(&ours, socket::Until::Writable, Duration::from_secs(10));
        }
        outgoing.close();
        assert!(reader.join().unwrap().unwrap() == expected);
    }

    #[test]
    fn a_closed_connection_takes_nothing() {
        let (ours, mut theirs) = pair();
        let outgoing = Outgoing::new(ours, Arc::default());
        outgoing.close();
        assert_eq!(
            outgoing.send(b"a", Body::Borrowed(b"b"), b"c"),
            Sent::Closed
        );
        assert!(outgoing.flush().is_err());
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
    }
}
