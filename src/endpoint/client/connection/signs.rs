//! Signs of life of the server, for `pulse.rs`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::Connection;

#[derive(Debug, Default)]
pub(super) struct Signs {
    /// The server knows PING.
    pings: bool,
    /// Grows with each piece that has come on either connection.
    heard: AtomicU64,
    /// A transaction has timed out, and nothing has come since it was sent.
    suspicion: AtomicBool,
    /// A PING was not answered in time either.
    silent: AtomicBool,
}

impl Connection {
    pub(in crate::endpoint::client) fn set_pings(&mut self, pings: bool) {
        self.signs.pings = pings;
    }

    pub(in crate::endpoint::client) fn answers_pings(&self) -> bool {
        self.signs.pings
    }

    /// Something has come. Two threads that say so at a time count as one, which does no harm, and
    /// costs less than to count both.
    pub(in crate::endpoint::client) fn hear(&self) {
        let heard = self.signs.heard.load(Ordering::Relaxed).wrapping_add(1);
        self.signs.heard.store(heard, Ordering::Relaxed);
    }

    pub(in crate::endpoint::client) fn heard(&self) -> u64 {
        self.signs.heard.load(Ordering::Relaxed)
    }

    pub(super) fn suspect(&self) {
        self.signs.suspicion.store(true, Ordering::Relaxed);
    }

    pub(in crate::endpoint::client) fn is_suspected(&self) -> bool {
        self.signs.suspicion.load(Ordering::Relaxed)
    }

    pub(in crate::endpoint::client) fn take_suspicion(&self) -> bool {
        self.is_suspected() && self.signs.suspicion.swap(false, Ordering::Relaxed)
    }

    pub(in crate::endpoint::client) fn mark_silent(&self, silent: bool) {
        self.signs.silent.store(silent, Ordering::Relaxed);
    }

    pub(in crate::endpoint::client) fn is_silent(&self) -> bool {
        self.signs.silent.load(Ordering::Relaxed)
    }

    /// How many requests, and bytes of data of theirs, the server may not have read, as far as its
    /// answers tell.
    pub(in crate::endpoint::client) fn unread(&self) -> (u64, u64) {
        let table = self.table();
        let (sent, read) = (table.sent, table.read);
        (sent.requests - read.requests, sent.bytes - read.bytes)
    }
}
