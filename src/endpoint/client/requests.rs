//! The sending half of a connection. A request leaves on the thread that asks for it; what the
//! socket does not take is left to the client's thread.

use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use super::context::{ClientContext, READ_LIMIT};
use super::pending::Pending;
use super::posts::Posts;
use super::room::is_attending;
use crate::bus::{DataLock, Transaction, POST, WRITE};
use crate::endpoint::outgoing::{Body, Outgoing, Sent};
use crate::endpoint::socket::{self, Until};
use crate::endpoint::stats::{EndedAs, Unacknowledged};
use crate::error::{Error, ErrorKind};
use crate::wire::{request_head, Header};

/// Data of at least this many bytes is sent from the caller's memory while the calling thread may
/// wait. What is left then is copied. Memory for the copy is reserved first, since there may be
/// none.
const LARGE: usize = 1 << 20;

/// If the server takes nothing for this long, it may be waiting for its responses to be read.
const STALL: Duration = Duration::from_millis(2);

/// The outcome of submitting a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Submitted {
    /// It is on its way, or has completed.
    Taken,
    /// The connection has ended, and nothing of the transaction was sent.
    Lost,
}

/// The sending half. All methods may be called from any thread.
pub(super) struct Requests {
    context: Arc<ClientContext>,
    pending: Arc<Pending>,
    pub(super) stream: Arc<TcpStream>,
    pub(super) outgoing: Outgoing,
    posts: Posts,
    /// See [`Requests::has_deferred`].
    deferred: AtomicBool,
    /// The last request was made while others were under way. If so, more are expected to follow
    /// the next one.
    bursts: AtomicBool,
    /// Set when the connection has ended.
    loss: OnceLock<Loss>,
}

/// How a connection ended.
struct Loss {
    reason: Error,
    /// What was sent and not acknowledged when it ended.
    unacknowledged: Unacknowledged,
}

/// A transaction that is being sent.
struct Request<'a> {
    transaction: &'a Transaction,
    header: Header,
    /// No thread waits for the response.
    unattended: bool,
    /// Other transactions wait for their responses.
    others: bool,
}

impl Requests {
    pub(super) fn new(
        context: Arc<ClientContext>,
        pending: Arc<Pending>,
        stream: Arc<TcpStream>,
    ) -> Requests {
        Requests {
            context,
            pending,
            outgoing: Outgoing::new(Arc::clone(&stream), Arc::default()),
            stream,
            posts: Posts::default(),
            deferred: AtomicBool::new(false),
            bursts: AtomicBool::new(false),
            loss: OnceLock::new(),
        }
    }

    /// Sends a transaction on the calling thread, as far as the socket takes it. `now` is when it
    /// was submitted. `unattended`: no thread waits for its response, so the client's thread must
    /// read it.
    ///
    /// If this thread `may_wait` and too many bytes wait to be sent already, it helps to send them
    /// first. If a thread waits for the transaction, it helps with large data too, so that less has
    /// to be copied. Neither goes on beyond the transaction's timeout.
    pub(super) fn submit(
        &self,
        transaction: &Transaction,
        (unattended, may_wait): (bool, bool),
        now: Instant,
    ) -> Submitted {
        if may_wait && self.is_crowded() && !self.make_space(transaction) {
            return Submitted::Taken;
        }
        let header = Header {
            id: self.context.wire_id(transaction),
            address: transaction.address(),
            size: transaction.size(),
            kind: transaction.kind().number(),
        };
        let carries_data = matches!(header.kind, WRITE | POST);
        let lock = carries_data.then(|| transaction.lock());
        if lock.as_ref().is_some_and(|lock| lock.bytes().is_none()) {
            // The master has given up already.
            return Submitted::Taken;
        }
        let Some(others) = self.pending.enter(transaction, header, unattended, now) else {
            return Submitted::Lost;
        };
        let request = Request {
            transaction,
            header,
            unattended,
            others,
        };
        match lock {
            Some(lock) if header.size as usize >= LARGE => {
                self.submit_large(&request, lock, may_wait && !unattended)
            }
            lock => {
                let data = lock.as_ref().and_then(DataLock::bytes);
                let sent = self.send(&request, Body::Borrowed(data.unwrap_or(&[])));
                self.submitted(&request, sent, lock)
            }
        }
    }

