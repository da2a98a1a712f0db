//! The transactions of a connection that wait for their responses, and what has been heard of the
//! server meanwhile.

use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::context::{untimed, ClientContext};
use crate::bus::{Transaction, POST, READ, VERIFY, WRITE};
use crate::endpoint::ids::Ids;
use crate::endpoint::socket::MIN_IN_PLACE;
use crate::endpoint::stats::{Ended, EndedAs, Traffic};
use crate::error::Error;
use crate::wire::Header;

/// The table of transactions that wait. All methods may be called from any thread.
pub(super) struct Pending {
    context: Arc<ClientContext>,
    table: Mutex<Table>,
    /// Length of the table: written under its lock, read without.
    outstanding: AtomicUsize,
    /// How many of them are received in place, likewise.
    in_place: AtomicUsize,
    /// Number of transactions and threads that need responses to be read while no thread waits for
    /// one.
    unattended: AtomicIsize,
    /// Grows with each piece that the server has sent.
    heard: AtomicU64,
    /// A transaction has timed out, and nothing was heard since it was sent.
    suspicion: AtomicBool,
}

#[derive(Default)]
struct Table {
    /// By id on the wire.
    entries: Ids<u32, Entry>,
    /// Length at which transactions that are over without a response are removed.
    sweep_at: usize,
    in_place: usize,
    /// The connection has ended: no more transactions are added.
    closed: bool,
    /// What has been sent.
    sent: Amount,
    /// What the server has read at least: it answers in order.
    read: Amount,
    traffic: Traffic,
    /// `traffic` was handed over to the client, where later ends are counted.
    handed_over: bool,
}

/// A number of requests and the bytes of their data.
#[derive(Clone, Copy, Default)]
pub(super) struct Amount {
    pub(super) requests: u64,
    pub(super) bytes: u64,
}

/// A transaction that has been sent.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) transaction: Transaction,
    /// The header that was sent. A hub may have moved the transaction's address since.
    pub(super) header: Header,
    unattended: bool,
    since: Instant,
    /// What had been sent, this request included.
    sent: Amount,
    /// [`Pending::heard`] when it was sent.
    heard: u64,
}

impl Pending {
    pub(super) fn new(context: Arc<ClientContext>) -> Pending {
        Pending {
            context,
            table: Mutex::default(),
            outstanding: AtomicUsize::new(0),
            in_place: AtomicUsize::new(0),
            unattended: AtomicIsize::new(0),
            heard: AtomicU64::new(0),
            suspicion: AtomicBool::new(false),
        }
    }

    /// Adds a transaction that is about to be sent at `now`. A Post has no response, so it is only
    /// counted among what was sent. Returns whether other transactions wait; `None` if the
    /// connection has ended.
    pub(super) fn enter(
        &self,
        transaction: &Transaction,
        header: Header,
        unattended: bool,
        now: Instant,
    ) -> Option<bool> {
        let mut table = self.lock();
        if table.entries.len() >= table.sweep_at {
            table = self.sweep_before(table);
        }
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
        if unattended {
            self.add_unattended(1);
        }
        let entry = Entry {
            transaction: transaction.clone(),
            header,
            unattended,
            since: now,
            sent: table.sent,
            heard: self.heard(),
        };
        if let Some(before) = table.entries.insert(header.id, entry) {
            // The same transaction, submitted twice: one response will do.
            table.in_place -= usize::from(is_in_place(&before.header));
            table.traffic.outstanding = table.traffic.outstanding.saturating_sub(1);
            self.attended(&before);
        }
        table.traffic.begin();
        table.in_place += usize::from(is_in_place(&header));
        self.note_lengths(&table);
        Some(others)
    }

    /// Removes transactions that are over and were never answered.
    pub(super) fn sweep(&self) {
        let swept = self.sweep_locked(&mut self.lock());
        drop(swept);
    }

    /// As [`Pending::sweep`], before an entry is added.
    #[cold]
    fn sweep_before<'a>(&'a self, mut table: MutexGuard<'a, Table>) -> MutexGuard<'a, Table> {
        let swept = self.sweep_locked(&mut table);
        table.sweep_at = 1024 + 2 * table.entries.len();
        drop(table);
        drop(swept);
        self.lock()
    }

