//! A request or response as it is sent, except for its data and its result. Reading in general is
//! in `decoder.rs`, the result in `result.rs`.

use std::ops::Deref;

use super::frame::{self, MORE};

/// Transaction type: the slave's memory is read.
pub const READ: u32 = 1;
/// Transaction type: the slave's memory is written, and the outcome is reported.
pub const WRITE: u32 = 2;
/// Transaction type: a write that draws no response.
pub const POST: u32 = 3;
/// Transaction type: the slave's memory is read back, to be compared with what was written.
pub const VERIFY: u32 = 4;
/// Transaction type: asks the server whether it is there; the slave is not touched.
pub const PROBE: u32 = 0xffff_fffe;

/// The fields that every message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// Chosen by the client, echoed by the server.
    pub id: u32,
    /// Address of the first byte in the slave's address space.
    pub address: u64,
    /// Bytes to move.
    pub size: u32,
    /// The transaction's type: [`READ`], [`WRITE`], [`POST`], [`VERIFY`], [`PROBE`], or what the
    /// peer sent.
    pub kind: u32,
}

/// Bytes of the four frames that hold the header, in the form that libzmq and we send.
pub(super) const FIELDS: usize = 28;

/// The bytes of a message that come before those of its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    bytes: [u8; FIELDS + frame::LONGEST],
    len: u8,
}

impl Head {
    /// The bytes to be sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    fn new(h: &Header, flags: u8) -> Head {
        let mut bytes = [0; FIELDS + frame::LONGEST];
        bytes[..2].copy_from_slice(&[MORE, 4]);
        bytes[2..6].copy_from_slice(&h.id.to_le_bytes());
        bytes[6..8].copy_from_slice(&[MORE, 8]);
        bytes[8..16].copy_from_slice(&h.address.to_le_bytes());
        bytes[16..18].copy_from_slice(&[MORE, 4]);
        bytes[18..22].copy_from_slice(&h.size.to_le_bytes());
        bytes[22..24].copy_from_slice(&[flags, 4]);
        bytes[24..28].copy_from_slice(&h.kind.to_le_bytes());
        Head {
            bytes,
            len: FIELDS as u8,
        }
    }

    fn with_data(h: &Header, flags: u8, data: usize) -> Head {
        let mut head = Head::new(h, MORE);
        // At most 28 + 9.
        head.len += frame::write(&mut head.bytes[FIELDS..], flags, data) as u8;
        head
    }
}

/// The header of a message that begins `bytes`, and whether more frames follow its four, if they
/// are all there and in the form that `Head` writes. Any other form is for the decoder to judge.
pub(super) fn read_head(bytes: &[u8]) -> Option<(Header, bool)> {
    let b = bytes.first_chunk::<FIELDS>()?;
    let usual = [b[0], b[1]] == [MORE, 4]
        && [b[6], b[7]] == [MORE, 8]
        && [b[16], b[17]] == [MORE, 4]
        && b[22] <= MORE
        && b[23] == 4;
    if !usual {
        return None;
    }
    let four = |at: usize| u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
    let address = u64::from(four(8)) | u64::from(four(12)) << 32;
    let header = Header {
        id: four(2),
        address,
        size: four(18),
        kind: four(24),
    };
    Some((header, b[22] == MORE))
}

/// A whole message with little data, as it lies in the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header fields.
    pub header: Header,
    /// The data frame; `None` if there is none.
    pub data: Option<&'a [u8]>,
    /// The result frame; empty if there is none.
    pub result: &'a [u8],
}

/// The message that begins `bytes`, and the bytes after it, if all of it is there, in the form that
/// libzmq and we send, with a number of frames from `least` to `most`, and with frames of data and
/// result that are shorter than 256 bytes. Any other message is for the decoder to judge.
pub(super) fn read_whole(bytes: &[u8], least: u8, most: u8) -> Option<(Message<'_>, &[u8])> {
    let (header, more) = read_head(bytes)?;
    let mut message = Message {
        header,
        data: None,
        result: &[],
    };
    let (mut frames, mut rest) = (4, &bytes[FIELDS..]);
    if more {
        let (data, more, after) = read_short(rest)?;
        message.data = Some(data);
        (frames, rest) = (5, after);
        if more {
            let (result, more, after) = read_short(rest)?;
            message.result = result;
            (frames, rest) = (6, after);
            if more {
                return None;
            }
        }
    }
    (least..=most).contains(&frames).then_some((message, rest))
}

/// The body of a frame with a short length, whether another one follows, and the bytes after it.
fn read_short(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let (&[flags, length], rest) = bytes.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(length.into())?;
    (flags <= MORE).then_some((body, flags == MORE, rest))
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The beginning of a request: with `None` the whole of it; with `Some(n)` all up to and including
/// the frame header of `n` bytes of data, which the caller sends next and which end the message.
pub fn request_head(h: &Header, data: Option<usize>) -> Head {
    match data {
        None => Head::new(h, 0),
        Some(length) => Head::with_data(h, 0, length),
    }
}

/// The beginning of a response, up to and including the frame header of `data` bytes of data. These
/// follow, and then a tail: [`response_tail_ok`](super::response_tail_ok) or
/// [`response_tail`](super::response_tail).
pub fn response_head(h: &Header, data: usize) -> Head {
    Head::with_data(h, MORE, data)
}
