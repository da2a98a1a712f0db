//! Requests and responses: writes the bytes around the data, and reads a short message that lies
//! complete in the input. The general reader is `decoder.rs`; result frames are in `result.rs`.

use std::ops::Deref;

use arrayvec::ArrayVec;
use bytes::{Buf, BufMut};

use super::frame::{put_header, MAX_FRAME_HEADER, MORE};

/// Transaction type: the slave's memory is read.
pub const READ: u32 = 1;
/// Transaction type: the slave's memory is written, and the outcome is reported.
pub const WRITE: u32 = 2;
/// Transaction type: a write without a response.
pub const POST: u32 = 3;
/// Transaction type: reads the slave's memory back, to compare it with the data written.
pub const VERIFY: u32 = 4;
/// Transaction type: asks whether the server answers, without an access to the slave.
pub const PROBE: u32 = 0xffff_fffe;

/// The fields that every message begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Header {
    /// Chosen by the client, repeated by the server.
    pub id: u32,
    /// Address of the first byte in the slave's address space.
    pub address: u64,
    /// Size of the access in bytes.
    pub size: u32,
    /// The transaction's type: [`READ`], [`WRITE`], [`POST`], [`VERIFY`], [`PROBE`], or what the
    /// peer sent.
    pub kind: u32,
}

/// Size in bytes of the four header frames, with short frame headers as libzmq and we send them.
pub(super) const HEADER_FRAMES: usize = 28;

/// Capacity of a [`Head`].
const MAX_HEAD: usize = HEADER_FRAMES + MAX_FRAME_HEADER;

/// The bytes of a message before its data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head(ArrayVec<u8, MAX_HEAD>);

impl Head {
    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The header frames, and with `data` the frame header of `data` bytes of data. `flags` are
    /// those of the last frame written.
    #[inline]
    fn new(header: &Header, data: Option<usize>, flags: u8) -> Head {
        let mut bytes = [0; MAX_HEAD];
        let mut out = &mut bytes[..];
        put_header(&mut out, MORE, 4);
        out.put_u32_le(header.id);
        put_header(&mut out, MORE, 8);
        out.put_u64_le(header.address);
        put_header(&mut out, MORE, 4);
        out.put_u32_le(header.size);
        put_header(&mut out, if data.is_some() { MORE } else { flags }, 4);
        out.put_u32_le(header.kind);
        if let Some(length) = data {
            put_header(&mut out, flags, length);
        }
        let length = MAX_HEAD - out.len();
        let mut head = ArrayVec::from(bytes);
        head.truncate(length);
        Head(head)
    }
}

impl Deref for Head {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

/// The beginning of a request. `None`: the whole request. `Some(n)`: everything up to and including
/// the frame header of `n` bytes of data. The caller sends the data next, and the message ends with
/// it.
pub fn request_head(header: &Header, data: Option<usize>) -> Head {
    Head::new(header, data, 0)
}

/// The beginning of a response, up to and including the frame header of `data` bytes of data. The
/// caller sends the data next, and then [`response_tail_ok`](super::response_tail_ok) or
/// [`response_tail`](super::response_tail).
pub fn response_head(header: &Header, data: usize) -> Head {
    Head::new(header, Some(data), MORE)
}

/// Reads the four header frames at the front of `bytes`: the header, and whether more frames
/// follow. `None` if they are incomplete or not in the form that [`Head`] writes; then the decoder
/// reads them.
pub(super) fn read_header(bytes: &[u8]) -> Option<(Header, bool)> {
    let b = bytes.first_chunk::<HEADER_FRAMES>()?;
    let usual = [b[0], b[1]] == [MORE, 4]
        && [b[6], b[7]] == [MORE, 8]
        && [b[16], b[17]] == [MORE, 4]
        && b[22] <= MORE
        && b[23] == 4;
    if !usual {
        return None;
    }
    let header = Header {
        id: (&b[2..]).get_u32_le(),
        address: (&b[8..]).get_u64_le(),
        size: (&b[18..]).get_u32_le(),
        kind: (&b[24..]).get_u32_le(),
    };
    Some((header, b[22] == MORE))
}

/// A complete message with little data, borrowed from the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// The header fields.
    pub header: Header,
    /// The data frame; `None` if there is none.
    pub data: Option<&'a [u8]>,
    /// The result frame; empty if there is none.
    pub result: &'a [u8],
}

/// Reads the message at the front of `bytes`: the message, and the bytes after it. `None` if it is
/// incomplete, not in the form that libzmq and we send, does not have `least` to `most` frames, or
/// has a data or result frame of 256 bytes or more; then the decoder reads it.
pub(super) fn read_whole(bytes: &[u8], least: u8, most: u8) -> Option<(Message<'_>, &[u8])> {
    let (header, more) = read_header(bytes)?;
    let mut message = Message {
        header,
        data: None,
        result: &[],
    };
    let (mut frames, mut rest) = (4, &bytes[HEADER_FRAMES..]);
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

/// Reads a frame with a short length: its body, whether another frame follows, and the bytes after
/// it.
fn read_short(bytes: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let (&[flags, length], rest) = bytes.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(length.into())?;
    (flags <= MORE).then_some((body, flags == MORE, rest))
}
