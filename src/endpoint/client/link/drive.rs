//! What a thread does that waits for one of the client's transactions.

use std::time::Instant;

use super::Shared;
use crate::bus::{Link, Renewals, Transaction, POST};
use crate::endpoint::client::attending::Attending;
use crate::endpoint::client::connection::over_as;
use crate::endpoint::client::link::READ_LIMIT;
use crate::endpoint::client::turn::Enter;
use crate::endpoint::socket::{self, Until};
use crate::endpoint::stats::End;
use crate::error::{Error, ErrorKind};

impl Shared {
    fn closed_on_timeout(&self) -> Error {
        let text = format!(
            "{}: connection lost, it was closed since a transaction timed out (close_on_timeout)",
            self.place
        );
        Error::new(ErrorKind::ConnectionLost, text)
    }
}

impl Link for Shared {
    fn renewals(&self) -> Option<&Renewals> {
        Some(&self.renewals)
    }

    fn drive(&self, transaction: &Transaction, deadline: Option<Instant>) -> bool {
        let Some(connection) = self.lock().connection.clone() else {
            return false;
        };
        // Somebody waits: what was deferred leaves now.
        connection.flush_waiting(self);
        if connection.is_lost() || !connection.awaits(self, transaction) {
            return transaction.completed();
        }
        match connection.turn.enter(transaction) {
            Enter::Follow => return false,
            Enter::Read { wake: true } => self.control.notify_one(),
            Enter::Read { wake: false } => {}
        }
        let _attending = Attending::new();
        while !transaction.completed() {
            // It may have got its deadline since: `taken` does not wake who reads.
            let left = match deadline.or_else(|| transaction.deadline()) {
                Some(deadline) => deadline.saturating_duration_since(Instant::now()),
                None => READ_LIMIT,
            };
            if left.is_zero() {
                break;
            }
            let precise = left < READ_LIMIT;
            if precise && !socket::wait(&connection.responses, Until::Readable, left) {
                break;
            }
            if let Err(error) = connection.read(self, socket::Mode::Wait) {
                connection.lost(&self.place, error);
                self.control.notify_one();
                break;
            }
            // Callbacks may have asked for more.
            connection.flush_waiting(self);
        }
        if !connection.turn.leave() && connection.background() > 0 {
            self.control.notify_one();
        }
        true
    }

    fn poll(&self) {
        let Some(connection) = self.lock().connection.clone() else {
            return;
        };
        connection.flush_waiting(self);
        if connection.is_lost() || !connection.turn.enter_standby() {
            return;
        }
        let attending = Attending::new();
        let read = connection.read_all(self);
        drop(attending);
        if !connection.turn.leave() && connection.background() > 0 {
            self.control.notify_one();
        }
        if let Err(error) = read {
            connection.lost(&self.place, error);
            self.control.notify_one();
        }
    }

    fn leave(&self, transaction: &Transaction) {
        let Some(connection) = self.lock().connection.clone() else {
            return;
        };
        if !connection.turn.quit(transaction) && connection.background() > 0 {
            self.control.notify_one();
        }
    }

    fn give_up(&self, transaction: &Transaction) -> Option<Error> {
        let mut state = self.lock();
        let same = |other: &Transaction| other.same(transaction);
        if let Some(place) = state.backlog.iter().position(same) {
            state.backlog.remove(place);
            if self.holds_back() {
                // It makes room for one of those, who looks when this one is over.
                self.room.notify_all();
            }
            self.past().count(&over_as(transaction, End::TimedOut));
            return Some(self.why_not(&state).unwrap_or_else(|| {
                let text = format!("{}: not connected yet, no answer: unreachable", self.place);
                Error::new(ErrorKind::Unreachable, text)
            }));
        }
        // Under way, be it on a connection that is being taken down.
        let connected = state.connection.clone();
        let connection = state.connection.clone().or_else(|| state.leaving.clone());
        drop(state);
        if let Some(connection) = connection {
            if connection.forget(self, transaction) {
                if self.settings.close_on_timeout.is_on() {
                    connection.abandon(self.closed_on_timeout());
                    self.control.notify_one();
                }
                self.made_room();
            }
        }
        if transaction.kind() == POST {
            let text = format!("{}: the network takes no more data", self.place);
            return Some(Error::new(ErrorKind::Timeout, text));
        }
        // Whoever reads it knows that the link is not what is missing, and to whom it goes.
        connected.map(|connection| {
            let state = if self.settings.close_on_timeout.is_on() {
                "was connected"
            } else if connection.is_silent() {
                "is connected, but has not answered a ping"
            } else {
                "is connected"
            };
            let text = format!("({} {state})", self.place);
            Error::new(ErrorKind::Timeout, text)
        })
    }
}
