//! A client's request, until it is handed out.

use std::sync::Arc;

use crate::bus::{INLINE, POST, READ, VERIFY, WRITE};
use crate::endpoint::server::incoming::{Charge, Incoming};
use crate::wire::Header;

/// A request that waits for its turn.
#[derive(Debug)]
pub(in crate::endpoint::server) struct Request {
    pub(in crate::endpoint::server) header: Header,
    /// What a Write or Post brought.
    pub(in crate::endpoint::server) data: Data,
    /// When it came, as `Shared::clock` told it.
    pub(in crate::endpoint::server) since: u64,
}

/// Bytes of memory that the answer to a request of this type and size takes. What fits inside the
/// transaction takes none.
pub(in crate::endpoint::server) fn answer_bytes(kind: u32, size: u32) -> usize {
    match kind {
        READ | VERIFY if size as usize > INLINE => size as usize,
        _ => 0,
    }
}

/// The same of the data that such a request brings.
pub(in crate::endpoint::server) fn data_bytes(kind: u32, size: u32) -> usize {
    match kind {
        WRITE | POST if size as usize > INLINE => size as usize,
        _ => 0,
    }
}

/// The data of a request: register accesses take no memory of their own.
#[derive(Debug)]
pub(in crate::endpoint::server) enum Data {
    None,
    /// So many bytes.
    Small([u8; INLINE], u8),
    Large(Vec<u8>, Charge),
}

impl Data {
    pub(in crate::endpoint::server) fn len(&self) -> usize {
        match self {
            Data::None => 0,
            Data::Small(_, count) => usize::from(*count),
            Data::Large(bytes, _) => bytes.len(),
        }
    }

    /// Takes `bytes`, which `charge` counts so far, or copies them if they are few.
    pub(in crate::endpoint::server) fn take(bytes: &mut Vec<u8>, charge: &mut Charge) -> Data {
        let large = bytes.len() > INLINE;
        let counted = charge.take(if large { bytes.len() } else { 0 });
        if large {
            return Data::Large(std::mem::take(bytes), counted);
        }
        let data = Data::small(bytes);
        bytes.clear();
        data
    }

    /// A copy of `bytes`, counted in `incoming` if they are many.
    pub(in crate::endpoint::server) fn copy(bytes: &[u8], incoming: &Arc<Incoming>) -> Data {
        if bytes.len() > INLINE {
            return Data::Large(bytes.to_vec(), incoming.charge(bytes.len()));
        }
        Data::small(bytes)
    }

    /// A copy of at most `INLINE` bytes.
    fn small(bytes: &[u8]) -> Data {
        let mut small = [0; INLINE];
        small[..bytes.len()].copy_from_slice(bytes);
        // It fits: it is not more than `INLINE`.
        Data::Small(small, bytes.len() as u8)
    }
}
