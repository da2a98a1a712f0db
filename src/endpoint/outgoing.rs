//! The sending half of a connection, for any thread: a message is written to the socket by whoever
//! has it, and only what the socket does not take at once waits in a queue for the endpoint's thread.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::Notify;

use super::socket;
use crate::bus::Payload;

/// As many zeros as are sent from one place.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// What is less than this is copied to what waits before it.
const SMALL: usize = 4096;

/// Bytes that wait to be sent.
#[derive(Debug)]
pub(super) enum Chunk {
    /// Copied bytes.
    Bytes(Vec<u8>),
    /// The bytes of a completed transaction.
    Payload(Payload),
    /// So many zeros.
    Zeros(usize),
}

impl Chunk {
    pub(super) fn len(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::Payload(payload) => payload.as_ref().len(),
            Chunk::Zeros(count) => *count,
        }
    }

    /// Bytes from `offset` on; perhaps not all, but some when there are any.
    pub(super) fn from(&self, offset: usize) -> &[u8] {
        match self {
            Chunk::Bytes(bytes) => &bytes[offset..],
            Chunk::Payload(payload) => &payload.as_ref()[offset..],
            Chunk::Zeros(count) => &ZEROS[..(count - offset).min(ZEROS.len())],
        }
    }
}

/// The middle part of a message.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Bytes of somebody else's: what must wait is copied.
    Borrowed(&'a [u8]),
    /// Bytes that can wait as they are.
    Owned(Chunk),
}

impl Body<'_> {
    fn len(&self) -> usize {
        match self {
            Body::Borrowed(bytes) => bytes.len(),
            Body::Owned(chunk) => chunk.len(),
        }
    }

    fn start(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Owned(chunk) => chunk.from(0),
        }
    }
}

/// The sending half of a connection.
#[derive(Debug)]
pub(super) struct Outgoing {
    stream: Arc<TcpStream>,
    queue: Mutex<Queue>,
    /// Told when bytes wait in the queue, for the endpoint's thread.
    pub(super) pending: Notify,
}

#[derive(Debug)]
struct Queue {
    chunks: VecDeque<Chunk>,
    /// Of the first chunk, the bytes that have been sent.
    offset: usize,
    /// Bytes that wait.
    bytes: usize,
    /// Bytes that the socket has taken since the connection began.
    sent: u64,
    progress: Instant,
    closed: bool,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The socket has taken it.
    Whole,
    /// Some of it waits. It has been sent when [`Outgoing::sent`] reaches this.
    Queued(u64),
    /// The connection is closed: it is lost.
    Closed,
}

impl Outgoing {
    pub(super) fn new(stream: Arc<TcpStream>) -> Outgoing {
        let queue = Queue {
            chunks: VecDeque::new(),
            offset: 0,
            bytes: 0,
            sent: 0,
            progress: Instant::now(),
            closed: false,
        };
        Outgoing {
            stream,
            queue: Mutex::new(queue),
            pending: Notify::new(),
        }
    }

    /// Sends a message of three parts; what the socket does not take of it now is kept.
    pub(super) fn send(&self, head: &[u8], body: Body<'_>, tail: &[u8]) -> Sent {
        let mut queue = self.lock();
        if queue.closed {
            return Sent::Closed;
        }
        let size = body.len();
        let mut taken = 0;
        if queue.bytes == 0 {
            let start = body.start();
            // A body that does not lie in one place goes by way of the queue, and the tail after it.
            let tail = if start.len() == size { tail } else { &[] };
            let parts = [IoSlice::new(head), IoSlice::new(start), IoSlice::new(tail)];
            match socket::send(&self.stream, &parts) {
                Ok(count) => taken = count,
                Err(error) if socket::is_early(&error) => {}
                Err(_) => {
                    self.close_locked(&mut queue);
                    return Sent::Closed;
                }
            }
            queue.sent += taken as u64;
            queue.progress = Instant::now();
        }
        if taken == head.len() + size + tail.len() {
            return Sent::Whole;
        }
        queue.push(Chunk::Bytes(head[taken.min(head.len())..].to_vec()), 0);
        taken = taken.saturating_sub(head.len());
        match body {
            Body::Borrowed(bytes) => queue.push(Chunk::Bytes(bytes[taken.min(size)..].to_vec()), 0),
            Body::Owned(chunk) => queue.push(chunk, taken.min(size)),
        }
        taken = taken.saturating_sub(size);
        queue.push(Chunk::Bytes(tail[taken..].to_vec()), 0);
        let mark = queue.sent + queue.bytes as u64;
        drop(queue);
        self.pending.notify_one();
        Sent::Queued(mark)
    }

