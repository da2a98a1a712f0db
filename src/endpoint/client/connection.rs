//! What lives as long as a connection: its two sockets, and the transactions that wait for their
//! responses.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::link::Shared;
use super::response::Reader;
use super::turn::Turn;
use crate::bus::{Transaction, POST, WRITE};
use crate::endpoint::outgoing::{Body, Outgoing, Sent};
use crate::endpoint::socket::Mode;
use crate::error::{Error, ErrorKind};
use crate::wire::{request_head, Header};

/// A connection to the server, after its handshakes.
pub(super) struct Connection {
    pub(super) requests: Arc<TcpStream>,
    pub(super) responses: Arc<TcpStream>,
    pub(super) outgoing: Outgoing,
    pub(super) turn: Turn,
    reader: Mutex<Reader>,
    table: Mutex<Table>,
    /// Posted writes of which some still waits to be sent, each with the mark that shows its end.
    posts: Mutex<VecDeque<(u64, Transaction)>>,
    /// How many there are who need responses to be read without anybody waiting for them.
    background: AtomicIsize,
}

/// Transactions that wait for their responses, by their ids on the wire.
#[derive(Default)]
struct Table {
    entries: HashMap<u32, Entry>,
    /// Number of entries at which those that are over are thrown out.
    sweep_at: usize,
    closed: bool,
    failure: Option<Error>,
}

/// A transaction that has been sent.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) transaction: Transaction,
    /// As it was sent: hubs do not move it any more.
    pub(super) header: Header,
    background: bool,
}

/// What came of sending a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Submit {
    /// It is on its way, or over.
    Sent,
    /// It is on its way, and more than enough waits to be sent.
    Crowded,
    /// There is no connection any more, and nothing of it was sent.
    Lost,
}

impl Connection {
    pub(super) fn new(requests: TcpStream, responses: TcpStream, reader: Reader) -> Connection {
        let requests = Arc::new(requests);
        Connection {
            outgoing: Outgoing::new(Arc::clone(&requests)),
            requests,
            responses: Arc::new(responses),
            turn: Turn::default(),
            reader: Mutex::new(reader),
            table: Mutex::default(),
            posts: Mutex::default(),
            background: AtomicIsize::new(0),
        }
    }

    /// Sends a transaction on the calling thread.
    pub(super) fn submit(&self, shared: &Shared, transaction: &Transaction) -> Submit {
        let header = Header {
            id: shared.wire_id(transaction),
            address: transaction.address(),
            size: transaction.size(),
            kind: transaction.kind(),
        };
        let carries_data = matches!(header.kind, WRITE | POST);
        let lock = carries_data.then(|| transaction.lock());
        let data = match &lock {
            None => None,
            Some(lock) => match lock.bytes() {
                Some(bytes) => Some(bytes),
                // Its master has given up already.
                None => return Submit::Sent,
            },
        };
        // A piece of a transaction is waited for by its parent's master, which does not read.
        let background = transaction.is_piece();
        if header.kind != POST && !self.enter(transaction, header, background) {
            return Submit::Lost;
        }
        let head = request_head(&header, data.map(<[u8]>::len));
        let body = Body::Borrowed(data.unwrap_or(&[]));
        let sent = self.outgoing.send(head.as_bytes(), body, &[]);
        ::log::debug!(
            target: &shared.name,
            "Requested transaction id={}, addr=0x{:x}, size={}, type={}, local id={}: {sent:?}",
            header.id, header.address, header.size, header.kind, transaction.id()
        );
        if background {
            shared.control.notify_one();
        }
        match (sent, lock) {
            (Sent::Closed, _) => {
                // If it is not there any more, whoever took it out has failed it.
                let ours = header.kind == POST || self.remove(header.id).is_some();
                if ours {
                    return Submit::Lost;
                }
            }
            // A posted write is complete when it has been sent.
            (Sent::Whole, Some(lock)) if header.kind == POST => {
                lock.done();
            }
            (Sent::Queued(mark), _) if header.kind == POST => {
                self.posts().push_back((mark, transaction.clone()));
                self.posts_sent();
                // Whoever closed the connection may have emptied the list before: then this is ours.
                if self.outgoing.is_closed() && self.take_post(transaction) {
                    transaction.fail(self.failure().unwrap_or_else(|| {
                        let text = format!("{}: connection lost", shared.place);
                        Error::new(ErrorKind::ConnectionLost, text)
                    }));
                }
            }
            _ => {}
        }
        let crowded =
            matches!(sent, Sent::Queued(_)) && self.outgoing.queued() > shared.options.max_queued;
        if crowded {
            Submit::Crowded
        } else {
            Submit::Sent
        }
    }

    /// Sends what waits, as far as the socket takes it.
    pub(super) fn flush(&self) -> io::Result<usize> {
        let left = self.outgoing.flush()?;
        self.posts_sent();
        Ok(left)
    }

