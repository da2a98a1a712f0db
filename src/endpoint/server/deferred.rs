//! Responses that wait a moment for others, so that several leave in one system call.
//!
//! While the pulling thread has more requests at hand, the responses that it completes are
//! deferred. They leave when it has no more requests, or looks at the network. If the slave takes
//! long for one of them, a thread of the server sends what is deferred after [`DELAY`]. That thread
//! is started when it is first needed, and sleeps while nothing is deferred.

use std::sync::atomic::{fence, AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

use super::wake::Wake;
use crate::endpoint::outgoing::Outgoing;
use crate::process::never_cancel;

/// The longest that a response waits for others.
const DELAY: Duration = Duration::from_micros(500);

/// The connections of a server on which responses are deferred.
pub(super) struct Deferred {
    /// The pulling thread, as [`here`] numbers it; 0 while it waits.
    puller: AtomicUsize,
    connections: Mutex<Vec<Arc<Outgoing>>>,
    count: AtomicUsize,
    /// The thread has been told to send what is deferred.
    scheduled: AtomicBool,
    stopped: AtomicBool,
    /// `None` when it could not be started.
    thread: OnceLock<Option<Thread>>,
    /// Wakes the pulling thread when this one has sent something: the requests of a client may have
    /// waited for that.
    wake: Arc<Wake>,
}

impl Deferred {
    pub(super) fn new(wake: Arc<Wake>) -> Deferred {
        Deferred {
            puller: AtomicUsize::new(0),
            connections: Mutex::default(),
            count: AtomicUsize::new(0),
            scheduled: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            thread: OnceLock::new(),
            wake,
        }
    }

    /// The calling thread pulls from now on.
    pub(super) fn pull_here(&self) {
        self.puller.store(here(), Ordering::Relaxed);
    }

    /// No thread defers responses: the pulling thread is about to wait.
    pub(super) fn pull_nowhere(&self) {
        self.puller.store(0, Ordering::SeqCst);
    }

    /// Whether the calling thread is the pulling thread, at work on what it has pulled.
    pub(super) fn pulls_here(&self) -> bool {
        self.puller.load(Ordering::SeqCst) == here()
    }

    /// Whether a response may be deferred: the pulling thread completes it, and will come back.
    pub(super) fn may(self: &Arc<Self>) -> bool {
        self.pulls_here() && self.thread().is_some()
    }

    /// A first response has been deferred on `connection`.
    pub(super) fn add(self: &Arc<Self>, connection: &Arc<Outgoing>) {
        let mut connections = self.lock();
        connections.push(Arc::clone(connection));
        self.count.store(connections.len(), Ordering::Relaxed);
        drop(connections);
        if !self.scheduled.swap(true, Ordering::AcqRel) {
            if let Some(thread) = self.thread() {
                thread.unpark();
            }
        }
    }

    /// Sends what is deferred; false if nothing is.
    pub(super) fn flush(&self) -> bool {
        if self.count.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let mut connections = self.lock();
        self.count.store(0, Ordering::Relaxed);
        for connection in connections.drain(..) {
            if !matches!(connection.flush(), Ok(0)) {
                // The connection sends the rest, or sees its end.
                connection.pending.notify_one();
            }
        }
        true
    }

    /// Ends the thread: the server is stopped.
    pub(super) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if let Some(Some(thread)) = self.thread.get() {
            thread.unpark();
        }
    }

    fn thread(self: &Arc<Self>) -> Option<&Thread> {
        let start = || {
            let deferred = Arc::clone(self);
            let run = move || {
                never_cancel();
                deferred.run();
            };
            let thread = thread::Builder::new().name("TcpServerFlush".to_owned());
            let handle = thread.spawn(run).ok()?;
            Some(handle.thread().clone())
        };
        if let Some(thread) = self.thread.get() {
            return thread.as_ref();
        }
        let thread = self.thread.get_or_init(start).as_ref();
        fence(Ordering::SeqCst);
        if self.stopped.load(Ordering::Acquire) {
            // `stop` may have found no thread to tell.
            thread.inspect(|thread| thread.unpark());
        }
        thread
    }

    fn run(&self) {
        while !self.stopped.load(Ordering::Acquire) {
            if self.scheduled.swap(false, Ordering::AcqRel) {
                thread::sleep(DELAY);
                if self.flush() {
                    self.wake.tell();
                }
            } else {
                thread::park();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Outgoing>>> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that no other running thread has; never 0.
fn here() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    // A thread that is about to end has no such number, and pulls no more.
    PLACE
        .try_with(|place| std::ptr::from_ref(place) as usize)
        .unwrap_or(usize::MAX)
}
