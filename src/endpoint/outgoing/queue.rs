//! The bytes that a connection has still to send, in order.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

use crate::bus::{DataLock, Payload};

/// Source of the zeros in [`Chunk::Zeros`].
static ZEROS: [u8; 1 << 16] = [0; 1 << 16];

/// A body of fewer bytes is copied behind the bytes that wait; a longer one becomes a chunk.
pub(super) const COPIED_BELOW: usize = 4096;
/// Most bytes of small messages that are collected in one chunk.
const MAX_JOINED: usize = 1 << 16;
/// Most parts that are given to the system in one call.
pub(super) const MAX_PARTS: usize = 32;
/// Most capacity of an empty buffer that is kept for reuse.
const MAX_SPARE: usize = 1 << 14;

/// Bytes that wait to be sent.
#[derive(Debug)]
pub(in crate::endpoint) enum Chunk {
    /// Copied bytes.
    Bytes(BytesMut),
    /// The bytes of a completed transaction.
    Payload(Payload),
    /// This number of zeros.
    Zeros(usize),
    /// Borrowed bytes. The lender waits until they have been sent, or gets them back with
    /// [`Queue::take_back`]. It keeps a reference to the lock too, so that the lock is never
    /// dropped inside the queue.
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

    /// Size in memory in bytes. Zeros take none.
    pub(in crate::endpoint) fn memory(&self) -> usize {
        match self {
            Chunk::Zeros(_) => 0,
            other => other.len(),
        }
    }

    /// Bytes from `offset` on. It may return only a part of them, but never an empty part while
    /// bytes are left.
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

/// Not inlined: only large messages are lent.
#[cold]
#[inline(never)]
fn lent(lock: &DataLock) -> &[u8] {
    lock.bytes().unwrap_or(&[])
}

/// The middle part of a message.
#[derive(Debug)]
pub(in crate::endpoint) enum Body<'a> {
    /// Borrowed for the call: bytes that must wait are copied.
    Borrowed(&'a [u8]),
    /// Bytes that can wait in place until the lender takes them back.
    Lent(&'a Arc<DataLock>),
    /// Bytes that can wait in place.
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

    /// The bytes, or the first part of them.
    #[inline]
    pub(super) fn start(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Lent(lock) => lent(lock),
            Body::Owned(chunk) => chunk.from(0),
        }
    }
}

/// See the [module](self). As a [`Buf`] it is what waits: the socket takes bytes from its front.
#[derive(Debug)]
pub(super) struct Queue {
    chunks: VecDeque<Chunk>,
    /// Bytes of the first chunk that have been sent.
    offset: usize,
    /// Bytes that wait.
    bytes: usize,
    /// The last value of [`Queue::held`] that the owner has counted.
    pub(super) counted: usize,
    /// They wait because a sender deferred them, not because the socket takes no more.
    pub(super) deferred: bool,
    /// Bytes that the socket has taken since the connection began.
    pub(super) sent: u64,
    pub(super) closed: bool,
    /// An empty buffer, kept so that a steady flow allocates no memory.
    spare: BytesMut,
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
            spare: BytesMut::new(),
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

    /// Bytes of memory that are held: those that wait, and the sent part of the first chunk, which
    /// is freed only as a whole.
    pub(super) fn held(&self) -> usize {
        match self.chunks.front() {
            // Zeros take no memory, so the sent ones do not count.
            None | Some(Chunk::Zeros(_)) => self.bytes,
            Some(_) => self.bytes + self.offset,
        }
    }

