//! The sending half of a connection. Any thread may send: it writes its message to the socket
//! itself, and only bytes that the socket does not take wait in a queue for the endpoint's thread.
//!
//! A sender that knows of more messages to come may *defer* one, so that several leave in one
//! system call: the message waits in the same queue for the next [`Outgoing::flush`] or
//! [`Outgoing::send`].

mod queue;

use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Buf;
use tokio::sync::Notify;

use super::socket;
use crate::bus::DataLock;
pub(super) use queue::{Body, Chunk};
use queue::{Queue, COPIED_BELOW, MAX_PARTS};

/// Most bytes that are deferred. With more, the next message is sent at once.
pub(super) const MAX_DEFERRED: usize = 1 << 15;

/// The sending half of a connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: Arc<TcpStream>,
    queue: Mutex<Queue>,
    /// Wakes the endpoint's thread when the socket did not take all bytes, and when sent bytes have
    /// to be watched for acknowledgement.
    pub(super) pending: Notify,
    /// The endpoint's thread watches whether the peer acknowledges sent bytes (`liveness.rs`).
    watched: AtomicBool,
    /// Bytes that wait. Written under the queue's lock, read without it.
    waiting: AtomicUsize,
    /// Bytes of memory that are held because the socket did not take them. Written under the
    /// queue's lock, read without it.
    held: AtomicUsize,
    /// The sum of `held` over all connections of the endpoint.
    total: Arc<AtomicUsize>,
}

/// The outcome of sending a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The socket has taken all of it. The value is that of [`Outgoing::sent`] after it.
    Whole(u64),
    /// A part waits. It has been sent when [`Outgoing::sent`] reaches the value.
    Queued(u64),
    /// It waits for the next flush, and has been sent when [`Outgoing::sent`] reaches `mark`.
    /// `first`: nothing waited before, so the caller must arrange for the flush.
    Deferred { mark: u64, first: bool },
    /// The connection is closed and the message lost.
    Closed,
}

impl Outgoing {
    /// The sending half of `stream`. `total` counts the held bytes of all connections.
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

    /// Sends a message of three parts, behind deferred ones. Bytes that the socket does not take
    /// now are queued.
    pub(super) fn send(&self, head: &[u8], body: Body<'_>, tail: &[u8]) -> Sent {
        let mut queue = self.lock();
        // A small message is joined to the deferred bytes and leaves with them in one call.
        let joins = matches!(body, Body::Owned(_)) || body.len() < COPIED_BELOW;
        if queue.deferred && !joins && self.flush_locked(&mut queue).is_err() {
            return Sent::Closed;
        }
        if queue.closed {
            return Sent::Closed;
        }
        let lent = matches!(body, Body::Lent(_));
        let size = body.len();
        let start = body.start();
        // A body in several parts (zeros) goes through the queue.
        let scattered = start.len() < size;
        if queue.has_remaining() || scattered {
            let now = queue.deferred || !queue.has_remaining();
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

    /// Queues a message of three parts for the next flush. Sends it at once if it is large or
    /// enough bytes are deferred.
    pub(super) fn defer(&self, head: &[u8], body: Body<'_>, tail: &[u8]) -> Sent {
        let mut queue = self.lock();
        let stalled = queue.has_remaining() && !queue.deferred;
        if queue.closed
            || stalled
            || body.len() >= COPIED_BELOW
            || queue.remaining() >= MAX_DEFERRED
        {
            drop(queue);
            return self.send(head, body, tail);
        }
        let first = !queue.has_remaining();
        queue.push_parts([head, body.start(), tail]);
        queue.deferred = true;
        // Not counted as held: deferred bytes leave within microseconds.
        self.waiting.store(queue.remaining(), Ordering::Relaxed);
        let mark = queue.sent + queue.remaining() as u64;
        Sent::Deferred { mark, first }
    }

    /// The outcome for a message whose end was put in the queue. The endpoint's thread sends the
    /// rest, except for `lent` bytes, whose lender does.
    fn rest(&self, queue: MutexGuard<'_, Queue>, lent: bool) -> Sent {
        if !queue.has_remaining() {
            return Sent::Whole(queue.sent);
        }
        let mark = queue.sent + queue.remaining() as u64;
        drop(queue);
        if !lent {
            self.pending.notify_one();
        }
        Sent::Queued(mark)
    }

    /// Sends what the socket takes of the queue. Returns the number of bytes that still wait.
    pub(super) fn flush(&self) -> io::Result<usize> {
        let mut queue = self.lock();
        self.flush_locked(&mut queue)?;
        Ok(queue.remaining())
    }

    fn flush_locked(&self, queue: &mut Queue) -> io::Result<()> {
        queue.deferred = false;
        let before = queue.sent;
        while queue.has_remaining() {
            let mut parts = [IoSlice::new(&[]); MAX_PARTS];
            let count = queue.chunks_vectored(&mut parts);
            match socket::send(&self.stream, &parts[..count]) {
                Ok(count) => {
                    queue.advance(count);
                    queue.sent += count as u64;
                }
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

    /// Gives back bytes that were lent with `lock`: those that still wait are copied to `room`,
    /// whose capacity must suffice, and the endpoint's thread sends them.
    pub(super) fn take_back(&self, lock: &Arc<DataLock>, room: Vec<u8>) {
        let mut queue = self.lock();
        queue.take_back(lock, room);
        if queue.has_remaining() {
            self.pending.notify_one();
        }
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Bytes of memory that are held because the socket did not take them. A large message is held
    /// as a whole until all of it has been sent. Deferred bytes do not count.
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
        queue.has_remaining() && !queue.deferred
    }

    /// The connection's socket.
    pub(super) fn stream(&self) -> &Arc<TcpStream> {
        &self.stream
    }

    /// Has the endpoint's thread watch for acknowledgements. Call it after sending. SeqCst pairs
    /// with [`Outgoing::unwatch`]: either the thread sees the sent bytes when it looks again after
    /// `unwatch`, or this call sees `watched == false` and wakes it.
    pub(super) fn watch(&self) {
        if !self.watched.load(Ordering::SeqCst) && !self.watched.swap(true, Ordering::SeqCst) {
            self.pending.notify_one();
        }
    }

    /// Whether the endpoint's thread has to watch for acknowledgements.
    pub(super) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst)
    }

    /// Stops watching until more is sent. The caller must look once more afterwards.
    pub(super) fn unwatch(&self) {
        self.watched.store(false, Ordering::SeqCst);
    }

    /// Like [`Outgoing::close`], and discards what the kernel has not sent yet.
    pub(super) fn abort(&self) {
        socket::discard_when_closed(&self.stream);
        self.close();
    }

    /// Closes the connection: what waits is discarded, and a reader sees the end of the stream.
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
        // Fails only if the peer has closed already.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    /// Updates the counters that are read without the lock.
    fn count(&self, queue: &mut Queue) {
        self.waiting.store(queue.remaining(), Ordering::Relaxed);
        let held = queue.held();
        let before = std::mem::replace(&mut queue.counted, held);
        if held != before {
            self.held.store(held, Ordering::Relaxed);
            // Wraps around when `held` has become less, so that the sum is right.
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
    use bytes::BytesMut;
    use std::io::Read;
    use std::net::TcpListener;
    use std::time::Duration;

    fn pair() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(ours), listener.accept().unwrap().0)
    }

    #[test]
    fn bytes_that_the_socket_does_not_take_are_sent_later_in_order() {
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
        let body = BytesMut::zeroed(size);
        outgoing.send(b"head", Body::Owned(Chunk::Bytes(body)), b"");
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
    fn lent_bytes_are_taken_back_half_sent() {
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
