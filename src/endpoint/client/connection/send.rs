//! How a transaction is sent: on the thread that asks for it.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::figures::over;
use super::Connection;
use crate::bus::{DataLock, Transaction, POST, WRITE};
use crate::endpoint::client::link::{Shared, READ_LIMIT};
use crate::endpoint::outgoing::{Body, Sent};
use crate::endpoint::socket::{self, Until};
use crate::endpoint::stats::End;
use crate::error::{Error, ErrorKind};
use crate::wire::{request_head, Header};

/// Data of at least this much are sent from where they are, as long as the thread may wait for that.
/// For the copy of what is left then, room is made before: there may be none.
const LARGE: usize = 1 << 20;

/// If the server takes nothing for as long, it may wait for its responses to be read.
const STALL: Duration = Duration::from_millis(2);

/// What came of sending a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::endpoint::client) enum Submit {
    /// It is on its way, or over.
    Sent,
    /// There is no connection any more, and nothing of it was sent.
    Lost,
}

/// The data of a Write or Post.
enum Data {
    None,
    Small(DataLock),
    /// With room for a copy.
    Large(Arc<DataLock>, Vec<u8>),
}

impl Data {
    fn body(&self) -> Body<'_> {
        match self {
            Data::None => Body::Borrowed(&[]),
            Data::Small(lock) => Body::Borrowed(lock.bytes().unwrap_or(&[])),
            Data::Large(lock, _) => Body::Lent(lock),
        }
    }

    /// The lock, which nobody else has any more.
    fn lock(self) -> Option<DataLock> {
        match self {
            Data::None => None,
            Data::Small(lock) => Some(lock),
            Data::Large(lock, _) => Arc::into_inner(lock),
        }
    }
}

impl Connection {
    /// Sends a transaction on the calling thread. The client's thread is to read its response if it is
    /// `background`: nobody waits for it. If more than enough waits to be sent, this helps until it is
    /// less, for as long as there is progress within `patience`; `None` if this thread must not wait.
    pub(in crate::endpoint::client) fn submit(
        &self,
        shared: &Shared,
        transaction: &Transaction,
        background: bool,
        patience: Option<Duration>,
    ) -> Submit {
        let header = Header {
            id: shared.wire_id(transaction),
            address: transaction.address(),
            size: transaction.size(),
            kind: transaction.kind(),
        };
        let carries_data = matches!(header.kind, WRITE | POST);
        let lock = carries_data.then(|| transaction.lock());
        if lock.as_ref().is_some_and(|lock| lock.bytes().is_none()) {
            // Its master has given up already.
            return Submit::Sent;
        }
        let Some(others) = self.enter(transaction, header, background) else {
            return Submit::Lost;
        };
        let mut data = match lock {
            None => Data::None,
            Some(lock) if (header.size as usize) < LARGE => Data::Small(lock),
            Some(lock) => {
                let mut room = Vec::new();
                if room.try_reserve_exact(header.size as usize).is_err() {
                    self.no_memory(shared, &header, lock);
                    return Submit::Sent;
                }
                Data::Large(Arc::new(lock), room)
            }
        };
        let head = request_head(&header, carries_data.then_some(header.size as usize));
        // While others are under way this one may leave together with the next: see `Link::drive`. If
        // none are, more are taken to follow as they did the last time.
        let sent = if self.bursts.swap(others, Ordering::Relaxed) || others {
            self.outgoing.defer(head.as_bytes(), data.body(), &[])
        } else {
            self.outgoing.send(head.as_bytes(), data.body(), &[])
        };
        ::log::debug!(
            target: &shared.name,
            "Requested transaction id={}, addr=0x{:x}, size={}, type={}, local id={}: {sent:?}",
            header.id, header.address, header.size, header.kind, transaction.id()
        );
        // One that is deferred waits for whoever waits for a response, or for the client's thread.
        let first = matches!(sent, Sent::Deferred { first: true, .. });
        let arm = first && !self.armed.swap(true, Ordering::AcqRel);
        if background || arm {
            shared.control.notify_one();
        }
        let mut patience = patience.filter(|_| matches!(sent, Sent::Queued(_)));
        if let Data::Large(lock, room) = &mut data {
            if let Some(patience) = patience.take() {
                self.push_on(shared, patience);
            }
            self.outgoing.take_back(lock, std::mem::take(room));
        }
        let submit = self.submitted(shared, transaction, &header, sent, data.lock());
        if let Some(patience) = patience {
            self.push_on(shared, patience);
        }
        submit
    }

    /// What follows from what came of sending. The lock is let go of.
    fn submitted(
        &self,
        shared: &Shared,
        transaction: &Transaction,
        header: &Header,
        sent: Sent,
        lock: Option<DataLock>,
    ) -> Submit {
        match (sent, lock) {
            (Sent::Closed, _) => {
                // If it is not there any more, whoever took it out has failed it.
                let ours = header.kind == POST || self.withdraw(header.id);
                if ours {
                    return Submit::Lost;
                }
            }
            // A posted write is complete when it has been sent.
            (Sent::Whole, Some(lock)) if header.kind == POST => {
                lock.done();
                self.count(shared, &over(header, End::Done));
            }
            (Sent::Queued(mark) | Sent::Deferred { mark, .. }, _) if header.kind == POST => {
                self.posts().push_back((mark, transaction.clone()));
                self.posts_sent(shared);
                // Whoever closed the connection may have emptied the list before: then this is ours.
                if self.outgoing.is_closed() && self.take_post(transaction) {
                    self.count(shared, &over(header, End::Failed));
                    transaction.fail(self.failure().unwrap_or_else(|| {
                        let text = format!("{}: connection lost", shared.place);
                        Error::new(ErrorKind::ConnectionLost, text)
                    }));
                }
            }
            _ => {}
        }
        Submit::Sent
    }

    /// There is no memory for what the socket might not take: nothing of it is sent.
    fn no_memory(&self, shared: &Shared, header: &Header, lock: DataLock) {
        if header.kind == POST {
            self.count(shared, &over(header, End::Failed));
        } else {
            self.remove(header.id, |entry| over(&entry.header, End::Failed));
        }
        let text = format!("{}: no memory for {} bytes", shared.place, header.size);
        lock.fail(Error::new(ErrorKind::System, text));
        // Others may have been held back for this one.
        shared.made_room();
    }

    /// While more than enough waits to be sent, the calling thread helps, until the connection is lost
    /// or `patience` has passed without any progress.
    fn push_on(&self, shared: &Shared, patience: Duration) {
        let mut begun = Instant::now();
        let mut before = self.outgoing.sent();
        let mut stalled = false;
        while self.outgoing.queued() > shared.settings.max_queued.get()
            && begun.elapsed() < patience
        {
            let limit = if stalled { READ_LIMIT } else { STALL };
            if !socket::wait(&self.requests, Until::Writable, limit) && !stalled {
                stalled = true;
                self.add_background(1);
                shared.control.notify_one();
            }
            if self.flush(shared).is_err() {
                break;
            }
            let now = self.outgoing.sent();
            if now != before {
                (before, begun) = (now, Instant::now());
            }
        }
        if stalled {
            self.add_background(-1);
        }
    }
}
