//! A client's request, until it is handed out.

use crate::bus::WITHIN;
use crate::wire::Header;

/// A request that waits for its turn.
#[derive(Debug)]
pub(in crate::endpoint::server) struct Request {
    pub(in crate::endpoint::server) header: Header,
    /// What a Write or Post brought.
    pub(in crate::endpoint::server) data: Data,
    /// When it came, as `Shared::clock` told it.
    pub(in crate::endpoint::server) since: u32,
}

/// The data of a request: register accesses take no memory of their own.
#[derive(Debug)]
pub(in crate::endpoint::server) enum Data {
    None,
    /// So many bytes.
    Small([u8; WITHIN], u8),
    Large(Vec<u8>),
}

impl Data {
    pub(in crate::endpoint::server) fn len(&self) -> usize {
        match self {
            Data::None => 0,
            Data::Small(_, count) => usize::from(*count),
            Data::Large(bytes) => bytes.len(),
        }
    }

    /// Takes `bytes`, or copies them if they are few.
    pub(in crate::endpoint::server) fn take(bytes: &mut Vec<u8>) -> Data {
        if bytes.len() > WITHIN {
            return Data::Large(std::mem::take(bytes));
        }
        let data = Data::copy(bytes);
        bytes.clear();
        data
    }

    /// A copy of `bytes`.
    pub(in crate::endpoint::server) fn copy(bytes: &[u8]) -> Data {
        if bytes.len() > WITHIN {
            return Data::Large(bytes.to_vec());
        }
        let mut small = [0; WITHIN];
        small[..bytes.len()].copy_from_slice(bytes);
        // It fits: it is not more than `WITHIN`.
        Data::Small(small, bytes.len() as u8)
    }
}
