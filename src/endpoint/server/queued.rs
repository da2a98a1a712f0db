//! A client's request until it is handed out, and the memory that it takes.

use std::sync::Arc;

use super::incoming::{Charge, Incoming};
use crate::bus::{INLINE, POST, READ, VERIFY, WRITE};
use crate::wire::Header;

/// A request that waits for its turn.
#[derive(Debug)]
pub(super) struct QueuedRequest {
    pub(super) header: Header,
    /// What a Write or Post brought.
    pub(super) data: RequestData,
    /// When it came, by the server's clock.
    pub(super) since: u64,
}

/// Bytes of memory that the answer to a request of this type and size takes. What fits inside the
/// transaction takes none.
pub(super) fn answer_bytes(kind: u32, size: u32) -> usize {
    match kind {
        READ | VERIFY if size as usize > INLINE => size as usize,
        _ => 0,
    }
}

/// Bytes of memory that the data of such a request takes.
pub(super) fn data_bytes(kind: u32, size: u32) -> usize {
    match kind {
        WRITE | POST if size as usize > INLINE => size as usize,
        _ => 0,
    }
}

/// The data of a request: register accesses take no memory of their own.
#[derive(Debug)]
pub(super) enum RequestData {
    None,
    /// The first bytes of the array; the number says how many.
    Small([u8; INLINE], u8),
    Large(Vec<u8>, Charge),
}

impl RequestData {
    pub(super) fn len(&self) -> usize {
        match self {
            RequestData::None => 0,
            RequestData::Small(_, count) => usize::from(*count),
            RequestData::Large(bytes, _) => bytes.len(),
        }
    }

    /// Takes `bytes`, which `charge` counts so far, or copies them if they are few.
    pub(super) fn take(bytes: &mut Vec<u8>, charge: &mut Charge) -> RequestData {
        let large = bytes.len() > INLINE;
        let counted = charge.take(if large { bytes.len() } else { 0 });
        if large {
            return RequestData::Large(std::mem::take(bytes), counted);
        }
        let data = RequestData::small(bytes);
        bytes.clear();
        data
    }

    /// A copy of `bytes`, counted in `incoming` if they are many.
    pub(super) fn copy(bytes: &[u8], incoming: &Arc<Incoming>) -> RequestData {
        if bytes.len() > INLINE {
            return RequestData::Large(bytes.to_vec(), incoming.charge(bytes.len()));
        }
        RequestData::small(bytes)
    }

    /// A copy of at most `INLINE` bytes.
    fn small(bytes: &[u8]) -> RequestData {
        let mut small = [0; INLINE];
        small[..bytes.len()].copy_from_slice(bytes);
        // It fits: it is at most `INLINE`.
        RequestData::Small(small, bytes.len() as u8)
    }
}