    /// Appends a message of which the first `taken` bytes have been sent. `taken` must be 0 unless
    /// the queue is empty.
    pub(super) fn push_message(&mut self, head: &[u8], body: Body<'_>, tail: &[u8], taken: usize) {
        let size = body.len();
        if taken == 0 && size < COPIED_BELOW {
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

    /// Appends a copy of `bytes`.
    fn push_bytes(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.push_parts([bytes, &[], &[]]);
    }

    /// Appends a copy of `parts`.
    pub(super) fn push_parts(&mut self, parts: [&[u8]; 3]) {
        let count: usize = parts.iter().map(|part| part.len()).sum();
        self.bytes += count;
        if let Some(Chunk::Bytes(last)) = self.chunks.back_mut() {
            // Joined, so that many small messages cost no more than their bytes.
            if count < 2 * COPIED_BELOW && last.len() + count <= MAX_JOINED {
                grow(last, count);
                append(last, parts);
                return;
            }
        }
        let mut chunk = std::mem::take(&mut self.spare);
        chunk.reserve(count);
        append(&mut chunk, parts);
        self.chunks.push_back(Chunk::Bytes(chunk));
    }

    /// Appends `chunk` without its first `offset` bytes. `offset` must be 0 unless the queue is
    /// empty.
    fn push(&mut self, chunk: Chunk, offset: usize) {
        let left = chunk.len() - offset;
        if left == 0 {
            return;
        }
        if left < COPIED_BELOW {
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

    /// Copies what waits of the bytes lent with `lock` to `room`, whose capacity must suffice, and
    /// drops the queue's reference to the lock. Does nothing if none wait.
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
            // Both conversions keep the memory. `room` is a `Vec`, since allocating a `BytesMut`
            // cannot fail without a panic.
            *chunk = Chunk::Bytes(Bytes::from(room).into());
            return;
        }
    }
}

impl Buf for Queue {
    #[inline]
    fn remaining(&self) -> usize {
        self.bytes
    }

    fn chunk(&self) -> &[u8] {
        self.chunks
            .front()
            .map_or(&[], |first| first.from(self.offset))
    }

    fn chunks_vectored<'a>(&'a self, parts: &mut [IoSlice<'a>]) -> usize {
        let mut count = 0;
        let mut offset = self.offset;
        for chunk in &self.chunks {
            while offset < chunk.len() {
                let Some(part) = parts.get_mut(count) else {
                    return count;
                };
                let start = chunk.from(offset);
                *part = IoSlice::new(start);
                count += 1;
                offset += start.len();
            }
            offset = 0;
        }
        count
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes -= count;
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
                if bytes.capacity() <= MAX_SPARE {
                    self.spare = bytes;
                }
            }
        }
    }
}

/// Appends `parts`. Most of those of a Read's request are empty.
fn append(bytes: &mut BytesMut, parts: [&[u8]; 3]) {
    for part in parts {
        if !part.is_empty() {
            bytes.extend_from_slice(part);
        }
    }
}

/// Makes room for `count` more bytes: twice the capacity, but no more than will ever be used.
fn grow(bytes: &mut BytesMut, count: usize) {
    let capacity = bytes.capacity();
    if capacity - bytes.len() >= count {
        return;
    }
    let room = (2 * capacity).clamp(bytes.len() + count, MAX_JOINED);
    let mut grown = BytesMut::with_capacity(room);
    grown.extend_from_slice(bytes);
    *bytes = grown;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What waits, read by way of `chunks_vectored` and `advance` in steps of at most `step` bytes.
    fn drain(queue: &mut Queue, step: usize) -> Vec<u8> {
        let mut got = Vec::new();
        while queue.has_remaining() {
            let mut parts = [IoSlice::new(&[]); MAX_PARTS];
            let count = queue.chunks_vectored(&mut parts);
            let all = parts[..count]
                .iter()
                .map(|part| &part[..])
                .collect::<Vec<_>>()
                .concat();
            assert!(all.starts_with(queue.chunk()));
            let taken = all.len().min(step);
            got.extend_from_slice(&all[..taken]);
            queue.advance(taken);
        }
        assert_eq!((queue.remaining(), queue.chunk()), (0, &[][..]));
        got
    }

    #[test]
    fn bytes_leave_in_the_order_of_arrival_in_steps_of_any_size() {
        let large: Vec<u8> = (0..5000u32).map(|n| n as u8).collect();
        for step in [999, 4096, 70_000, usize::MAX] {
            let mut queue = Queue::new();
            let mut expected = Vec::new();
            // More chunks than are given to the system in one call.
            for _ in 0..MAX_PARTS {
                queue.push_message(b"head", Body::Borrowed(&large), b"tail", 0);
                queue.push_message(b"zero", Body::Owned(Chunk::Zeros(5000)), b"", 0);
                queue.push_message(b"a", Body::Borrowed(b"b"), b"c", 0);
                expected.extend_from_slice(b"head");
                expected.extend_from_slice(&large);
                expected.extend_from_slice(b"tailzero");
                expected.resize(expected.len() + 5000, 0);
                expected.extend_from_slice(b"abc");
            }
            // Zeros that do not lie in one place.
            queue.push_message(b"", Body::Owned(Chunk::Zeros(200_000)), b"", 0);
            expected.resize(expected.len() + 200_000, 0);
            assert!(drain(&mut queue, step) == expected, "in steps of {step}");
        }
    }

    #[test]
    fn the_sent_beginning_of_a_message_is_not_queued() {
        let body = vec![b'b'; COPIED_BELOW];
        let whole = [b"head", &body[..], b"tail"].concat();
        for taken in [1, 4, 5, 4 + COPIED_BELOW, whole.len() - 1] {
            let mut queue = Queue::new();
            let chunk = Chunk::Bytes(BytesMut::from(&body[..]));
            queue.push_message(b"head", Body::Owned(chunk), b"tail", taken);
            assert_eq!(queue.remaining(), whole.len() - taken);
            assert!(drain(&mut queue, usize::MAX) == whole[taken..], "{taken}");
        }
    }

    #[test]
    fn joined_messages_take_no_more_memory_than_a_chunk_may() {
        let mut queue = Queue::new();
        for _ in 0..MAX_JOINED / 37 {
            queue.push_parts([&[1; 28], &[2; 4], &[3; 5]]);
        }
        let [Chunk::Bytes(bytes)] = queue.chunks.make_contiguous() else {
            panic!("{} chunks", queue.chunks.len());
        };
        assert!(bytes.capacity() <= MAX_JOINED, "{}", bytes.capacity());
    }

    #[test]
    fn a_steady_flow_reuses_its_buffer() {
        let mut queue = Queue::new();
        queue.push_parts([&[1; 28], &[2; 4], &[3; 5]]);
        let place = queue.chunk().as_ptr();
        for _ in 0..3 {
            queue.advance(37);
            queue.push_parts([&[1; 28], &[2; 4], &[3; 5]]);
            assert_eq!(queue.chunk().as_ptr(), place);
        }
    }
}
