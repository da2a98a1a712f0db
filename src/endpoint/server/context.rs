//! What all parts of a server stand on: settings, clock, counters, log lines, and how its threads
//! are woken. It knows no client and no connection.

use std::fmt;
use std::io;
use std::mem::Discriminant;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use ::log::Level;
use tokio::sync::Notify;

use super::budget::{Budget, MemoryLimits};
use super::deferred::Deferred;
use super::heap::Heap;
use super::incoming::Incoming;
use super::load::Load;
use super::wake::Wake;
use crate::endpoint::settings::ServerSettings;
use crate::endpoint::stats::Traffic;
use crate::error::{Error, ErrorKind};
use crate::log::{Rate, Repeated};
use crate::sync::Time;
use crate::wire::WireError;

/// Set in [`ServerContext::completed_at`] when it holds a time.
const IS_SET: u64 = 1 << 63;

/// See the [module](self).
pub(super) struct ServerContext {
    /// The name under which the server logs.
    pub(super) name: String,
    pub(super) settings: ServerSettings,
    /// How long the slave has after it has returned, in place of the time in the settings.
    pub(super) limit: OnceLock<Arc<Time>>,
    started: Instant,
    pub(super) load: Load,
    /// Wakes the pulling thread: a request has come, or a client may be served.
    pub(super) wake: Arc<Wake>,
    /// Wakes housekeeping: there is something new to look after.
    pub(super) housekeep: Notify,
    pub(super) deferred: Arc<Deferred>,
    /// Memory held for responses.
    pub(super) budget: Budget,
    /// Memory held for the data of requests.
    pub(super) incoming: Arc<Incoming>,
    pub(super) heap: Heap,
    /// Connections receive into this buffer, one after the other.
    pub(super) buffer: Mutex<Vec<u8>>,
    stopped: AtomicBool,
    /// Housekeeping keeps the time of the transactions in the slave's hands.
    keeps_time: AtomicBool,
    /// Responses are held for a connection that has not come.
    holds_responses: AtomicBool,
    /// The time of the last completion, with [`IS_SET`]; 0 after it has been read.
    completed_at: AtomicU64,
    failed_posts: AtomicU64,
    /// The counters of clients that have gone.
    past: Mutex<Traffic>,
    lines: Repeated<ServerTopic>,
}

/// What a log line is about. Lines that peers can cause are limited in rate, each topic by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum ServerTopic {
    /// A connection could not be accepted: the error's number.
    Accept(Option<i32>),
    /// A connection could not be set up.
    Setup,
    OverLimit,
    Handshake,
    NotReading,
    Network(Option<io::ErrorKind>),
    Protocol(Discriminant<WireError>),
    /// A breach of the protocol that has no number.
    OtherProtocol,
    BadRequest,
    FailedPost,
    /// Responses for which there is no connection.
    NoResponses,
    /// Legacy clients that cannot be told apart.
    Ambiguous,
    /// A pair of legacy connections that is a guess.
    Guess,
    /// Such a pair that was wrong.
    WrongGuess,
    Connected,
    Gone,
}

impl ServerTopic {
    fn rate(self) -> Rate {
        match self {
            ServerTopic::Accept(_) => Rate::STATE,
            ServerTopic::Connected | ServerTopic::Gone => Rate::CLIENTS,
            _ => Rate::STRANGERS,
        }
    }
}

