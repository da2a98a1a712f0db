//! The bytes that a transaction moves: the caller's own memory, or memory that the transaction
//! owns.
//!
//! A master may lend memory that still belongs to its caller (`reqTransaction(address, size, data,
//! type)`), and no Rust borrow can describe that. So this module has `unsafe` code, and so have
//! three more under `bus/`: `lend.rs`, which lends a caller's slice; `transaction/lock.rs`, which
//! decides which code may touch the bytes at what time; and `transaction/state.rs`, which hands out
//! the bytes of a transaction that has ended.
#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// A range of bytes at a fixed address.
#[derive(Debug)]
pub struct Memory {
    start: NonNull<u8>,
    len: usize,
    /// How many bytes have been written, from the start on. The others may be uninitialised, and no
    /// [`Span`] is made before `fill` has zeroed them.
    written: usize,
    owner: Owner,
}

/// Who owns the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The caller, which lends them.
    Caller,
    /// The caller, which lends the bytes for reading only.
    Reader,
    /// This object. They were allocated by a `Vec<u8>` of this capacity.
    Bytes(usize),
    /// This object. They were allocated by a `Vec<Block>` of this capacity.
    Blocks(usize),
    /// The [`Inline`] of the transaction that has this as its memory.
    Inline,
}

// SAFETY: a `Memory` is an address with a length. Bytes that it or its transaction owns belong to
// no thread. For a caller's bytes, `Memory::caller` and `Memory::read_only` have the caller's
// promise that any thread may touch them.
unsafe impl Send for Memory {}
// SAFETY: through `&Memory` the bytes are reached in one way only: by the unsafe `Span::new`, whose
// conditions cover other threads. (`start` returns the address alone; using it is unsafe.)
// `append`, `fill` and `span` need `&mut Memory`, and `drop` needs the object itself.
unsafe impl Sync for Memory {}

impl Memory {
    /// Memory that lives as long as this object.
    pub fn owned(bytes: Vec<u8>) -> Memory {
        let mut bytes = ManuallyDrop::new(bytes);
        Memory {
            start: NonNull::new(bytes.as_mut_ptr()).unwrap_or(NonNull::dangling()),
            len: bytes.len(),
            written: bytes.len(),
            owner: Owner::Bytes(bytes.capacity()),
        }
    }

    /// `len` bytes that live as long as this object, uninitialised: `append` writes them, and
    /// `span` zeroes the rest. `None` if there is no memory for them.
    pub(super) fn reserved(len: usize) -> Option<Memory> {
        let mut blocks = Vec::<Block>::new();
        blocks
            .try_reserve_exact(len.div_ceil(std::mem::size_of::<Block>()))
            .ok()?;
        let mut blocks = ManuallyDrop::new(blocks);
        Some(Memory {
            start: NonNull::new(blocks.as_mut_ptr())?.cast(),
            len,
            written: 0,
            owner: Owner::Blocks(blocks.capacity()),
        })
    }

    /// Like `reserved`, with a copy of `bytes`.
    pub(super) fn copied(bytes: &[u8]) -> Option<Memory> {
        let mut memory = Memory::reserved(bytes.len())?;
        memory.append(0, bytes).then_some(memory)
    }

    /// Zeroes all bytes that have not been written.
    fn fill(&mut self) {
        if self.written < self.len {
            // SAFETY: the bytes from `written` on are inside the memory, which this object owns:
            // all other memory counts as written from the beginning. Nothing else refers to them: a
            // span is made only when all are written, and `append` needs `&mut self` as this does.
            unsafe {
                let rest = self.start.add(self.written);
                rest.write_bytes(0, self.len - self.written);
            }
            self.written = self.len;
        }
    }