    /// As [`Pending::sweep`]. The caller drops what is returned after it has released the lock: the
    /// last handle of a piece can complete the transaction that it belongs to, and so run a
    /// callback of the user's.
    fn sweep_locked(&self, table: &mut Table) -> Vec<Entry> {
        let is_over =
            |_: &u32, entry: &mut Entry| entry.transaction.expired() && entry.header.size != 0;
        let swept: Vec<Entry> = table
            .entries
            .extract_if(is_over)
            .map(|(_, entry)| entry)
            .collect();
        for entry in &swept {
            self.attended(entry);
            table.traffic.end(&entry.ended(EndedAs::Failed));
            table.in_place -= usize::from(is_in_place(&entry.header));
        }
        self.note_lengths(table);
        swept
    }

    /// The transaction with this id on the wire, if it waits for a response.
    pub(super) fn find(&self, id: u32) -> Option<Entry> {
        self.lock().entries.get(&id).cloned()
    }

    /// Removes the transaction that was answered at `now`. `judge` compares its request with the
    /// answer; its verdict is returned and counted.
    pub(super) fn answered(
        &self,
        id: u32,
        now: Instant,
        judge: impl FnOnce(&Header) -> Result<(), Error>,
    ) -> Option<(Entry, Result<(), Error>)> {
        let mut table = self.lock();
        let entry = self.take(&mut table, id)?;
        if entry.sent.requests > table.read.requests {
            table.read = entry.sent;
        }
        let outcome = judge(&entry.header);
        let end = match &outcome {
            Ok(()) => EndedAs::Done,
            Err(_) => EndedAs::Failed,
        };
        table.traffic.end(&Ended {
            took: Some(now.saturating_duration_since(entry.since)),
            ..entry.ended(end)
        });
        Some((entry, outcome))
    }

    /// Removes a transaction that has failed on this side, if it is still there.
    pub(super) fn fail(&self, id: u32) {
        let mut table = self.lock();
        let Some(entry) = self.take(&mut table, id) else {
            return;
        };
        table.traffic.end(&entry.ended(EndedAs::Failed));
        drop(table);
    }

    /// Removes a transaction that could not be sent; false if it was not there any more. It will be
    /// sent over another connection, and counted there.
    pub(super) fn withdraw(&self, id: u32) -> bool {
        let mut table = self.lock();
        let Some(_entry) = self.take(&mut table, id) else {
            return false;
        };
        table.traffic.outstanding = table.traffic.outstanding.saturating_sub(1);
        drop(table);
        true
    }

    /// Removes `transaction`, which has timed out; false if it was not there any more.
    pub(super) fn timed_out(&self, transaction: &Transaction) -> bool {
        let id = self.context.wire_id(transaction);
        let mut table = self.lock();
        let entry = table.entries.get(&id);
        if entry.is_none_or(|entry| !entry.transaction.same(transaction)) {
            return false;
        }
        let Some(entry) = self.take(&mut table, id) else {
            return false;
        };
        table.traffic.end(&entry.ended(EndedAs::TimedOut));
        drop(table);
        if entry.heard == self.heard() && !self.is_suspected() {
            self.suspicion.store(true, Ordering::Relaxed);
            self.context.wake();
        }
        true
    }

    /// Takes a transaction out of the table. The entry must be dropped when the lock is released, as
    /// in [`Pending::sweep_locked`].
    fn take(&self, table: &mut Table, id: u32) -> Option<Entry> {
        let entry = table.entries.remove(&id)?;
        table.in_place -= usize::from(is_in_place(&entry.header));
        self.note_lengths(table);
        self.attended(&entry);
        Some(entry)
    }

    /// Has the response to `transaction` read even though no thread waits for it. False if the
    /// transaction waits for no response.
    pub(super) fn read_unattended(&self, transaction: &Transaction) -> bool {
        let mut table = self.lock();
        let id = self.context.wire_id(transaction);
        let Some(entry) = table.entries.get_mut(&id) else {
            return false;
        };
        if !std::mem::replace(&mut entry.unattended, true) {
            self.add_unattended(1);
        }
        true
    }

