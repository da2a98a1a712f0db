//! Structs that later versions may make longer. Their first member says how much of the struct the
//! program knows.

use std::mem::{size_of, MaybeUninit};

use super::args::named;
use crate::error::{Error, ErrorKind, Result};

/// No such struct will ever be larger: a larger size was never initialised.
const MAX_STRUCT: usize = 4096;

/// A struct that grows, as C passes it.
///
/// # Safety
///
/// The type is `repr(C)`, begins with a `usize` that is its size, and any bytes make a value of it.
pub(super) unsafe trait Growing: Copy {
    const NAME: &'static str;
    /// The advice for a program that passes a wrong size.
    const ADVICE: &'static str;
}

fn check_size<T: Growing>(size: usize) -> Result<()> {
    if (size_of::<usize>()..=MAX_STRUCT).contains(&size) {
        return Ok(());
    }
    let text = format!(
        "A struct_size of {size} bytes cannot be right for {}: {}",
        T::NAME,
        T::ADVICE
    );
    Err(Error::new(ErrorKind::InvalidArgument, text))
}

/// Reads a struct of the length that the program knows, and fills the rest with zeros. NULL reads
/// as all zeros.
///
/// # Safety
///
/// `place` is NULL, or points to a `usize` and to as many bytes as that says, which no thread
/// changes now.
pub(super) unsafe fn read<T: Growing>(place: *const T) -> Result<T> {
    // SAFETY: any bytes make a value, zeros too.
    let mut known: T = unsafe { MaybeUninit::zeroed().assume_init() };
    if place.is_null() {
        return Ok(known);
    }
    // SAFETY: it is not NULL, and at least the size is there.
    let size = unsafe { place.cast::<usize>().read() };
    check_size::<T>(size)?;
    // SAFETY: the caller promises `size` bytes, and a slice may be that long.
    let given = unsafe { std::slice::from_raw_parts(place.cast::<u8>(), size) };
    let (given, unknown) = given.split_at(size.min(size_of::<T>()));
    if unknown.iter().any(|byte| *byte != 0) {
        let text = format!(
            "{} of {size} bytes sets an option that this version of the library does not know",
            T::NAME
        );
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    // SAFETY: `given` is not longer than the value, and any bytes make a value.
    unsafe {
        std::ptr::copy_nonoverlapping(given.as_ptr(), (&raw mut known).cast(), given.len());
    }
    Ok(known)
}

/// Places for structs of a type, each as long as the program knows it.
pub(super) struct Places<T> {
    start: *mut T,
    size: usize,
    capacity: usize,
}

impl<T: Growing> Places<T> {
    /// A place for one.
    ///
    /// # Safety
    ///
    /// `place` is NULL or `size` bytes can be written there until this call of the library returns.
    pub(super) unsafe fn one(place: *mut T, size: usize, argument: &str) -> Result<Places<T>> {
        // SAFETY: the caller's promise.
        unsafe { Places::several(place, size, 1, argument) }
    }

    /// A place for `capacity` structs, one right behind the other. It may be NULL if `capacity` is
    /// 0.
    ///
    /// # Safety
    ///
    /// `start` is NULL or `capacity` times `size` bytes can be written there until this call of the
    /// library returns.
    pub(super) unsafe fn several(
        start: *mut T,
        size: usize,
        capacity: usize,
        argument: &str,
    ) -> Result<Places<T>> {
        if start.is_null() && capacity != 0 {
            return Err(named(argument));
        }
        check_size::<T>(size)?;
        Ok(Places {
            start,
            size,
            capacity,
        })
    }

    /// Writes as many of `values` as there are places for. Of each it writes as much as the program
    /// knows, and zeros after that.
    pub(super) fn set(self, values: impl IntoIterator<Item = T>) {
        let known = self.size.min(size_of::<T>());
        for (n, value) in values.into_iter().take(self.capacity).enumerate() {
            // SAFETY: `n` is below the capacity, so the caller promises `size` bytes there, and
            // `known` is within both. The program's size need not be a multiple of the alignment.
            unsafe {
                let place = self.start.cast::<u8>().add(n * self.size);
                place.write_bytes(0, self.size);
                std::ptr::copy_nonoverlapping((&raw const value).cast(), place, known);
                place.cast::<usize>().write_unaligned(self.size);
            }
        }
    }
}