    fn submit_large(&self, request: &Request<'_>, lock: DataLock, may_wait: bool) -> Submitted {
        let mut copy = Vec::new();
        let size = request.header.size as usize;
        if copy.try_reserve_exact(size).is_err() {
            self.no_memory(&request.header, lock);
            return Submitted::Taken;
        }
        let lock = Arc::new(lock);
        let sent = self.send(request, Body::Lent(&lock));
        if matches!(sent, Sent::Queued(_)) && may_wait {
            self.help(request.transaction);
        }
        self.outgoing.take_back(&lock, copy);
        // Nothing else holds the lock any more.
        self.submitted(request, sent, Arc::into_inner(lock))
    }

    fn send(&self, request: &Request<'_>, body: Body<'_>) -> Sent {
        let header = &request.header;
        let data = matches!(header.kind, WRITE | POST).then(|| body.len());
        let head = request_head(header, data);
        // While others are under way, this one may leave together with the next: a thread that
        // waits for a response first sends what was deferred. If none are, more are expected to
        // follow if they did the last time.
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
            target: &self.context.name,
            "Requested transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
            header.id, header.address, header.size, header.kind, request.transaction.id()
        );
        // If no thread waits for a response, the client's thread sends what was deferred.
        let first = matches!(sent, Sent::Deferred { first: true, .. });
        let is_news = first && !self.deferred.swap(true, Ordering::AcqRel);
        if request.unattended || is_news {
            self.context.wake();
        }
        sent
    }

    /// Acts on the outcome of sending. The lock is released.
    fn submitted(&self, request: &Request<'_>, sent: Sent, lock: Option<DataLock>) -> Submitted {
        let Request {
            transaction,
            header,
            ..
        } = request;
        match (sent, lock) {
            (Sent::Closed, _) => {
                // If it is not in the table any more, it was failed when it was removed.
                let ours = header.kind == POST || self.pending.withdraw(header.id);
                if ours {
                    return Submitted::Lost;
                }
            }
            // A posted write is complete when it has been sent.
            (Sent::Whole(end), Some(lock)) if header.kind == POST => {
                lock.done();
                self.posts.sent_at_once(end, || self.acknowledged());
                self.pending.count(transaction, EndedAs::Done);
            }
            (Sent::Queued(end) | Sent::Deferred { mark: end, .. }, _) if header.kind == POST => {
                self.posts.wait(end, transaction);
                self.complete_sent_posts();
                // The connection may have been closed, and its queue emptied, before `posts` had
                // this one.
                if self.outgoing.is_closed() && self.posts.take(transaction) {
                    self.pending.count(transaction, EndedAs::Failed);
                    let reason = self.loss().cloned();
                    transaction.fail(reason.unwrap_or_else(|| self.context.connection_lost()));
                }
            }
            _ => {}
        }
        Submitted::Taken
    }

    /// Fails a transaction without sending any of it: there is no memory for the bytes that the
    /// socket might not take.
    fn no_memory(&self, header: &Header, lock: DataLock) {
        if header.kind == POST {
            self.pending.count(lock.transaction(), EndedAs::Failed);
        } else {
            self.pending.fail(header.id);
        }
        let place = &self.context.place;
        let text = format!("{place}: no memory for {} bytes", header.size);
        lock.fail(Error::new(ErrorKind::System, text));
        self.context.room.freed();
    }

    /// Sends what waits, as far as the socket takes it; returns the number of bytes that still
    /// wait.
    pub(super) fn flush(&self) -> io::Result<usize> {
        let left = self.outgoing.flush()?;
        self.complete_sent_posts();
        Ok(left)
    }

    /// As [`Requests::flush`], if anything waits. Errors are left to the thread that reads.
    pub(super) fn flush_waiting(&self) {
        if self.outgoing.queued() > 0 {
            let _ = self.flush();
        }
    }

    /// Whether requests have been deferred since [`Requests::forget_deferred`]. The first of them
    /// has woken the client's thread.
    pub(super) fn has_deferred(&self) -> bool {
        self.deferred.load(Ordering::Acquire)
    }

    /// The client's thread is about to send what was deferred: the next request to be deferred
    /// wakes it again.
    pub(super) fn forget_deferred(&self) {
        self.deferred.store(false, Ordering::SeqCst);
    }

    fn complete_sent_posts(&self) {
        let sent = || self.outgoing.sent();
        for transaction in self.posts.take_sent(sent, || self.acknowledged()) {
            transaction.done();
            self.pending.count(&transaction, EndedAs::Done);
        }
    }

    /// Fails the Posts that have not been sent whole.
    pub(super) fn fail_posts(&self, reason: &Error) {
        // The last of them may have been sent by a thread that has not said so yet.
        self.complete_sent_posts();
        for transaction in self.posts.take_all() {
            self.pending.count(&transaction, EndedAs::Failed);
            transaction.fail(reason.clone());
        }
    }

    /// Removes a Post that has not been sent whole and has timed out; false if there is none.
    pub(super) fn timed_out(&self, transaction: &Transaction) -> bool {
        let waited = self.posts.take(transaction);
        if waited {
            self.pending.count(transaction, EndedAs::TimedOut);
        }
        waited
    }

    /// Whether more bytes wait to be sent than the limit above which callers block.
    fn is_crowded(&self) -> bool {
        self.outgoing.queued() > self.context.settings.max_queued.get()
    }

    /// Blocks the caller while too many bytes wait to be sent. False: `transaction` has timed out
    /// and failed, and nothing of it was sent.
    fn make_space(&self, transaction: &Transaction) -> bool {
        self.help(transaction);
        if is_attending() || !self.is_crowded() || self.is_lost() {
            return true;
        }
        let text = format!(
            "{}: the network takes no more data: {} bytes wait to be sent",
            self.context.place,
            self.outgoing.queued()
        );
        self.context.count(transaction, EndedAs::TimedOut);
        let reason = Error::new(ErrorKind::Timeout, text);
        transaction.fail(transaction.late(Some(reason)));
        false
    }

    /// The calling thread helps to send while too many bytes wait, until the connection ends or the
    /// transaction times out. Does nothing on a thread that reads for others.
    fn help(&self, transaction: &Transaction) {
        if is_attending() {
            return;
        }
        let mut stalled = false;
        let limit = Instant::now().checked_add(transaction.timeout());
        while self.is_crowded() {
            // Answers to earlier transactions renew the deadline; that of a piece does not run yet.
            let deadline = transaction.deadline().or(limit);
            let left = deadline.map_or(READ_LIMIT, |at| {
                at.saturating_duration_since(Instant::now())
            });
            if left.is_zero() {
                break;
            }
            let limit = if stalled { READ_LIMIT } else { STALL };
            if !socket::wait(&self.stream, Until::Writable, limit.min(left)) && !stalled {
                stalled = true;
                self.pending.add_unattended(1);
                self.context.wake();
            }
            if self.flush().is_err() {
                break;
            }
        }
        if stalled {
            self.pending.add_unattended(-1);
        }
    }

    /// Bytes that the server's host has acknowledged.
    fn acknowledged(&self) -> u64 {
        let missing = socket::unacknowledged(&self.stream);
        self.outgoing.sent().saturating_sub(missing)
    }

    /// Ends the connection for `reason`, unless it has ended already. What this host has not sent
    /// yet is never sent, since everything that is under way fails.
    pub(super) fn abort(&self, reason: Error) {
        self.loss.get_or_init(|| {
            // Asked while the socket is open.
            let acknowledged = self.acknowledged();
            Loss {
                reason,
                unacknowledged: Unacknowledged {
                    bytes: self.outgoing.sent().saturating_sub(acknowledged),
                    posts: self.posts.beyond(acknowledged) as u64,
                },
            }
        });
        self.outgoing.abort();
    }

    /// Ends the connection for `reason`, unless it has ended already, and lets the kernel send what
    /// it has.
    pub(super) fn finish(&self, reason: Error) {
        self.loss.get_or_init(|| Loss {
            reason,
            unacknowledged: Unacknowledged::default(),
        });
        self.outgoing.close();
    }

    /// Why the connection has ended, if it has.
    pub(super) fn loss(&self) -> Option<&Error> {
        self.loss.get().map(|loss| &loss.reason)
    }

    fn is_lost(&self) -> bool {
        self.loss.get().is_some() || self.outgoing.is_closed()
    }

    /// What was sent and not acknowledged when the connection ended.
    pub(super) fn unacknowledged(&self) -> Unacknowledged {
        self.loss
            .get()
            .map_or_else(Unacknowledged::default, |loss| loss.unacknowledged)
    }
}
