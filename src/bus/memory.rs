//! The bytes that a transaction moves: the caller's own memory, or memory that the transaction owns.
//!
//! A master may hand over memory that it goes on owning (`reqTransaction(address, size, data,
//! type)`), which no Rust borrow can describe: this module and `transaction/lock.rs`, where it is
//! decided who may touch the bytes when, are the two under `bus/` with `unsafe`, but for a line in
//! `transaction/reuse.rs`.
#![allow(unsafe_code)]

use std::alloc::{alloc, Layout};
use std::cell::UnsafeCell;
use std::ptr::NonNull;

/// A stretch of bytes with a fixed place.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    len: usize,
    /// As many bytes have been written, from the start on. Nobody reaches the others before `fill`.
    written: usize,
    owner: Owner,
}

/// Who keeps the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// Whoever asked.
    Caller,
    /// This object, which was made from a `Vec` of this capacity, or as one.
    Heap(usize),
    /// The transaction that this is the memory of.
    Within,
}

// SAFETY: a `Memory` is a pointer with a length. Owned bytes move with it; for bytes of the caller's,
// `Memory::caller` makes the caller promise that any thread may touch them.
unsafe impl Send for Memory {}
// SAFETY: through a shared `Memory` nothing can be read or written but by the unsafe methods below.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory that lives as long as this object.
    pub fn owned(bytes: Vec<u8>) -> Memory {
        let mut bytes = std::mem::ManuallyDrop::new(bytes);
        let start = NonNull::new(bytes.as_mut_ptr()).unwrap_or(NonNull::dangling());
        Memory {
            start,
            len: bytes.len(),
            written: bytes.len(),
            owner: Owner::Heap(bytes.capacity()),
        }
    }

    /// `len` bytes that live as long as this object, to be written by `append` or made zeros for a
    /// `span`; `None` if there is no memory for them.
    pub(super) fn reserved(len: usize) -> Option<Memory> {
        let layout = Layout::array::<u8>(len).ok()?;
        if len == 0 {
            return Some(Memory::owned(Vec::new()));
        }
        // SAFETY: the layout is not empty.
        let start = NonNull::new(unsafe { alloc(layout) })?;
        Some(Memory {
            start,
            len,
            written: 0,
            owner: Owner::Heap(len),
        })
    }

    /// Makes zeros of all bytes that have not been written.
    fn fill(&mut self) {
        if self.written < self.len {
            // SAFETY: these bytes are this object's, and nobody else reaches them: a span of them is
            // made when they are all written.
            unsafe {
                let rest = self.start.add(self.written);
                rest.write_bytes(0, self.len - self.written);
            }
            self.written = self.len;
        }
    }

    /// Writes `bytes` at `offset`, if that is just where the bytes begin that have not been written,
    /// and they fit there. False, and nothing done, if not.
    pub(super) fn append(&mut self, offset: usize, bytes: &[u8]) -> bool {
        if offset != self.written || bytes.len() > self.len - self.written {
            return false;
        }
        // SAFETY: there is room for them, as just checked; and as for `fill`.
        unsafe {
            let place = self.start.add(offset);
            place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        self.written += bytes.len();
        true
    }

    /// The bytes `offset..offset + len`, or `None` when they are not all inside; those that have not been
    /// written are made zeros first.
    ///
    /// # Safety
    ///
    /// As for [`Span::new`].
    pub(super) unsafe fn span(&mut self, offset: usize, len: usize) -> Option<Span> {
        self.fill();
        // SAFETY: the caller's promise.
        unsafe { Span::new(self, offset, len) }
    }

    /// Whether every byte has been written, or made zero.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.len
    }

    /// Whether no byte has been written: they are zeros to whoever would look.
    pub(super) fn is_untouched(&self) -> bool {
        self.written == 0 && self.len > 0
    }

    /// Memory that belongs to the caller.
    ///
    /// # Safety
    ///
    /// `start` must be valid for reads and writes of `len` bytes, from any thread, until the
    /// transaction that it is given to has been waited for (`Transaction::wait` has returned) or has
    /// been completed and published to its [`Completion`](super::Completion). The caller must not
    /// touch the bytes in between.
    pub unsafe fn caller(start: NonNull<u8>, len: usize) -> Memory {
        Memory {
            start,
            len,
            written: len,
            owner: Owner::Caller,
        }
    }

    /// Whether the bytes live as long as the transaction; false for the caller's.
    pub fn is_owned(&self) -> bool {
        self.owner != Owner::Caller
    }

    /// Whether they are those of a [`Within`].
    pub(super) fn is_within(&self) -> bool {
        self.owner == Owner::Within
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the bytes start. Reading or writing there is up to the caller's own care.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }
}

/// Room for the bytes of a small transaction inside the transaction itself, so that a register
/// access takes no memory but that. As strictly aligned as memory from the heap is: programs take it
/// for an array of words.
#[derive(Default)]
#[repr(align(16))]
pub(super) struct Within(UnsafeCell<[u8; WITHIN]>);

