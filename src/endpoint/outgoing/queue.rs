//! The bytes that a connection has still to send, in order.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use crate::bus::{DataLock, Payload};

/// As many zeros as are sent from one place.
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// What is less than this is copied to what waits before it.
pub(super) const SMALL: usize = 4096;
/// As many bytes of small messages are kept in one piece.
const MOST_JOINED: usize = 1 << 16;
/// As many pieces are given to the system in one call.
pub(super) const MOST_PARTS: usize = 32;
/// As much room is kept for bytes to come.
const MOST_SPARE: usize = 1 << 14;

/// Bytes that wait to be sent.
#[derive(Debug)]
pub(in crate::endpoint) enum Chunk {
    /// Copied bytes.
    Bytes(Vec<u8>),
    /// The bytes of a completed transaction.
    Payload(Payload),
    /// So many zeros.
    Zeros(usize),
    /// Bytes that somebody waits for to be sent, or to get back by [`Queue::take_back`]. Who lends
    /// them keeps the lock too, so that the last to let go of it does not do that in here.
    Lent(Arc<DataLock>),
}

impl Chunk {
    #[inline]
    pub(in crate::endpoint) fn len(&self) -> usize {
        match self {
            Chunk::Bytes(bytes) => bytes.len(),
            Chunk::Payload(payload) => payload.as_ref().len(),
            Chunk::Zeros(count) => *count,
            Chunk::Lent(lock) => lent(lock).len(),
        }
    }

    /// Bytes of memory that it takes: zeros take none.
    pub(in crate::endpoint) fn memory(&self) -> usize {
        match self {
            Chunk::Zeros(_) => 0,
            other => other.len(),
        }
    }

    /// Bytes from `offset` on; perhaps not all, but some when there are any.
    #[inline]
    pub(in crate::endpoint) fn from(&self, offset: usize) -> &[u8] {
        match self {
            Chunk::Bytes(bytes) => &bytes[offset..],
            Chunk::Payload(payload) => &payload.as_ref()[offset..],
            Chunk::Zeros(count) => &ZEROS[..(count - offset).min(ZEROS.len())],
            Chunk::Lent(lock) => &lent(lock)[offset..],
        }
    }
}

/// Not inlined: few messages are so large.
#[cold]
#[inline(never)]
fn lent(lock: &DataLock) -> &[u8] {
    lock.bytes().unwrap_or(&[])
}

