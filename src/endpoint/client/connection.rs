//! A connection to the server, after its handshakes: two sockets, the transactions that are under
//! way, and the turn to read their responses.

use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Instant;

use super::context::{ClientContext, READ_LIMIT};
use super::pending::Pending;
use super::reader::{ReadError, Reader};
use super::requests::Requests;
use super::room::Attending;
use super::turn::{ReadTurn, Reading};
use crate::bus::{Kind, Transaction};
use crate::endpoint::socket::{self, Mode, Until};
use crate::error::{Error, ErrorKind};
use crate::wire::Decoder;

/// How many times a thread reads before it looks at other work.
const MOST_READS: u32 = 16;

/// A connection. All methods may be called from any thread.
pub(super) struct Connection {
    context: Arc<ClientContext>,
    pub(super) requests: Requests,
    pub(super) responses: Arc<TcpStream>,
    pub(super) pending: Arc<Pending>,
    pub(super) turn: ReadTurn<Reader>,
    /// The server knows PING.
    pub(super) answers_pings: bool,
    /// A PING has not been answered in time.
    silent: AtomicBool,
}

impl Connection {
    /// `decoder` is that of the responses, as the handshake has left it.
    pub(super) fn new(
        context: Arc<ClientContext>,
        requests: TcpStream,
        responses: TcpStream,
        decoder: Decoder,
        answers_pings: bool,
    ) -> Connection {
        let pending = Arc::new(Pending::new(Arc::clone(&context)));
        let (requests, responses) = (Arc::new(requests), Arc::new(responses));
        let reader = Reader::new(
            Arc::clone(&context),
            Arc::clone(&pending),
            Arc::clone(&responses),
            decoder,
        );
        Connection {
            requests: Requests::new(Arc::clone(&context), Arc::clone(&pending), requests),
            context,
            responses,
            pending,
            turn: ReadTurn::new(reader),
            answers_pings,
            silent: AtomicBool::new(false),
        }
    }

    /// For a thread that waits for `transaction`: reads until it has completed or `deadline` has
    /// passed. False if another thread reads and will complete or nudge it.
    pub(super) fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool {
        // A thread waits: what was deferred leaves now.
        self.requests.flush_waiting();
        // A Post completes when it has been sent, not by a response.
        if self.requests.loss().is_some() || transaction.kind() == Kind::Post {
            return transaction.completed();
        }
        let Some(mut reading) = self.turn.enter(transaction) else {
            return false;
        };
        if reading.wakes_standby {
            self.context.wake();
        }
        let attending = Attending::new();
        while !transaction.completed() {
            // The transaction may have got its deadline meanwhile: `taken` does not wake a thread
            // that reads.
            let left = match deadline.or_else(|| transaction.deadline()) {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => READ_LIMIT,
            };
            if left.is_zero() {
                break;
            }
            let precise = left < READ_LIMIT;
            if precise && !socket::wait(&self.responses, Until::Readable, left) {
                break;
            }
            if let Err(error) = reading.receive(Mode::Wait) {
                self.lost(error);
                self.context.wake();
                break;
            }
            // Callbacks may have asked for more.
            self.requests.flush_waiting();
        }
        drop(attending);
        self.leave(reading);
        true
    }

    /// Reads what has come, unless another thread reads.
    pub(super) fn poll(&self) {
        self.requests.flush_waiting();
        if self.requests.loss().is_some() {
            return;
        }
        let Some(mut reading) = self.turn.enter_standby() else {
            return;
        };
        let attending = Attending::new();
        let read = read_all(&mut reading);
        drop(attending);
        self.leave(reading);
        if let Err(error) = read {
            self.lost(error);
            self.context.wake();
        }
    }

    /// A follower no longer waits for `transaction`.
    pub(super) fn quit(&self, transaction: &Transaction) {
        if !self.turn.quit(transaction) && self.pending.needs_reader() {
            self.context.wake();
        }
    }

    fn leave(&self, reading: Reading<'_, Reader>) {
        if !reading.leave() && self.pending.needs_reader() {
            self.context.wake();
        }
    }

    /// Forgets `transaction`, which has timed out; false if it was not under way.
    pub(super) fn timed_out(&self, transaction: &Transaction) -> bool {
        self.requests.timed_out(transaction) || self.pending.timed_out(transaction)
    }

    /// Notes that reading has failed. The client's thread then takes the connection down.
    pub(super) fn lost(&self, error: ReadError) {
        let (kind, cause) = match error {
            ReadError::End => (
                ErrorKind::ConnectionLost,
                "the server has closed it".to_owned(),
            ),
            ReadError::Io(error) => (ErrorKind::ConnectionLost, error.to_string()),
            ReadError::Gone(gone) => (ErrorKind::ConnectionLost, gone.to_string()),
            ReadError::Protocol(text) => (ErrorKind::Protocol, text),
        };
        let text = format!("{}: connection lost, {cause}", self.context.place);
        self.abort(Error::new(kind, text));
    }

    /// See [`Requests::abort`].
    pub(super) fn abort(&self, reason: Error) {
        self.requests.abort(reason);
        self.close_responses();
    }

    /// See [`Requests::finish`].
    pub(super) fn finish(&self, reason: Error) {
        self.requests.finish(reason);
        self.close_responses();
    }

    fn close_responses(&self) {
        // Fails only if the peer has closed already.
        let _ = self.responses.shutdown(Shutdown::Both);
    }

    /// Fails all transactions that wait for a response, or to be sent.
    pub(super) fn fail_all(&self, reason: &Error) {
        let waited = self.pending.close();
        self.requests.fail_posts(reason);
        for transaction in waited {
            transaction.fail(reason.clone());
        }
    }

    /// Sets whether a PING is unanswered: its time is over, and nothing has been heard since.
    pub(super) fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }

    pub(super) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Relaxed)
    }
}

/// Reads what has come, at most `MOST_READS` times; true if there may be more.
pub(super) fn read_all(reader: &mut Reader) -> Result<bool, ReadError> {
    for _ in 0..MOST_READS {
        if !reader.receive(Mode::Now)? {
            return Ok(false);
        }
    }
    Ok(true)
}
