//! The 2 or 9 bytes before each frame's body: written, and gathered from pieces of any size. What a
//! frame means is the decoder's affair.

use super::WireError;

/// Another frame of the same message follows.
pub(super) const MORE: u8 = 1;
/// The length has 8 bytes, not 1.
pub(super) const LONG: u8 = 2;
/// The frame is a command.
pub(super) const COMMAND: u8 = 4;

/// Bytes in the longest frame header.
pub(super) const LONGEST: usize = 9;

/// A frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub more: bool,
    pub command: bool,
    pub length: u64,
}

/// Writes a frame header to the front of `out`, in the short form when that will do, and returns
/// its length. `out` must have room for `LONGEST` bytes.
pub(super) fn write(out: &mut [u8], flags: u8, length: usize) -> usize {
    match u8::try_from(length) {
        Ok(short) => {
            out[0] = flags;
            out[1] = short;
            2
        }
        Err(_) => {
            out[0] = flags | LONG;
            out[1..9].copy_from_slice(&(length as u64).to_be_bytes());
            9
        }
    }
}

/// A frame header of which perhaps only a part has come.
#[derive(Debug, Default)]
pub(super) struct Gather {
    bytes: [u8; LONGEST],
    have: usize,
}

impl Gather {
    /// Takes bytes from the front of `input` up to the header's end and no further.
    pub fn take(&mut self, input: &mut &[u8]) -> Result<Option<FrameHeader>, WireError> {
        if self.have == 0 {
            let Some((&flags, rest)) = input.split_first() else {
                return Ok(None);
            };
            check_flags(flags)?;
            self.bytes[0] = flags;
            self.have = 1;
            *input = rest;
        }
        let flags = self.bytes[0];
        let whole = if flags & LONG == 0 { 2 } else { LONGEST };
        let n = input.len().min(whole - self.have);
        let (taken, rest) = input.split_at(n);
        self.bytes[self.have..self.have + n].copy_from_slice(taken);
        self.have += n;
        *input = rest;
        if self.have < whole {
            return Ok(None);
        }
        self.have = 0;
        if whole == 2 {
            return Ok(Some(header(flags, self.bytes[1].into())));
        }
        let length = self.bytes[1..]
            .iter()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        if length >> 63 != 0 {
            return Err(WireError::FrameLength { length });
        }
        Ok(Some(header(flags, length)))
    }

    /// Whether no part of a header is here.
    pub fn is_empty(&self) -> bool {
        self.have == 0
    }

    /// Whether a part of the header of a frame that is no command is here.
    pub fn holds_part_of_message(&self) -> bool {
        self.have > 0 && self.bytes[0] & COMMAND == 0
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
        Gather::default().take(&mut &*bytes)
    }

    #[test]
    fn what_is_written_is_read_whole_and_in_pieces() {
        for length in [0, 1, 254, 255, 256, 65_536, 0xffff_ffff, i64::MAX as usize] {
            for flags in [0, MORE, COMMAND] {
                let mut bytes = [0; LONGEST];
                let n = write(&mut bytes, flags, length);
                assert_eq!(n, if length < 256 { 2 } else { 9 });
                let due = Some(header(flags, length as u64));
                assert_eq!(whole(&bytes[..n]), Ok(due));
                let mut gather = Gather::default();
                for (i, byte) in bytes[..n].iter().enumerate() {
                    let mut input = std::slice::from_ref(byte);
                    let got = gather.take(&mut input).unwrap();
                    assert!(input.is_empty());
                    assert_eq!(got, due.filter(|_| i == n - 1));
                }
            }
        }
    }

    #[test]
    fn a_short_frame_may_have_a_long_length() {
        let due = FrameHeader {
            more: true,
            command: false,
            length: 4,
        };
        assert_eq!(whole(&[3, 0, 0, 0, 0, 0, 0, 0, 4]), Ok(Some(due)));
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
