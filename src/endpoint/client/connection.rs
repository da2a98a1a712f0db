//! What lives as long as a connection: its two sockets, and the transactions that wait for their
//! responses (`table.rs`) or to be sent (`posts.rs`). How they are sent is in `send.rs`.

mod figures;
mod posts;
mod send;
mod signs;
mod table;

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicIsize, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::Shared;
use super::response::Reader;
use super::turn::Turn;
use crate::bus::Transaction;
use crate::endpoint::liveness::Gone;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::socket::Mode;
use crate::endpoint::stats::End;
use crate::error::{Error, ErrorKind};
use figures::over;
pub(super) use figures::over_as;
use posts::Posts;
pub(super) use send::Submit;
use signs::Signs;
pub(super) use table::Entry;
use table::Table;

/// How often to read before looking at other work.
const MOST_ROUNDS: u32 = 16;

/// A connection to the server, after its handshakes.
pub(super) struct Connection {
    pub(super) requests: Arc<TcpStream>,
    pub(super) responses: Arc<TcpStream>,
    pub(super) outgoing: Outgoing,
    pub(super) turn: Turn,
    reader: Mutex<Reader>,
    table: Mutex<Table>,
    /// Entries of the table: changed under its lock, read without.
    outstanding: AtomicUsize,
    /// Those of them that read much data, likewise.
    large: AtomicUsize,
    posts: Mutex<Posts>,
    /// How many there are who need responses to be read without anybody waiting for them.
    background: AtomicIsize,
    /// Requests have been deferred since the client's thread looked last.
    armed: AtomicBool,
    /// When last nothing was under way, more than one request was made before it was again.
    bursts: AtomicBool,
    signs: Signs,
}

impl Connection {
    pub(super) fn new(requests: TcpStream, responses: TcpStream, reader: Reader) -> Connection {
        let requests = Arc::new(requests);
        Connection {
            outgoing: Outgoing::new(Arc::clone(&requests), Arc::default()),
            requests,
            responses: Arc::new(responses),
            turn: Turn::default(),
            reader: Mutex::new(reader),
            table: Mutex::default(),
            outstanding: AtomicUsize::new(0),
            large: AtomicUsize::new(0),
            posts: Mutex::default(),
            background: AtomicIsize::new(0),
            armed: AtomicBool::new(false),
            bursts: AtomicBool::new(false),
            signs: Signs::default(),
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&self, shared: &Shared) -> io::Result<usize> {
        let left = self.outgoing.flush()?;
        self.posts_sent(shared);
        Ok(left)
    }

    /// As [`Connection::flush`], if anything waits; an error shows itself to whoever reads.
    pub(super) fn flush_waiting(&self, shared: &Shared) {
        if self.outgoing.queued() > 0 {
            let _ = self.flush(shared);
        }
    }

    /// Whether requests have been deferred since this was asked last.
    pub(super) fn take_armed(&self) -> bool {
        self.armed.load(Ordering::Acquire) && self.armed.swap(false, Ordering::AcqRel)
    }

    /// Reads what is there, or waits for it if `mode` says so, and completes what it answers. Only
    /// for who has the turn. An error is the end of the connection.
    pub(super) fn read(&self, shared: &Shared, mode: Mode) -> Result<bool, ReadError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        let some = reader.receive(self, shared, mode)?;
        if some {
            self.hear();
        }
        Ok(some)
    }

    /// As [`Connection::read`], all that is there, but not for ever; true if there may be more.
    pub(super) fn read_all(&self, shared: &Shared) -> Result<bool, ReadError> {
        for _ in 0..MOST_ROUNDS {
            if !self.read(shared, Mode::Now)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Notes why the connection is lost, for the client's thread to take it down. The first to say
    /// so is believed.
    pub(super) fn lost(&self, place: &str, error: ReadError) {
        let (kind, cause) = match error {
            ReadError::End => (
                ErrorKind::ConnectionLost,
                "the server has closed it".to_owned(),
            ),
            ReadError::Io(error) => (ErrorKind::ConnectionLost, error.to_string()),
            ReadError::Gone(gone) => (ErrorKind::ConnectionLost, gone.to_string()),
            ReadError::Protocol(text) => (ErrorKind::Protocol, text),
        };
        let text = format!("{place}: connection lost, {cause}");
        self.abandon(Error::new(kind, text));
    }

    /// Ends the connection for the `reason`, unless it has ended for another: what this host has not
    /// sent yet never leaves, since everything that is under way fails.
    pub(super) fn abandon(&self, reason: Error) {
        let unacknowledged = self.unacknowledged();
        let mut table = self.table();
        if table.failure.is_none() {
            table.failure = Some(reason);
            table.unacknowledged = unacknowledged;
        }
        drop(table);
        self.outgoing.abort();
        self.close();
    }

    /// Ends the connection for the `reason`, and lets the kernel send what it has. Whoever sees the
    /// end meanwhile believes this reason, not that the server has closed it.
    pub(super) fn finish(&self, reason: Error) {
        self.table().failure.get_or_insert(reason);
        self.close();
    }

    /// Why the connection is lost, if it is.
    pub(super) fn failure(&self) -> Option<Error> {
        self.table().failure.clone()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.table().failure.is_some() || self.outgoing.is_closed()
    }

    /// Ends both sockets; whoever reads them sees that.
    pub(super) fn close(&self) {
        self.outgoing.close();
        let _ = self.responses.shutdown(std::net::Shutdown::Both);
    }

    /// Fails all that waits for a response, or to be sent.
    pub(super) fn fail_all(&self, shared: &Shared, error: &Error) {
        let mut table = self.table();
        table.closed = true;
        let entries = std::mem::take(&mut table.entries);
        table.large = 0;
        self.note_outstanding(&table);
        for entry in entries.values() {
            table.traffic.end(&over(&entry.header, End::Failed));
        }
        drop(table);
        // Who sent the last of them may not have said so yet.
        self.posts_sent(shared);
        let posts = std::mem::take(&mut self.posts().waiting);
        for entry in entries.into_values() {
            self.uncount(&entry);
            entry.transaction.fail(error.clone());
        }
        for (_, transaction) in posts {
            self.count(shared, &over_as(&transaction, End::Failed));
            transaction.fail(error.clone());
        }
    }

    pub(super) fn background(&self) -> isize {
        self.background.load(Ordering::Acquire)
    }

    pub(super) fn add_background(&self, count: isize) {
        self.background.fetch_add(count, Ordering::AcqRel);
    }

    fn uncount(&self, entry: &Entry) {
        if entry.background {
            self.add_background(-1);
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a connection cannot be read any more.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The server has closed it.
    End,
    Io(io::Error),
    /// The server is not there any more, as far as its host's acknowledgements show.
    Gone(Gone),
    /// The server sent what no server may send.
    Protocol(String),
}

impl Shared {
    /// The id of a transaction on the wire.
    pub(super) fn wire_id(&self, transaction: &Transaction) -> u32 {
        transaction.id().wrapping_add(self.id_base)
    }
}