    fn posts_sent(&self) {
        let sent = self.outgoing.sent();
        let mut posts = self.posts();
        let mut done = Vec::new();
        while posts.front().is_some_and(|&(mark, _)| mark <= sent) {
            done.extend(posts.pop_front());
        }
        drop(posts);
        for (_, transaction) in done {
            transaction.done();
        }
    }

    /// Reads what is there, or waits for it if `mode` says so, and completes what it answers. Only
    /// for who has the turn. An error is the end of the connection.
    pub(super) fn read(&self, shared: &Shared, mode: Mode) -> Result<bool, ReadError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        reader.receive(self, shared, mode)
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
            ReadError::Protocol(text) => (ErrorKind::Protocol, text),
        };
        let text = format!("{place}: connection lost, {cause}");
        self.table().failure.get_or_insert(Error::new(kind, text));
        self.close();
    }

    /// Ends the connection for a reason of this side's own. Whoever sees its end meanwhile believes
    /// this reason, not that the server has closed it.
    pub(super) fn give_up(&self, reason: Error) {
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
    pub(super) fn fail_all(&self, error: &Error) {
        let mut table = self.table();
        table.closed = true;
        let entries = std::mem::take(&mut table.entries);
        drop(table);
        let posts = std::mem::take(&mut *self.posts());
        for entry in entries.into_values() {
            self.uncount(&entry);
            entry.transaction.fail(error.clone());
        }
        for (_, transaction) in posts {
            transaction.fail(error.clone());
        }
    }

    fn enter(&self, transaction: &Transaction, header: Header, background: bool) -> bool {
        let mut table = self.table();
        if table.closed {
            return false;
        }
        if table.entries.len() >= table.sweep_at {
            self.sweep_locked(&mut table);
            table.sweep_at = 1024 + 2 * table.entries.len();
        }
        if background {
            self.add_background(1);
        }
        table.entries.insert(
            header.id,
            Entry {
                transaction: transaction.clone(),
                header,
                background,
            },
        );
        true
    }

    /// Throws out what is over but was never answered.
    pub(super) fn sweep(&self) {
        self.sweep_locked(&mut self.table());
    }

    fn sweep_locked(&self, table: &mut Table) {
        table.entries.retain(|_, entry| {
            let stays = !entry.transaction.expired() || entry.header.size == 0;
            if !stays {
                self.uncount(entry);
            }
            stays
        });
    }

    /// The transaction with this id on the wire, if it waits for a response.
    pub(super) fn find(&self, id: u32) -> Option<Entry> {
        self.table().entries.get(&id).cloned()
    }

    /// Takes a transaction out of those that wait.
    pub(super) fn remove(&self, id: u32) -> Option<Entry> {
        let entry = self.table().entries.remove(&id)?;
        self.uncount(&entry);
        Some(entry)
    }

    /// Whether `transaction` waits for a response.
    pub(super) fn awaits(&self, shared: &Shared, transaction: &Transaction) -> bool {
        let id = shared.wire_id(transaction);
        let table = self.table();
        table
            .entries
            .get(&id)
            .is_some_and(|entry| entry.transaction.same(transaction))
    }

    fn take_post(&self, transaction: &Transaction) -> bool {
        let mut posts = self.posts();
        let before = posts.len();
        posts.retain(|(_, post)| !post.same(transaction));
        posts.len() < before
    }

    /// Forgets `transaction`; false if it was not there.
    pub(super) fn forget(&self, shared: &Shared, transaction: &Transaction) -> bool {
        self.take_post(transaction);
        self.awaits(shared, transaction) && self.remove(shared.wire_id(transaction)).is_some()
    }

    /// The response to `transaction` is to be read though nobody waits for it. False if it does not
    /// wait for one.
    pub(super) fn read_in_background(&self, shared: &Shared, transaction: &Transaction) -> bool {
        let mut table = self.table();
        let Some(entry) = table.entries.get_mut(&shared.wire_id(transaction)) else {
            return false;
        };
        if !std::mem::replace(&mut entry.background, true) {
            self.add_background(1);
        }
        true
    }

    pub(super) fn outstanding(&self) -> usize {
        self.table().entries.len()
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

    fn posts(&self) -> MutexGuard<'_, VecDeque<(u64, Transaction)>> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a connection cannot be read any more.
#[derive(Debug)]
pub(super) enum ReadError {
    /// The server has closed it.
    End,
    Io(io::Error),
    /// The server sent what no server may send.
    Protocol(String),
}

impl Shared {
    /// The id of a transaction on the wire.
    pub(super) fn wire_id(&self, transaction: &Transaction) -> u32 {
        transaction.id().wrapping_add(self.id_base)
    }
}