/// The middle part of a message.
#[derive(Debug)]
pub(in crate::endpoint) enum Body<'a> {
    /// Bytes of somebody else's: what must wait is copied.
    Borrowed(&'a [u8]),
    /// Bytes that can wait as they are, until whoever lends them wants them back.
    Lent(&'a Arc<DataLock>),
    /// Bytes that can wait as they are.
    Owned(Chunk),
}

impl Body<'_> {
    #[inline]
    pub(in crate::endpoint) fn len(&self) -> usize {
        match self {
            Body::Borrowed(bytes) => bytes.len(),
            Body::Lent(lock) => lent(lock).len(),
            Body::Owned(chunk) => chunk.len(),
        }
    }

    #[inline]
    pub(super) fn start(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Lent(lock) => lent(lock),
            Body::Owned(chunk) => chunk.from(0),
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Of the first chunk, the bytes that have been sent.
    offset: usize,
    /// Bytes that wait.
    pub(super) bytes: usize,
    /// What was held when it was counted last.
    pub(super) counted: usize,
    /// They wait because somebody defers them, not because the socket takes no more.
    pub(super) deferred: bool,
    /// Bytes that the socket has taken since the connection began.
    pub(super) sent: u64,
    pub(super) closed: bool,
    /// Room for bytes to come, kept so that a steady flow takes no memory.
    spare: Vec<u8>,
}

impl Queue {
    pub(super) fn new() -> Queue {
        Queue {
            chunks: VecDeque::new(),
            offset: 0,
            bytes: 0,
            counted: 0,
            deferred: false,
            sent: 0,
            closed: false,
            spare: Vec::new(),
        }
    }

    /// Discards what waits.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.deferred = false;
        self.chunks.clear();
        self.bytes = 0;
        self.offset = 0;
    }

    /// Bytes of memory that are held: those that wait, and what has been sent of the piece that they
    /// begin with, which is let go of as a whole.
    pub(super) fn held(&self) -> usize {
        match self.chunks.front() {
            // They are nowhere in memory.
            None | Some(Chunk::Zeros(_)) => self.bytes,
            Some(_) => self.bytes + self.offset,
        }
    }

    /// Puts a message last, less its first `taken` bytes; only one that becomes the first may have
    /// begun.
    pub(super) fn push_message(&mut self, head: &[u8], body: Body<'_>, tail: &[u8], taken: usize) {
        let size = body.len();
        if taken == 0 && size < SMALL {
            self.push_parts([head, &body.start()[..size], tail]);
            return;
        }
        self.push_bytes(&head[taken.min(head.len())..]);
        let taken = taken.saturating_sub(head.len());
        match body {
            Body::Borrowed(bytes) => self.push_bytes(&bytes[taken.min(size)..]),
            Body::Lent(lock) => self.push(Chunk::Lent(Arc::clone(lock)), taken.min(size)),
            Body::Owned(chunk) => self.push(chunk, taken.min(size)),
        }
        self.push_bytes(&tail[taken.saturating_sub(size)..]);
    }

    /// Puts a copy of `bytes` last.
    fn push_bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.push_parts([bytes, &[], &[]]);
    }

    /// Puts a copy of `parts` last.
    pub(super) fn push_parts(&mut self, parts: [&[u8]; 3]) {
        let count: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes += count;
        if let Some(Chunk::Bytes(last)) = self.chunks.back_mut() {
            // Many small messages must not cost more than their bytes.
            if count < 2 * SMALL && last.len() + count <= MOST_JOINED {
                if last.capacity() - last.len() < count {
                    // Twice the room, but no more than will ever be used.
                    let room = (2 * last.capacity()).clamp(last.len() + count, MOST_JOINED);
                    last.reserve_exact(room - last.len());
                }
                parts.iter().for_each(|part| last.extend_from_slice(part));
                return;
            }
        }
        let mut chunk = std::mem::take(&mut self.spare);
        parts.iter().for_each(|part| chunk.extend_from_slice(part));
        self.chunks.push_back(Chunk::Bytes(chunk));
    }

    /// Puts `chunk` last, less its first `offset` bytes. Only a chunk that becomes the first may
    /// have begun.
    fn push(&mut self, chunk: Chunk, offset: usize) {
        let left = chunk.len() - offset;
        if left == 0 {
            return;
        }
        if left < SMALL {
            self.push_bytes(&chunk.from(offset)[..left]);
            return;
        }
        debug_assert!(offset == 0 || self.chunks.is_empty());
        self.bytes += left;
        if self.chunks.is_empty() {
            self.offset = offset;
        }
        self.chunks.push_back(chunk);
    }

    /// What waits of the bytes that were lent with `lock` is copied to `room`, which is large enough.
    pub(super) fn take_back(&mut self, lock: &Arc<DataLock>, mut room: Vec<u8>) {
        for (index, chunk) in self.chunks.iter_mut().enumerate() {
            let Chunk::Lent(held) = chunk else { continue };
            if !Arc::ptr_eq(held, lock) {
                continue;
            }
            let offset = if index == 0 {
                std::mem::take(&mut self.offset)
            } else {
                0
            };
            room.extend_from_slice(&lent(lock)[offset..]);
            *chunk = Chunk::Bytes(room);
            return;
        }
    }

    /// What to send next, as far as it fits one system call; returns how many parts that is.
    pub(super) fn parts<'a>(&'a self, parts: &mut [IoSlice<'a>; MOST_PARTS]) -> usize {
        let mut count = 0;
        for (index, chunk) in self.chunks.iter().enumerate() {
            let mut offset = if index == 0 { self.offset } else { 0 };
            while offset < chunk.len() {
                if count == MOST_PARTS {
                    return count;
                }
                let start = chunk.from(offset);
                parts[count] = IoSlice::new(start);
                count += 1;
                offset += start.len();
            }
        }
        count
    }

    /// The socket has taken `count` bytes.
    pub(super) fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
        self.sent += count as u64;
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
            if let Some(Chunk::Bytes(mut bytes)) = self.chunks.pop_front() {
                bytes.clear();
                if bytes.capacity() <= MOST_SPARE {
                    self.spare = bytes;
                }
            }
        }
    }
}