    /// Writes `bytes` at `offset`, if exactly `offset` bytes have been written before and there is
    /// room. False, and no effect, if not.
    pub(super) fn append(&mut self, offset: usize, bytes: &[u8]) -> bool {
        if offset != self.written || bytes.len() > self.len - self.written {
            return false;
        }
        // SAFETY: there is room for them, as just checked, in bytes that nothing else refers to
        // (see `fill`). So they do not overlap `bytes`, which is borrowed.
        unsafe {
            let place = self.start.add(offset);
            place.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len());
        }
        self.written += bytes.len();
        true
    }

    /// The bytes `offset..offset + len`, or `None` if they are not all inside. Bytes that have not
    /// been written are zeroed first.
    ///
    /// # Safety
    ///
    /// As for [`Span::new`].
    pub(super) unsafe fn span(&mut self, offset: usize, len: usize) -> Option<Span> {
        self.fill();
        // SAFETY: the caller's promise.
        unsafe { Span::new(self, offset, len) }
    }

    /// Whether every byte has been written or zeroed.
    pub(super) fn is_written(&self) -> bool {
        self.written == self.len
    }

    /// Whether there are bytes, and none has been written yet. They count as zeros.
    pub(super) fn is_untouched(&self) -> bool {
        self.written == 0 && self.len > 0
    }

    /// Memory that belongs to the caller.
    ///
    /// # Safety
    ///
    /// `start` must be valid for reads and writes of `len` bytes, from any thread, until the
    /// transaction that gets this memory has been waited for (`Transaction::wait` has returned), or
    /// has been published and its [`Completion`](super::Completion) called. The caller must not
    /// touch the bytes before that.
    pub unsafe fn caller(start: NonNull<u8>, len: usize) -> Memory {
        Memory {
            start,
            len,
            written: len,
            owner: Owner::Caller,
        }
    }

    /// Memory that belongs to the caller and is only read: no lock gives mutable access to it.
    ///
    /// # Safety
    ///
    /// As for [`Memory::caller`], but `start` need be valid for reads only, and the caller may read
    /// the bytes meanwhile.
    pub(super) unsafe fn read_only(start: NonNull<u8>, len: usize) -> Memory {
        Memory {
            start,
            len,
            written: len,
            owner: Owner::Reader,
        }
    }

    /// Whether the bytes live as long as the transaction; false for the caller's.
    pub fn is_owned(&self) -> bool {
        !matches!(self.owner, Owner::Caller | Owner::Reader)
    }

    /// Whether the bytes may be changed.
    pub(super) fn is_writable(&self) -> bool {
        self.owner != Owner::Reader
    }

    /// Whether the bytes are those of an [`Inline`].
    pub(super) fn is_inline(&self) -> bool {
        self.owner == Owner::Inline
    }

    /// How many bytes there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Where the bytes start. This gives no right to read or write them.
    pub fn start(&self) -> NonNull<u8> {
        self.start
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let start = self.start.as_ptr();
        // Neither `u8` nor `Block` has a destructor, so the length may be 0.
        match self.owner {
            // SAFETY: `owned` took this pointer and capacity from a `Vec<u8>` that it did not free.
            // This frees it, once.
            Owner::Bytes(capacity) => drop(unsafe { Vec::from_raw_parts(start, 0, capacity) }),
            // SAFETY: as above, with the `Vec<Block>` of `reserved`.
            Owner::Blocks(capacity) => {
                drop(unsafe { Vec::<Block>::from_raw_parts(start.cast(), 0, capacity) })
            }
            Owner::Caller | Owner::Reader | Owner::Inline => {}
        }
    }
}

/// The unit in which memory for a slave is allocated. Programs use that memory as an array of
/// words, so it must be aligned, whatever allocator the process has. (The C library's aligns to 16
/// bytes anyway; others need not.)
#[repr(align(16))]
struct Block {
    _bytes: [u8; 16],
}

/// Capacity of the inline buffer of a transaction, in bytes.
pub const INLINE: usize = 16;

