//! How a transaction is sent: on the thread that asks for it.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::figures::{over, over_as};
use super::Connection;
use crate::bus::{DataLock, Transaction, POST, WRITE};
use crate::endpoint::client::attending::attending;
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

/// A transaction that the connection has taken note of.
struct Request<'a> {
    transaction: &'a Transaction,
    header: Header,
    background: bool,
    /// Others are under way.
    others: bool,
}

impl Connection {
    /// Sends a transaction on the calling thread, or as much of it as the socket takes: the client's
    /// thread sends the rest. The client's thread is to read its response if it is `background`:
    /// nobody waits for it. It was asked for `now`.
    ///
    /// If more than enough waits to be sent already, and this thread `may_wait`, it helps first until
    /// it is less. Where somebody waits for the transaction anyway, it helps with large data too, so
    /// that less of them has to be copied. Neither takes longer than the transaction has time.
    pub(in crate::endpoint::client) fn submit(
        &self,
        shared: &Shared,
        transaction: &Transaction,
        (background, may_wait): (bool, bool),
        now: Instant,
    ) -> Submit {
        if may_wait && self.is_crowded(shared) && !self.push_on(shared, transaction) {
            return Submit::Sent;
        }
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
        let Some(others) = self.enter(transaction, header, background, now) else {
            return Submit::Lost;
        };
        let request = Request {
            transaction,
            header,
            background,
            others,
        };
        match lock {
            Some(lock) if header.size as usize >= LARGE => {
                self.submit_large(shared, &request, lock, may_wait && !background)
            }
            lock => {
                let data = lock.as_ref().and_then(DataLock::bytes);
                let sent = self.send(shared, &request, Body::Borrowed(data.unwrap_or(&[])));
                self.submitted(shared, &request, sent, lock)
            }
        }
    }

    fn submit_large(
        &self,
        shared: &Shared,
        request: &Request<'_>,
        lock: DataLock,
        may_wait: bool,
    ) -> Submit {
        let mut room = Vec::new();
        if room
            .try_reserve_exact(request.header.size as usize)
            .is_err()
        {
            self.no_memory(shared, &request.header, lock);
            return Submit::Sent;
        }
        let lock = Arc::new(lock);
        let sent = self.send(shared, request, Body::Lent(&lock));
        if matches!(sent, Sent::Queued(_)) && may_wait {
            self.help(shared, request.transaction);
        }
        self.outgoing.take_back(&lock, room);
        // Nobody else has it any more.
        self.submitted(shared, request, sent, Arc::into_inner(lock))
    }

    fn send(&self, shared: &Shared, request: &Request<'_>, body: Body<'_>) -> Sent {
        let header = &request.header;
        let data = matches!(header.kind, WRITE | POST).then(|| body.len());
        let head = request_head(header, data);
        // While others are under way this one may leave together with the next: see `Link::drive`. If
        // none are, more are taken to follow as they did the last time.
        let bursts = self.bursts.load(Ordering::Relaxed);
        if bursts != request.others {
            self.bursts.store(request.others, Ordering::Relaxed);
        }
        let sent = if bursts || request.others {
            self.outgoing.defer(head.as_bytes(), body, &[])
        } else {
            self.outgoing.send(head.as_bytes(), body, &[])
        };
        ::log::debug!(
            target: &shared.name,
            "Requested transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
            header.id, header.address, header.size, header.kind, request.transaction.id()
        );
        // One that is deferred waits for whoever waits for a response, or for the client's thread.
        let first = matches!(sent, Sent::Deferred { first: true, .. });
        let arm = first && !self.armed.swap(true, Ordering::AcqRel);
        if request.background || arm {
            shared.control.notify_one();
        }
        sent
    }

    /// What follows from what came of sending. The lock is let go of.
    fn submitted(
        &self,
        shared: &Shared,
        request: &Request<'_>,
        sent: Sent,
        lock: Option<DataLock>,
    ) -> Submit {
        let Request {
            transaction,
            header,
            ..
        } = request;
        match (sent, lock) {
            (Sent::Closed, _) => {
                // If it is not there any more, whoever took it out has failed it.
                let ours = header.kind == POST || self.withdraw(header.id);
                if ours {
                    return Submit::Lost;
                }
            }
            // A posted write is complete when it has been sent.
            (Sent::Whole(mark), Some(lock)) if header.kind == POST => {
                lock.done();
                self.post_sent(mark);
                self.count(shared, &over(header, End::Done));
            }
            (Sent::Queued(mark) | Sent::Deferred { mark, .. }, _) if header.kind == POST => {
                self.posts()
                    .waiting
                    .push_back((mark, Transaction::clone(transaction)));
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

    /// Whether more waits to be sent than may before a thread that asks is held back.
    fn is_crowded(&self, shared: &Shared) -> bool {
        self.outgoing.queued() > shared.settings.max_queued.get()
    }

    /// Holds the calling thread back while more waits to be sent than may. False: the transaction has
    /// failed, since its time is over, and nothing of it was sent.
    fn push_on(&self, shared: &Shared, transaction: &Transaction) -> bool {
        self.help(shared, transaction);
        if attending() || !self.is_crowded(shared) || self.is_lost() {
            return true;
        }
        let text = format!(
            "{}: the network takes no more data: {} bytes wait to be sent",
            shared.place,
            self.outgoing.queued()
        );
        shared.past().count(&over_as(transaction, End::TimedOut));
        let reason = Error::new(ErrorKind::Timeout, text);
        transaction.fail(transaction.late(Some(reason)));
        false
    }

    /// While more than enough waits to be sent, the calling thread helps, until the connection is lost
    /// or the time of `transaction` is over. Not on a thread that attends to the responses.
    fn help(&self, shared: &Shared, transaction: &Transaction) {
        if attending() {
            return;
        }
        let mut stalled = false;
        let limit = Instant::now().checked_add(transaction.timeout());
        while self.is_crowded(shared) {
            // Answers to earlier transactions renew it; that of a piece does not run yet.
            let deadline = transaction.deadline().or(limit);
            let left = deadline.map_or(READ_LIMIT, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            let limit = if stalled { READ_LIMIT } else { STALL };
            if !socket::wait(&self.requests, Until::Writable, limit.min(left)) && !stalled {
                stalled = true;
                self.add_background(1);
                shared.control.notify_one();
            }
            if self.flush(shared).is_err() {
                break;
            }
        }
        if stalled {
            self.add_background(-1);
        }
    }
}