/// As many bytes find room inside a transaction.
pub const WITHIN: usize = 16;

// SAFETY: the bytes are reached by way of the `Memory` alone that `memory` makes, once.
unsafe impl Sync for Within {}

impl Within {
    /// The first `len` bytes, which are zero, as memory; `None` if there are not so many.
    ///
    /// # Safety
    ///
    /// This, or `copy`, is called once, and the memory is dropped before `self` is moved or dropped.
    pub(super) unsafe fn memory(&self, len: usize) -> Option<Memory> {
        let start = NonNull::new(self.0.get().cast::<u8>())?;
        (len <= WITHIN).then_some(Memory {
            start,
            len,
            written: len,
            owner: Owner::Within,
        })
    }

    /// A copy of all of it.
    ///
    /// # Safety
    ///
    /// Nobody writes to it meanwhile.
    pub(super) unsafe fn bytes(&self) -> [u8; WITHIN] {
        // SAFETY: the caller's promise.
        unsafe { *self.0.get() }
    }

    /// As `memory`, with a copy of `bytes`.
    ///
    /// # Safety
    ///
    /// As for `memory`.
    pub(super) unsafe fn copy(&self, bytes: &[u8]) -> Option<Memory> {
        // SAFETY: the caller's promise.
        let memory = unsafe { self.memory(bytes.len()) }?;
        // SAFETY: there is room for `bytes`, as just checked, and nobody else can reach it yet.
        unsafe {
            memory
                .start
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        Some(memory)
    }
}

/// A part of a [`Memory`] that is locked for its holder alone.
#[derive(Debug)]
pub(super) struct Span {
    start: NonNull<u8>,
    len: usize,
}

// SAFETY: see `Memory`; the range lock makes the holder the only one to touch these bytes.
unsafe impl Send for Span {}
// SAFETY: `&Span` gives out shared slices only.
unsafe impl Sync for Span {}

impl Span {
    /// The bytes `offset..offset + len` of `memory`, or `None` when they are not all inside it, or not
    /// all of it has been written.
    ///
    /// # Safety
    ///
    /// Until the span is dropped, `memory` must stay valid (for owned memory: alive), and nobody else
    /// may reach an overlapping span of it, unless all of them use `bytes` alone.
    pub(super) unsafe fn new(memory: &Memory, offset: usize, len: usize) -> Option<Span> {
        if offset.checked_add(len)? > memory.len || memory.written < memory.len {
            return None;
        }
        // SAFETY: the offset is inside (or one past the end of) the memory, as just checked.
        let start = unsafe { memory.start.add(offset) };
        Some(Span { start, len })
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: valid and not written to by others: the promise made to `new`.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: valid and reached by nobody else: the promise made to `new`.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if let Owner::Heap(capacity) = self.owner {
            // SAFETY: these are the parts of the `Vec` that `owned` took apart, or what `reserved` got
            // from the allocator as a `Vec` would, given back once. Bytes need no destructor.
            drop(unsafe { Vec::from_raw_parts(self.start.as_ptr(), 0, capacity) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_outside_its_memory_is_refused() {
        let memory = Memory::owned(vec![1, 2, 3, 4]);
        // SAFETY: the memory outlives the spans and they are used one at a time.
        unsafe {
            assert_eq!(Span::new(&memory, 1, 2).unwrap().bytes(), [2, 3]);
            assert!(Span::new(&memory, 3, 2).is_none());
            assert!(Span::new(&memory, usize::MAX, 2).is_none());
            Span::new(&memory, 0, 4).unwrap().bytes_mut()[3] = 9;
            assert_eq!(Span::new(&memory, 3, 1).unwrap().bytes(), [9]);
        }
    }

    #[test]
    fn empty_memory_is_allowed() {
        assert!(Memory::owned(Vec::new()).is_empty());
        // There is nothing in it that could be told as zeros.
        assert!(!Memory::owned(Vec::new()).is_untouched());
        assert!(Memory::reserved(0).unwrap().is_empty());
    }

    #[test]
    fn reserved_memory_is_written_in_order_and_then_filled() {
        let mut memory = Memory::reserved(8).unwrap();
        assert!(memory.is_untouched());
        assert!(!memory.append(1, &[9]), "a gap");
        assert!(!memory.append(0, &[9; 9]), "too much");
        assert!(memory.append(0, &[1, 2]));
        assert!(!memory.append(0, &[9]), "written already");
        assert!(memory.append(2, &[3]));
        // SAFETY: the memory outlives the spans and they are used one at a time.
        unsafe {
            assert!(Span::new(&memory, 0, 2).is_none(), "not all written");
            memory.fill();
            let span = Span::new(&memory, 0, 8).unwrap();
            assert_eq!(span.bytes(), [1, 2, 3, 0, 0, 0, 0, 0]);
        }
        assert!(!memory.is_untouched() && !memory.append(8, &[1]));
    }
}
