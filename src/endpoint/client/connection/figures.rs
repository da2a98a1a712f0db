//! The figures of a connection.

use super::Connection;
use crate::bus::{Transaction, READ, VERIFY};
use crate::endpoint::client::link::Shared;
use crate::endpoint::client::response::DIRECT;
use crate::endpoint::stats::{End, Over, Traffic, Unacknowledged};
use crate::wire::Header;

impl Connection {
    /// Counts a transaction that is not, or no longer, among those that wait for a response.
    pub(in crate::endpoint::client) fn count(&self, shared: &Shared, over: &Over) {
        let mut table = self.table();
        if !table.past {
            table.traffic.count(over);
            return;
        }
        drop(table);
        shared.past().count(over);
    }

    /// What was sent and not acknowledged when the connection failed.
    pub(in crate::endpoint::client) fn lost_bytes(&self) -> Unacknowledged {
        self.table().unacknowledged
    }

    /// The figures of this connection.
    pub(in crate::endpoint::client) fn traffic(&self) -> Traffic {
        self.table().traffic.clone()
    }

    /// The figures of this connection, for the client to keep; what comes later goes there.
    pub(in crate::endpoint::client) fn take_traffic(&self) -> Traffic {
        let mut table = self.table();
        table.past = true;
        std::mem::take(&mut table.traffic)
    }
}

/// A transaction that is over, without a time that would say anything.
pub(in crate::endpoint::client) fn over(header: &Header, end: End) -> Over {
    Over {
        kind: header.kind,
        size: header.size,
        end,
        took: None,
    }
}

/// As [`over`], of a transaction that has no header.
pub(in crate::endpoint::client) fn over_as(transaction: &Transaction, end: End) -> Over {
    Over {
        kind: transaction.kind(),
        size: transaction.size(),
        end,
        took: None,
    }
}

/// Whether the response to this request brings data that is worth to be received in place.
pub(super) fn is_large(request: &Header) -> bool {
    matches!(request.kind, READ | VERIFY) && u64::from(request.size) >= DIRECT
}
