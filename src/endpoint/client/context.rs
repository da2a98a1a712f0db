//! What everything in a client may use: its name, its settings, the wake-up of its thread, and the
//! traffic of the past. It knows nothing of connections.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::log::Level;
use tokio::sync::Notify;

use super::room::Room;
use crate::bus::{Renewals, Transaction};
use crate::endpoint::settings::ClientSettings;
use crate::endpoint::stats::{Ended, EndedAs, Traffic};
use crate::error::{Error, ErrorKind, Result};
use crate::log::{Rate, Repeated};
use crate::process::Home;
use crate::wire::SessionId;

/// The longest that a thread waits in one read. `connect.rs` sets it for the sockets.
pub(super) const READ_LIMIT: Duration = Duration::from_millis(100);

/// What a log line is about. Lines about the same thing are limited in rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum About {
    Connected,
    Disconnected,
    NoConnection,
    /// A response for which no transaction waits.
    Stray,
}

/// What all parts of a client share.
pub(super) struct ClientContext {
    /// The name under which the client logs.
    pub(super) name: String,
    /// `address:port`, for error texts.
    pub(super) place: String,
    pub(super) settings: ClientSettings,
    pub(super) session: SessionId,
    pub(super) renewals: Renewals,
    home: Home,
    /// Where threads wait while too many transactions are outstanding.
    pub(super) room: Room,
    /// Added to a transaction's id to make its id on the wire. It is random for each process, so
    /// that a response to another process is not taken for one of ours.
    id_base: u32,
    wake: Notify,
    lines: Repeated<About>,
    /// Of connections that have ended, and of transactions that never had one.
    past: Mutex<Traffic>,
}

impl ClientContext {
    pub(super) fn new(
        name: String,
        place: String,
        settings: ClientSettings,
    ) -> Result<ClientContext> {
        let mut session = [0; 16];
        getrandom::fill(&mut session).map_err(|error| {
            let text = format!("No random numbers for a session: {error}");
            Error::new(ErrorKind::System, text)
        })?;
        Ok(ClientContext {
            name,
            place,
            settings,
            renewals: Renewals::default(),
            home: Home::here(),
            room: Room::default(),
            id_base: id_base(&session),
            session: SessionId(session),
            wake: Notify::new(),
            lines: Repeated::default(),
            past: Mutex::default(),
        })
    }

    /// Whether this is the process that made the client, and not one that was forked off since.
    pub(super) fn is_here(&self) -> bool {
        self.home.is_here()
    }

    /// Fails in a process that was forked off since the client was made.
    pub(super) fn check_home(&self) -> Result<()> {
        match self.is_here() {
            true => Ok(()),
            false => Err(Error::forked("client")),
        }
    }

    /// The id of a transaction on the wire.
    pub(super) fn wire_id(&self, transaction: &Transaction) -> u32 {
        transaction.id().wrapping_add(self.id_base)
    }

    /// Wakes the client's thread: it has something to do.
    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Ends when [`ClientContext::wake`] has been called since this ended last.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Logs a line at level Info, unless there were too many like it.
    pub(super) fn say(&self, about: About, text: fmt::Arguments<'_>) {
        let kind = (about, Rate::STRANGERS);
        if self.lines.say(&self.name, Level::Info, kind, text) {
            self.wake();
        }
    }

    /// Logs how many lines were left out, where that is due; returns when it is due next.
    pub(super) fn tell_left_out(&self, now: Instant) -> Option<Instant> {
        self.lines.tell(&self.name, now)
    }

    /// As [`ClientContext::tell_left_out`], at the end of the client.
    pub(super) fn tell_all_left_out(&self) {
        self.lines.tell_all(&self.name);
    }

    /// The traffic of connections that have ended, and of transactions that never had one.
    pub(super) fn past(&self) -> MutexGuard<'_, Traffic> {
        self.past.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a transaction that never had a connection.
    pub(super) fn count(&self, transaction: &Transaction, end: EndedAs) {
        self.past().count(&untimed(transaction, end));
    }

    pub(super) fn stopped(&self) -> Error {
        let text = format!("{}: the client is stopped", self.place);
        Error::new(ErrorKind::Stopped, text)
    }

    pub(super) fn connection_lost(&self) -> Error {
        let text = format!("{}: connection lost", self.place);
        Error::new(ErrorKind::ConnectionLost, text)
    }
}

/// The end of a transaction whose time is not counted: it was never answered.
pub(super) fn untimed(transaction: &Transaction, end: EndedAs) -> Ended {
    Ended {
        kind: transaction.kind().number(),
        size: transaction.size(),
        end,
        took: None,
    }
}

/// The base of ids on the wire. All clients of a process share one, so that their ids differ. Each
/// process has another, so that processes with the same server rarely share ids. A new base is made
/// from `random`.
fn id_base(random: &[u8; 16]) -> u32 {
    static BASE: AtomicU64 = AtomicU64::new(0);
    base_of(&BASE, std::process::id(), random)
}

/// `kept` holds the number of a process and its base; no process has number 0. A process that was
/// forked off has a copy of its parent's base, and would use the same ids: it gets a base of its
/// own. An atomic, since another thread may hold a lock when the process is forked.
fn base_of(kept: &AtomicU64, process: u32, random: &[u8; 16]) -> u32 {
    let mut bytes = [0; 4];
    bytes.copy_from_slice(&random[..4]);
    // Independent of the session, which is sent to servers.
    let mixed = u32::from_le_bytes(bytes).wrapping_mul(0x9E37_79B1);
    let new = mixed ^ process.rotate_left(16);
    let own = |kept: u64| (kept >> 32) as u32 == process;
    let before = kept.fetch_update(Ordering::AcqRel, Ordering::Acquire, |kept| {
        (!own(kept)).then_some(u64::from(process) << 32 | u64::from(new))
    });
    match before {
        Ok(_) => new,
        Err(kept) => kept as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_is_forked_off_has_a_base_of_its_own() {
        let kept = AtomicU64::new(0);
        let parent = base_of(&kept, 100, &[1; 16]);
        assert_eq!(base_of(&kept, 100, &[2; 16]), parent);
        // Two children, each with its copy of what the parent had.
        let copies = [(); 2].map(|()| AtomicU64::new(kept.load(Ordering::Relaxed)));
        let first = base_of(&copies[0], 101, &[3; 16]);
        let second = base_of(&copies[1], 102, &[3; 16]);
        assert!(first != parent && second != parent && first != second);
        assert_eq!(base_of(&copies[0], 101, &[4; 16]), first);
        assert_eq!(base_of(&kept, 100, &[5; 16]), parent);
    }
}