    /// Sends what the socket takes of the queue; returns how many bytes wait still.
    pub(super) fn flush(&self) -> io::Result<usize> {
        let mut queue = self.lock();
        while queue.bytes > 0 {
            let parts = queue.parts();
            match socket::send(&self.stream, &parts) {
                Ok(count) => queue.advance(count),
                Err(error) if socket::is_early(&error) => break,
                Err(error) => {
                    self.close_locked(&mut queue);
                    return Err(error);
                }
            }
        }
        if queue.closed {
            return Err(ErrorKind::NotConnected.into());
        }
        Ok(queue.bytes)
    }

    /// Bytes that wait.
    pub(super) fn queued(&self) -> usize {
        self.lock().bytes
    }

    /// Bytes that the socket has taken since the connection began.
    pub(super) fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Since when bytes have waited without any of them being taken; `None` when none wait.
    pub(super) fn stalled_since(&self) -> Option<Instant> {
        let queue = self.lock();
        (queue.bytes > 0).then_some(queue.progress)
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
        queue.closed = true;
        queue.chunks.clear();
        queue.bytes = 0;
        queue.offset = 0;
        // Fails when the peer has closed already, which is as well.
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// Puts `chunk` last, less its first `offset` bytes. Only a chunk that becomes the first may
    /// have begun.
    fn push(&mut self, chunk: Chunk, offset: usize) {
        let left = chunk.len() - offset;
        if left == 0 {
            return;
        }
        debug_assert!(offset == 0 || self.chunks.is_empty());
        self.bytes += left;
        if let Some(Chunk::Bytes(last)) = self.chunks.back_mut() {
            // Many small messages must not cost more than their bytes.
            if left < SMALL && last.len() < ZEROS.len() {
                last.extend_from_slice(chunk.from(offset));
                return;
            }
        }
        if self.chunks.is_empty() {
            self.offset = offset;
        }
        self.chunks.push_back(chunk);
    }

    /// What to send next, as far as it fits one system call.
    fn parts(&self) -> Vec<IoSlice<'_>> {
        let mut parts = Vec::new();
        for (index, chunk) in self.chunks.iter().enumerate().take(32) {
            let offset = if index == 0 { self.offset } else { 0 };
            let start = chunk.from(offset);
            parts.push(IoSlice::new(start));
            if offset + start.len() < chunk.len() {
                break;
            }
        }
        parts
    }

    /// The socket has taken `count` bytes.
    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        self.sent += count as u64;
        self.progress = Instant::now();
        while count > 0 {
            let Some(first) = self.chunks.front() else {
                return;
            };
            let left = first.len() - self.offset;
            if count < left {
                self.offset += count;
                return;
            }
            count -= left;
            self.offset = 0;
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn pair() -> (Arc<TcpStream>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Arc::new(ours), listener.accept().unwrap().0)
    }

    #[test]
    fn what_the_socket_does_not_take_is_sent_later_in_order() {
        let (ours, mut theirs) = pair();
        let outgoing = Outgoing::new(Arc::clone(&ours));
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
        assert!(outgoing.stalled_since().is_some());
        let count = expected.len();
        let reader = std::thread::spawn(move || {
            let mut got = vec![0; count];
            theirs.read_exact(&mut got).map(|()| got)
        });
        while outgoing.flush().unwrap() > 0 {
            socket::wait(
                &ours,
                socket::Until::Writable,
                std::time::Duration::from_secs(10),
            );
        }
        assert_eq!(outgoing.sent(), count as u64);
        assert!(reader.join().unwrap().unwrap() == expected);
    }

    #[test]
    fn a_closed_connection_takes_nothing() {
        let (ours, mut theirs) = pair();
        let outgoing = Outgoing::new(ours);
        outgoing.close();
        assert_eq!(
            outgoing.send(b"a", Body::Borrowed(b"b"), b"c"),
            Sent::Closed
        );
        assert!(outgoing.flush().is_err());
        assert_eq!(theirs.read(&mut [0; 8]).unwrap(), 0);
    }
}
