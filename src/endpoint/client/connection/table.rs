//! The transactions of a connection that wait for their responses.

use std::sync::atomic::Ordering;
use std::time::Instant;

use super::figures::{is_large, over, over_as};
use super::Connection;
use crate::bus::{Transaction, POST, WRITE};
use crate::endpoint::client::link::Shared;
use crate::endpoint::ids::Ids;
use crate::endpoint::stats::{End, Over, Traffic, Unacknowledged};
use crate::error::Error;
use crate::wire::Header;

/// Transactions that wait for their responses, by their ids on the wire.
#[derive(Default)]
pub(super) struct Table {
    pub(super) entries: Ids<u32, Entry>,
    /// Number of entries at which those that are over are thrown out.
    sweep_at: usize,
    /// How many of them read much data.
    pub(super) large: usize,
    pub(super) closed: bool,
    pub(super) failure: Option<Error>,
    /// What was sent and not acknowledged when it failed.
    pub(super) unacknowledged: Unacknowledged,
    /// What has been asked, and how far the server has read of it: to the last request that it has
    /// answered, at least.
    pub(super) sent: Amount,
    pub(super) read: Amount,
    pub(super) traffic: Traffic,
    /// Its figures have been added to the client's: what is over later is counted there.
    pub(super) past: bool,
}

/// So many requests, with their data.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) requests: u64,
    pub(super) bytes: u64,
}

/// A transaction that has been sent.
#[derive(Clone)]
pub(in crate::endpoint::client) struct Entry {
    pub(in crate::endpoint::client) transaction: Transaction,
    /// As it was sent: hubs do not move it any more.
    pub(in crate::endpoint::client) header: Header,
    pub(super) background: bool,
    since: Instant,
    /// What has been asked up to this one.
    upto: Amount,
    /// What had been heard of the server then.
    heard: u64,
}

impl Connection {
    /// Notes that `transaction` waits for a response from `now` on, unless it is a Post, which has none. Tells
    /// whether others do, or `None` when the connection is over.
    pub(super) fn enter(
        &self,
        transaction: &Transaction,
        header: Header,
        background: bool,
        now: Instant,
    ) -> Option<bool> {
        let mut table = self.table();
        if table.closed {
            return None;
        }
        let others = !table.entries.is_empty();
        table.sent.requests += 1;
        if matches!(header.kind, WRITE | POST) {
            table.sent.bytes += u64::from(header.size);
        }
        if header.kind == POST {
            return Some(others);
        }
        if table.entries.len() >= table.sweep_at {
            self.sweep_locked(&mut table);
            table.sweep_at = 1024 + 2 * table.entries.len();
        }
        if background {
            self.add_background(1);
        }
        let entry = Entry {
            transaction: transaction.clone(),
            header,
            background,
            since: now,
            upto: table.sent,
            heard: self.heard(),
        };
        if let Some(before) = table.entries.insert(header.id, entry) {
            // The same transaction, given twice: one response will do.
            table.large -= usize::from(is_large(&before.header));
            table.traffic.outstanding = table.traffic.outstanding.saturating_sub(1);
            self.uncount(&before);
        }
        table.traffic.begin();
        table.large += usize::from(is_large(&header));
        self.note_outstanding(&table);
        Some(others)
    }

    /// Throws out what is over but was never answered.
    pub(in crate::endpoint::client) fn sweep(&self) {
        self.sweep_locked(&mut self.table());
    }

    fn sweep_locked(&self, table: &mut Table) {
        let (traffic, large) = (&mut table.traffic, &mut table.large);
        table.entries.retain(|_, entry| {
            let stays = !entry.transaction.expired() || entry.header.size == 0;
            if !stays {
                self.uncount(entry);
                traffic.end(&over(&entry.header, End::Failed));
                *large -= usize::from(is_large(&entry.header));
            }
            stays
        });
        self.note_outstanding(table);
    }

    /// The transaction with this id on the wire, if it waits for a response.
    pub(in crate::endpoint::client) fn find(&self, id: u32) -> Option<Entry> {
        self.table().entries.get(&id).cloned()
    }

