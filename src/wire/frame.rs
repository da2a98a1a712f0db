//! The 2 or 9 bytes before each frame's body: writes them, and reads them from pieces of any size.
//! What a frame means is decided in `decoder.rs`.

use arrayvec::ArrayVec;
use bytes::{Buf, BufMut};

use super::error::WireError;

/// Flag: another frame of the same message follows.
pub(super) const MORE: u8 = 1;
/// Flag: the length has 8 bytes, not 1.
pub(super) const LONG: u8 = 2;
/// Flag: the frame is a command.
pub(super) const COMMAND: u8 = 4;

/// Size of the longest frame header in bytes.
pub(super) const MAX_FRAME_HEADER: usize = 9;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub more: bool,
    pub command: bool,
    pub length: u64,
}

/// Appends a frame header to `out`, in the short form where the length allows it.
#[inline]
pub(super) fn put_header(out: &mut impl BufMut, flags: u8, length: usize) {
    match u8::try_from(length) {
        Ok(length) => {
            out.put_u8(flags);
            out.put_u8(length);
        }
        Err(_) => {
            out.put_u8(flags | LONG);
            out.put_u64(length as u64);
        }
    }
}

/// Collects a frame header that may arrive in several pieces.
#[derive(Debug, Default)]
pub(super) struct HeaderBuffer(ArrayVec<u8, MAX_FRAME_HEADER>);

impl HeaderBuffer {
    /// Takes bytes from the front of `input`, up to the header's end and no further. `None`: more
    /// bytes are needed.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<FrameHeader>, WireError> {
        if self.0.is_empty() {
            let Ok(flags) = input.try_get_u8() else {
                return Ok(None);
            };
            check_flags(flags)?;
            self.0.push(flags);
        }
        let flags = self.0[0];
        let whole = if flags & LONG == 0 {
            2
        } else {
            MAX_FRAME_HEADER
        };
        let (taken, rest) = input.split_at(input.len().min(whole - self.0.len()));
        *input = rest;
        self.0.extend(taken.iter().copied());
        if self.0.len() < whole {
            return Ok(None);
        }
        let mut length = &self.0[1..];
        let length = match whole {
            2 => length.get_u8().into(),
            _ => length.get_u64(),
        };
        self.0.clear();
        if length >> 63 != 0 {
            return Err(WireError::FrameLength { length });
        }
        Ok(Some(header(flags, length)))
    }

    /// Whether no byte of a header has arrived.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a part of a message frame's header has arrived. False for a command's.
    pub fn holds_part_of_message(&self) -> bool {
        self.0.first().is_some_and(|flags| flags & COMMAND == 0)
    }
}

fn header(flags: u8, length: u64) -> FrameHeader {
    FrameHeader {
        more: flags & MORE != 0,
        command: flags & COMMAND != 0,
        length,
    }
}

fn check_flags(flags: u8) -> Result<(), WireError> {
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(WireError::ReservedFlags { flags });
    }
    if flags & (MORE | COMMAND) == MORE | COMMAND {
        return Err(WireError::CommandWithMore);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(bytes: &[u8]) -> Result<Option<FrameHeader>, WireError> {
        HeaderBuffer::default().take(&mut &*bytes)
    }

    #[test]
    fn a_written_header_is_read_whole_and_in_pieces() {
        for length in [0, 1, 254, 255, 256, 65_536, 0xffff_ffff, i64::MAX as usize] {
            for flags in [0, MORE, COMMAND] {
                let mut bytes = Vec::new();
                put_header(&mut bytes, flags, length);
                let n = bytes.len();
                assert_eq!(n, if length < 256 { 2 } else { 9 });
                let expected = Some(header(flags, length as u64));
                assert_eq!(whole(&bytes), Ok(expected));
                let mut buffer = HeaderBuffer::default();
                for (i, byte) in bytes.iter().enumerate() {
                    let mut input = std::slice::from_ref(byte);
                    let got = buffer.take(&mut input).unwrap();
                    assert!(input.is_empty());
                    assert_eq!(got, expected.filter(|_| i == n - 1));
                }
            }
        }
    }

    #[test]
    fn a_short_frame_may_have_a_long_length() {
        let expected = FrameHeader {
            more: true,
            command: false,
            length: 4,
        };
        assert_eq!(whole(&[3, 0, 0, 0, 0, 0, 0, 0, 4]), Ok(Some(expected)));
    }

    #[test]
    fn flags_are_checked_with_the_first_byte() {
        for flags in 8..=255 {
            assert_eq!(whole(&[flags]), Err(WireError::ReservedFlags { flags }));
        }
        for flags in [5, 7] {
            assert_eq!(whole(&[flags]), Err(WireError::CommandWithMore));
        }
    }

    #[test]
    fn a_length_with_the_top_bit_is_refused() {
        let length = 1 << 63;
        let bytes = [2, 0x80, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(whole(&bytes), Err(WireError::FrameLength { length }));
    }
}