/// A buffer inside the transaction itself, so that a register access needs no further allocation.
/// Aligned as a [`Block`] is.
#[derive(Default)]
#[repr(align(16))]
pub(super) struct Inline(UnsafeCell<[u8; INLINE]>);

// SAFETY: through `&Inline` the bytes are reached by three unsafe functions. `memory` or `copy` is
// called at most once, before other threads can reach the bytes. `bytes` reads them only when
// nothing writes to them.
unsafe impl Sync for Inline {}

impl Inline {
    /// The first `len` bytes, which are zero, as memory; `None` if there are fewer.
    ///
    /// # Safety
    ///
    /// At most one call of this or of `copy` is made, and the memory is dropped before `self` is
    /// moved or dropped.
    pub(super) unsafe fn memory(&self, len: usize) -> Option<Memory> {
        let start = NonNull::new(self.0.get().cast::<u8>())?;
        (len <= INLINE).then_some(Memory {
            start,
            len,
            written: len,
            owner: Owner::Inline,
        })
    }

    /// Like `memory`, with a copy of `bytes`.
    ///
    /// # Safety
    ///
    /// As for `memory`.
    pub(super) unsafe fn copy(&self, bytes: &[u8]) -> Option<Memory> {
        // SAFETY: the caller's promise.
        let memory = unsafe { self.memory(bytes.len()) }?;
        // SAFETY: there is room for `bytes`, as `memory` has checked, and nothing else knows of
        // this memory yet.
        unsafe {
            memory
                .start
                .copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len())
        };
        Some(memory)
    }

    /// A copy of the whole buffer.
    ///
    /// # Safety
    ///
    /// Nothing writes to it meanwhile.
    pub(super) unsafe fn bytes(&self) -> [u8; INLINE] {
        // SAFETY: the caller's promise; the array is initialised, and aligned by its type.
        unsafe { *self.0.get() }
    }
}

/// Bytes of a [`Memory`] that one holder may touch.
#[derive(Debug)]
pub(super) struct Span {
    start: NonNull<u8>,
    len: usize,
    writable: bool,
}

// SAFETY: the conditions of `Span::new` hold on every thread: only the holder touches these bytes.
unsafe impl Send for Span {}
// SAFETY: `&Span` gives out shared slices only, by `bytes`.
unsafe impl Sync for Span {}

impl Span {
    /// The bytes `offset..offset + len` of `memory`; `None` if they are not all inside it, or if
    /// some byte of `memory` has not been written.
    ///
    /// # Safety
    ///
    /// Until the span is dropped, `memory` must stay valid (for owned memory: alive), and no
    /// overlapping span of it may be used, unless both are only read, by `bytes`.
    pub(super) unsafe fn new(memory: &Memory, offset: usize, len: usize) -> Option<Span> {
        if offset.checked_add(len)? > memory.len || memory.written < memory.len {
            return None;
        }
        // SAFETY: the offset is inside (or one past the end of) the memory, as just checked.
        let start = unsafe { memory.start.add(offset) };
        Some(Span {
            start,
            len,
            writable: memory.is_writable(),
        })
    }

    pub(super) fn start(&self) -> NonNull<u8> {
        self.start
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: `new` has checked that the bytes are inside the memory and initialised. Its
        // caller has promised that the memory is valid and that nothing else writes to the bytes.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }

    /// The bytes, mutable; `None` if they were lent for reading only.
    pub(super) fn bytes_mut(&mut self) -> Option<&mut [u8]> {
        if !self.writable {
            return None;
        }
        // SAFETY: as in `bytes`; and no other span of these bytes is in use.
        Some(unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.len) })
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
            Span::new(&memory, 0, 4).unwrap().bytes_mut().unwrap()[3] = 9;
            assert_eq!(Span::new(&memory, 3, 1).unwrap().bytes(), [9]);
        }
    }

    #[test]
    fn empty_memory_is_allowed() {
        assert!(Memory::owned(Vec::new()).is_empty());
        // It has no bytes that could count as zeros.
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