    /// Takes a transaction that was answered at `now` out of those that wait, with what `judge` makes
    /// of its request and the answer.
    pub(in crate::endpoint::client) fn answered(
        &self,
        id: u32,
        now: Instant,
        judge: impl FnOnce(&Header) -> Result<(), Error>,
    ) -> Option<(Entry, Result<(), Error>)> {
        let mut outcome = Ok(());
        let entry = self.remove_with(id, |entry, read| {
            if entry.upto.requests > read.requests {
                *read = entry.upto;
            }
            outcome = judge(&entry.header);
            let end = match &outcome {
                Ok(()) => End::Done,
                Err(_) => End::Failed,
            };
            Over {
                took: Some(now.saturating_duration_since(entry.since)),
                ..over(&entry.header, end)
            }
        })?;
        Some((entry, outcome))
    }

    /// Takes out the transaction with this id, and counts it as `over` tells.
    pub(super) fn remove(&self, id: u32, over: impl FnOnce(&Entry) -> Over) -> Option<Entry> {
        self.remove_with(id, |entry, _| over(entry))
    }

    /// As [`Connection::remove`]; `over` may note how far the server has read, too.
    fn remove_with(
        &self,
        id: u32,
        over: impl FnOnce(&Entry, &mut Amount) -> Over,
    ) -> Option<Entry> {
        let mut table = self.table();
        let entry = table.entries.remove(&id)?;
        table.large -= usize::from(is_large(&entry.header));
        self.note_outstanding(&table);
        let over = over(&entry, &mut table.read);
        table.traffic.end(&over);
        drop(table);
        self.uncount(&entry);
        Some(entry)
    }

    /// Takes out a transaction that could not be sent; false if it is not there any more. It will
    /// be sent over another connection, and counted there.
    pub(super) fn withdraw(&self, id: u32) -> bool {
        let mut table = self.table();
        let Some(entry) = table.entries.remove(&id) else {
            return false;
        };
        table.large -= usize::from(is_large(&entry.header));
        self.note_outstanding(&table);
        table.traffic.outstanding = table.traffic.outstanding.saturating_sub(1);
        drop(table);
        self.uncount(&entry);
        true
    }

    /// Whether `transaction` waits for a response.
    pub(in crate::endpoint::client) fn awaits(
        &self,
        shared: &Shared,
        transaction: &Transaction,
    ) -> bool {
        let id = shared.wire_id(transaction);
        let table = self.table();
        table
            .entries
            .get(&id)
            .is_some_and(|entry| entry.transaction.same(transaction))
    }

    /// Forgets `transaction`, whose time is over; false if it was neither waited for nor waiting to be
    /// sent.
    pub(in crate::endpoint::client) fn forget(
        &self,
        shared: &Shared,
        transaction: &Transaction,
    ) -> bool {
        if self.take_post(transaction) {
            self.count(shared, &over_as(transaction, End::TimedOut));
            return true;
        }
        let id = shared.wire_id(transaction);
        let timed_out = |entry: &Entry| over(&entry.header, End::TimedOut);
        let entry = self
            .awaits(shared, transaction)
            .then(|| self.remove(id, timed_out));
        let Some(entry) = entry.flatten() else {
            return false;
        };
        if entry.heard == self.heard() && !self.is_suspected() {
            self.suspect();
            shared.control.notify_one();
        }
        true
    }

    /// The response to `transaction` is to be read though nobody waits for it. False if it does not
    /// wait for one.
    pub(in crate::endpoint::client) fn read_in_background(
        &self,
        shared: &Shared,
        transaction: &Transaction,
    ) -> bool {
        let mut table = self.table();
        let Some(entry) = table.entries.get_mut(&shared.wire_id(transaction)) else {
            return false;
        };
        if !std::mem::replace(&mut entry.background, true) {
            self.add_background(1);
        }
        true
    }

    pub(in crate::endpoint::client) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Whether responses with much data are to come.
    pub(in crate::endpoint::client) fn expects_large(&self) -> bool {
        self.large.load(Ordering::Relaxed) > 0
    }

    /// The transaction that waits for a response, if it is the only one and reads much data.
    pub(in crate::endpoint::client) fn only_large(&self) -> Option<Entry> {
        if !self.expects_large() || self.outstanding() != 1 {
            return None;
        }
        let table = self.table();
        let mut entries = table.entries.values();
        let entry = entries.next().filter(|entry| is_large(&entry.header))?;
        entries.next().is_none().then(|| entry.clone())
    }

    /// Tells those who look without a lock how many there are.
    pub(super) fn note_outstanding(&self, table: &Table) {
        self.large.store(table.large, Ordering::Relaxed);
        self.outstanding
            .store(table.entries.len(), Ordering::Relaxed);
    }
}
