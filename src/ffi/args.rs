//! Pointers, text and numbers as they come from C, checked, and the places that results go to. A
//! pointer comes in by an `unsafe` call; after that its type is safe to use.

use std::borrow::Cow;
use std::ffi::{c_char, c_void, CStr};
use std::ptr::NonNull;
use std::time::Duration;

use super::boundary::c_text;
use crate::bus::{caller_start, DEFAULT_TIMEOUT};
use crate::error::{Error, ErrorKind, Result};

/// A timeout that never ends. Every function that takes a timeout accepts it.
pub const RIM_FOREVER_US: u64 = 0xFFFF_FFFF_FFFF_FFFF;
/// The timeout of a transaction, unless the program passes or sets another one: one second.
pub const RIM_DEFAULT_TIMEOUT_US: u64 = 1_000_000;

const _: () = assert!(RIM_DEFAULT_TIMEOUT_US as u128 == DEFAULT_TIMEOUT.as_micros());

/// The error for NULL in the place of `argument`.
pub(super) fn named(argument: &str) -> Error {
    Error::new(
        ErrorKind::NullArgument,
        format!("The argument '{argument}' is NULL"),
    )
}

/// The place of a result. Nothing is written before [`Out::set`].
pub(super) struct Out<T>(NonNull<T>);

impl<T> Out<T> {
    /// Refuses NULL.
    ///
    /// # Safety
    ///
    /// `place` is NULL or may be written to until this call of the library returns.
    pub(super) unsafe fn new(place: *mut T, argument: &str) -> Result<Out<T>> {
        NonNull::new(place).map(Out).ok_or_else(|| named(argument))
    }

    pub(super) fn set(self, value: T) {
        // SAFETY: the promise made to `new`.
        unsafe { self.0.write(value) }
    }
}

/// A buffer for text, and the place of its length.
pub(super) struct TextOut {
    buffer: *mut c_char,
    capacity: usize,
    length: Option<NonNull<usize>>,
}

impl TextOut {
    /// `buffer` may be NULL when `capacity` is 0; `length` may be NULL.
    ///
    /// # Safety
    ///
    /// Until this call of the library returns, `capacity` bytes may be written at `buffer`, and
    /// `length` is NULL or may be written to.
    pub(super) unsafe fn new(
        buffer: *mut c_char,
        capacity: usize,
        length: *mut usize,
    ) -> Result<TextOut> {
        if buffer.is_null() && capacity != 0 {
            return Err(named("text"));
        }
        Ok(TextOut {
            buffer,
            capacity,
            length: NonNull::new(length),
        })
    }

    /// Writes as much of `text` as fits, without cutting a character, and a closing NUL. Writes the
    /// length of the whole text.
    pub(super) fn set(self, text: &str) {
        let text = c_text(text);
        // Still valid UTF-8: it was a `str`.
        let text = text.to_str().unwrap_or_default();
        if let Some(room) = self.capacity.checked_sub(1) {
            let mut count = text.len().min(room);
            while !text.is_char_boundary(count) {
                count -= 1;
            }
            // SAFETY: `count` + 1 bytes are within the capacity that the caller of `new` promised.
            // The text is our own copy and cannot overlap the buffer.
            unsafe {
                std::ptr::copy_nonoverlapping(text.as_ptr().cast(), self.buffer, count);
                self.buffer.add(count).write(0);
            }
        }
        if let Some(length) = self.length {
            // SAFETY: the promise made to `new`.
            unsafe { length.write(text.len()) }
        }
    }
}

/// Text that is shown to people: bytes that are not UTF-8 are replaced.
///
/// # Safety
///
/// `text` is NULL or points to a NUL-terminated string that does not change while the result is
/// used.
pub(super) unsafe fn lossy<'a>(text: *const c_char, argument: &str) -> Result<Cow<'a, str>> {
    if text.is_null() {
        return Err(named(argument));
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    Ok(unsafe { CStr::from_ptr(text) }.to_string_lossy())
}

/// Text that has a meaning for the library, and must be UTF-8.
///
/// # Safety
///
/// As for [`lossy`].
pub(super) unsafe fn utf8<'a>(text: *const c_char, argument: &str) -> Result<&'a str> {
    if text.is_null() {
        return Err(named(argument));
    }
    // SAFETY: it is not NULL, and the caller promises the rest.
    unsafe { CStr::from_ptr(text) }.to_str().map_err(|error| {
        let text = format!("The argument '{argument}' is not UTF-8: {error}");
        Error::new(ErrorKind::InvalidArgument, text)
    })
}

/// `size` bytes to read from.
///
/// # Safety
///
/// `data` is NULL or `size` bytes can be read there, and no thread writes to them while the
/// result is used.
pub(super) unsafe fn bytes<'a>(
    data: *const c_void,
    size: usize,
    argument: &str,
) -> Result<&'a [u8]> {
    if data.is_null() {
        return if size == 0 {
            Ok(&[])
        } else {
            Err(named(argument))
        };
    }
    check_len(size, argument)?;
    // SAFETY: it is not NULL, a slice may have this size, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts(data.cast(), size) })
}