    /// Removes all transactions and counts them as failed. No more are added from now on.
    pub(super) fn close(&self) -> Vec<Transaction> {
        let mut table = self.lock();
        table.closed = true;
        let entries = std::mem::take(&mut table.entries);
        table.in_place = 0;
        self.note_lengths(&table);
        for entry in entries.values() {
            table.traffic.end(&entry.ended(EndedAs::Failed));
            self.attended(entry);
        }
        drop(table);
        entries
            .into_values()
            .map(|entry| entry.transaction)
            .collect()
    }

    /// Counts a transaction that is not in the table.
    pub(super) fn count(&self, transaction: &Transaction, end: EndedAs) {
        let mut table = self.lock();
        if !table.handed_over {
            table.traffic.count(&untimed(transaction, end));
            return;
        }
        drop(table);
        self.context.count(transaction, end);
    }

    /// The traffic of this connection.
    pub(super) fn traffic(&self) -> Traffic {
        self.lock().traffic.clone()
    }

    /// The traffic of this connection, for the client to keep. What ends later is counted there.
    pub(super) fn hand_over_traffic(&self) -> Traffic {
        let mut table = self.lock();
        table.handed_over = true;
        std::mem::take(&mut table.traffic)
    }

    /// What the server may not have read yet, judging by its answers.
    pub(super) fn unread(&self) -> Amount {
        let table = self.lock();
        Amount {
            requests: table.sent.requests - table.read.requests,
            bytes: table.sent.bytes - table.read.bytes,
        }
    }

    /// How many transactions wait for their responses.
    pub(super) fn outstanding(&self) -> usize {
        self.outstanding.load(Ordering::Relaxed)
    }

    /// Whether responses that are received in place are expected.
    pub(super) fn expects_in_place(&self) -> bool {
        self.in_place.load(Ordering::Relaxed) > 0
    }

    /// The transaction that waits for a response, if it is the only one and is received in place.
    pub(super) fn only_in_place(&self) -> Option<Entry> {
        if !self.expects_in_place() || self.outstanding() != 1 {
            return None;
        }
        let table = self.lock();
        let mut entries = table.entries.values();
        let entry = entries.next().filter(|entry| is_in_place(&entry.header))?;
        entries.next().is_none().then(|| entry.clone())
    }

    /// Whether responses must be read even though no thread waits for one.
    pub(super) fn needs_reader(&self) -> bool {
        self.unattended.load(Ordering::Acquire) > 0
    }

    /// Adds `count` to the number of transactions and threads that need responses to be read.
    pub(super) fn add_unattended(&self, count: isize) {
        self.unattended.fetch_add(count, Ordering::AcqRel);
    }

    /// A transaction has left the table.
    fn attended(&self, entry: &Entry) {
        if entry.unattended {
            self.add_unattended(-1);
        }
    }

    /// The server has sent something. Two threads that call this at the same time may count as one,
    /// which does no harm, and costs less than counting both.
    pub(super) fn hear(&self) {
        let heard = self.heard().wrapping_add(1);
        self.heard.store(heard, Ordering::Relaxed);
    }

    /// A number that changes when the server sends something.
    pub(super) fn heard(&self) -> u64 {
        self.heard.load(Ordering::Relaxed)
    }

    fn is_suspected(&self) -> bool {
        self.suspicion.load(Ordering::Relaxed)
    }

    /// Whether, since the last call, a transaction has timed out without anything heard since it
    /// was sent.
    pub(super) fn take_suspicion(&self) -> bool {
        self.is_suspected() && self.suspicion.swap(false, Ordering::Relaxed)
    }

    fn note_lengths(&self, table: &Table) {
        self.in_place.store(table.in_place, Ordering::Relaxed);
        self.outstanding
            .store(table.entries.len(), Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// Its end, without a time.
    fn ended(&self, end: EndedAs) -> Ended {
        Ended {
            kind: self.header.kind,
            size: self.header.size,
            end,
            took: None,
        }
    }
}

/// Whether the response to this request is received in place.
fn is_in_place(request: &Header) -> bool {
    matches!(request.kind, READ | VERIFY) && u64::from(request.size) >= MIN_IN_PLACE
}