impl ServerContext {
    pub(super) fn new(name: String, settings: ServerSettings) -> ServerContext {
        let wake = Arc::new(Wake::default());
        ServerContext {
            name,
            settings,
            limit: OnceLock::new(),
            started: Instant::now(),
            load: Load::default(),
            deferred: Arc::new(Deferred::new(Arc::clone(&wake))),
            wake,
            housekeep: Notify::new(),
            budget: Budget::default(),
            incoming: Arc::default(),
            heap: Heap::default(),
            buffer: Mutex::new(vec![0; 1 << 16]),
            stopped: AtomicBool::new(false),
            keeps_time: AtomicBool::new(false),
            holds_responses: AtomicBool::new(false),
            completed_at: AtomicU64::new(0),
            failed_posts: AtomicU64::new(0),
            past: Mutex::default(),
            lines: Repeated::default(),
        }
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Responses that are ready leave, and from now on the server is stopped.
    pub(super) fn begin_stop(&self) {
        self.deferred.flush();
        self.stopped.store(true, Ordering::Release);
    }

    /// Wakes the server's threads, which end.
    pub(super) fn end_stop(&self) {
        self.deferred.stop();
        self.wake.tell();
    }

    /// The time in nanoseconds since the server was made. It lasts for 292 years.
    pub(super) fn clock(&self) -> u64 {
        nanos(self.started.elapsed())
    }

    /// As [`ServerContext::clock`], but the time of the last completion if that has not been read
    /// yet: this costs less than the clock.
    pub(super) fn recent_clock(&self) -> u64 {
        let at = self.completed_at.load(Ordering::Relaxed);
        if at == 0 {
            return self.clock();
        }
        // A completion in between is overwritten: the clock is read once more for it.
        self.completed_at.store(0, Ordering::Relaxed);
        at & !IS_SET
    }

    /// The limits for memory that is held.
    pub(super) fn limits(&self) -> MemoryLimits {
        MemoryLimits {
            client: self.settings.max_queued.get(),
            total: self.settings.max_queued_total.get(),
        }
    }

    /// Whether the data of requests fills all the memory that it may have.
    pub(super) fn is_crammed(&self) -> bool {
        self.incoming.used() >= self.settings.max_queued_total.get()
    }

    /// Bytes held for requests and responses.
    pub(super) fn held(&self) -> usize {
        self.budget.used().saturating_add(self.incoming.used())
    }

    /// Whether a response that is ready now may wait for others: this thread will have more.
    pub(super) fn defers(&self) -> bool {
        self.load.has_requests() && self.deferred.may()
    }

    /// Whether there is nothing to do and nothing to send until a request comes.
    pub(super) fn is_idle(&self) -> bool {
        !self.load.has_requests() && self.load.outstanding() == 0 && self.budget.used() == 0
    }

    /// A transaction that was handed out was complete at `now`. `counted`: it counted as
    /// outstanding. `awaited`: its client waited for that.
    pub(super) fn completed(&self, now: u64, counted: bool, awaited: bool) {
        self.completed_at.store(IS_SET | now, Ordering::Relaxed);
        let before = self.load.end(counted);
        // SeqCst pairs with `Roster::publish`: either we see the request that has come, or the
        // thread that brought it sees what was subtracted.
        let requests = self.load.anyone_waits();
        if awaited || (requests && !self.load.has_requests()) {
            self.load.set_look();
        }
        let awaited = awaited || requests || before >= self.settings.max_outstanding.get();
        // The pulling thread looks by itself when it comes back. If another thread begins to pull
        // just now: either we see that, or it sees what was subtracted.
        if awaited && !self.deferred.pulls_here() {
            self.wake.tell();
        }
    }

    /// There may be more to hand out than before.
    pub(super) fn look_again(&self) {
        self.load.set_look();
        self.wake.tell();
    }

    /// A transaction was handed out, and the slave has a limited time for it.
    pub(super) fn time_runs(&self) {
        if !self.keeps_time.load(Ordering::Relaxed) {
            self.set_keeps_time(true);
            self.housekeep.notify_one();
        }
    }

    /// Whether housekeeping looks by itself within the time that a slave has.
    pub(super) fn set_keeps_time(&self, keeps: bool) {
        self.keeps_time.store(keeps, Ordering::Relaxed);
    }

    /// A response is held for a connection that has not come.
    pub(super) fn response_held(&self) {
        self.set_response_held();
        self.housekeep.notify_one();
    }

    /// The same, told by housekeeping itself.
    pub(super) fn set_response_held(&self) {
        self.holds_responses.store(true, Ordering::Relaxed);
    }

    /// Whether [`ServerContext::response_held`] was called since this was called last.
    pub(super) fn take_response_held(&self) -> bool {
        self.holds_responses.swap(false, Ordering::Relaxed)
    }

    pub(super) fn failed_posts(&self) -> u64 {
        self.failed_posts.load(Ordering::Relaxed)
    }

    pub(super) fn post_failed(&self) {
        self.failed_posts.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters of clients that have gone.
    pub(super) fn past(&self) -> MutexGuard<'_, Traffic> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Logs a line that a peer has caused, unless there were too many about the same topic.
    pub(super) fn say(&self, level: Level, topic: ServerTopic, text: fmt::Arguments<'_>) {
        let key = (topic, topic.rate());
        if self.lines.say(&self.name, level, key, text) {
            self.housekeep.notify_one();
        }
    }

    /// Logs how many lines were left out, where it is time for that. Returns when to call this
    /// again.
    pub(super) fn summarize_lines(&self, now: Instant) -> Option<Instant> {
        self.lines.tell(&self.name, now)
    }

    /// Logs how many lines were left out until now.
    pub(super) fn summarize_all_lines(&self) {
        self.lines.tell_all(&self.name);
    }
}

/// A length of time in units of the server's clock.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The system has refused to do `what`.
pub(super) fn system_error(what: &str, error: &std::io::Error) -> Error {
    Error::new(
        ErrorKind::System,
        format!("The server could not {what}: {error}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::ServerOptions;

    #[test]
    fn the_last_completion_is_a_recent_time_once() {
        let settings = ServerSettings::new(&ServerOptions::default());
        let context = ServerContext::new("test".to_owned(), settings);
        context.load.begin();
        // More than 32 bits of anything hold.
        let days = nanos(Duration::from_secs(100 * 86400));
        context.completed(days, true, false);
        assert_eq!(context.recent_clock(), days);
        assert!(context.recent_clock() < days);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }
}