/// `size` bytes to write to.
///
/// # Safety
///
/// `data` is NULL or `size` bytes can be read and written there, and no other thread touches them
/// while the result is used.
pub(super) unsafe fn bytes_mut<'a>(
    data: *mut c_void,
    size: usize,
    argument: &str,
) -> Result<&'a mut [u8]> {
    if data.is_null() {
        return if size == 0 {
            Ok(&mut [])
        } else {
            Err(named(argument))
        };
    }
    check_len(size, argument)?;
    // SAFETY: it is not NULL, a slice may have this size, and the caller promises the rest.
    Ok(unsafe { std::slice::from_raw_parts_mut(data.cast(), size) })
}

/// Refuses a size that no object can have: a slice of it would be undefined behaviour.
fn check_len(size: usize, argument: &str) -> Result<()> {
    if isize::try_from(size).is_err() {
        let text = format!("The argument '{argument}' cannot have {size} bytes");
        return Err(Error::new(ErrorKind::Size, text));
    }
    Ok(())
}

/// The data and size of a transaction that a program asks for.
pub(super) fn transaction_data(data: *mut c_void, size: usize) -> Result<(NonNull<u8>, u32)> {
    if size == 0 {
        let text = "A transaction of 0 bytes is not allowed";
        return Err(Error::new(ErrorKind::Size, text));
    }
    let size = u32::try_from(size).map_err(|_| {
        let text = format!("A transaction of {size} bytes is too large: the most is 4294967295");
        Error::new(ErrorKind::Size, text)
    })?;
    Ok((caller_start(data.cast(), size)?, size))
}

/// Refuses a maximum access below the minimum, both in bytes. A maximum of 0 is no limit.
pub(super) fn check_limits(min_access: u32, max_access: u32) -> Result<()> {
    if max_access != 0 && max_access < min_access {
        let text = format!(
            "The maximum access of {max_access} bytes is below the minimum of {min_access} bytes"
        );
        return Err(Error::new(ErrorKind::InvalidArgument, text));
    }
    Ok(())
}

/// How long to wait; `None` is for ever.
pub(super) fn wait_time(timeout_us: u64) -> Option<Duration> {
    (timeout_us != RIM_FOREVER_US).then(|| Duration::from_micros(timeout_us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters_and_its_whole_length_is_given() {
        for (capacity, want) in [(6, "a\u{e9}x"), (4, "a\u{e9}"), (3, "a"), (2, "a"), (1, "")] {
            let mut buffer = [0x55 as c_char; 6];
            let mut length = 0;
            // SAFETY: both places outlive the call, and the capacity is at most the buffer's.
            let out = unsafe { TextOut::new(buffer.as_mut_ptr(), capacity, &mut length) };
            out.unwrap().set("a\u{e9}x");
            // SAFETY: `set` has closed the text with a NUL.
            let got = unsafe { CStr::from_ptr(buffer.as_ptr()) };
            assert_eq!((got.to_str().unwrap(), length), (want, 4));
            assert!(buffer[capacity..].iter().all(|byte| *byte == 0x55));
        }
    }

    #[test]
    fn text_goes_nowhere_without_a_buffer() {
        let mut length = 0;
        // SAFETY: nothing may be written at a buffer of capacity 0.
        unsafe { TextOut::new(std::ptr::null_mut(), 0, &mut length) }
            .unwrap()
            .set("four");
        assert_eq!(length, 4);
        // SAFETY: a NULL is refused before anything is written.
        let refused = unsafe { TextOut::new(std::ptr::null_mut(), 1, &mut length) };
        assert_eq!(refused.err().unwrap().kind(), ErrorKind::NullArgument);
    }

    #[test]
    fn a_length_that_no_object_has_is_refused() {
        let mut byte = 0u8;
        // SAFETY: refused before a slice is made.
        let refused = unsafe { bytes((&raw const byte).cast(), usize::MAX, "source") };
        assert!(refused.unwrap_err().text().contains("'source'"));
        // SAFETY: as above.
        let refused = unsafe { bytes_mut((&raw mut byte).cast(), usize::MAX, "target") };
        assert!(refused.unwrap_err().text().contains("'target'"));
    }
}
