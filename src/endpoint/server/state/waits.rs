//! Where a server's clients wait: for their turn, for their share, for less to be held, for room.

use std::time::Instant;

use super::{State, Waits};
use crate::endpoint::server::client::answer_bytes;

impl State {
    /// Lets the client of connection `id` wait for its turn, if it has requests.
    pub(super) fn enter_turns(&mut self, id: u64) {
        self.end_wait(id);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(request) = connection.requests.front() else {
            return;
        };
        self.turns
            .enter(id, &mut connection.place, request.header.size);
        if !std::mem::replace(&mut connection.busy, true) {
            self.busy += 1;
        }
    }

    /// Takes the client of connection `id` out of whatever it waits in. It is not at work any more.
    pub(super) fn leave_turns(&mut self, id: u64) {
        self.end_wait(id);
        if let Some(connection) = self.connections.get_mut(&id) {
            self.turns.leave(&mut connection.place);
        }
        self.rest(id);
    }

    /// Less is held for a client, or less of it is in the slave's hands: if it has waited for that, it
    /// may have its turn.
    pub(super) fn held_less(&mut self, id: u64) {
        let waits = self.connections.get(&id).map(|connection| connection.waits);
        if matches!(waits, Some(Waits::Share | Waits::Less)) {
            self.enter_turns(id);
        }
    }

    fn end_wait(&mut self, id: u64) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        match std::mem::take(&mut connection.waits) {
            Waits::No => return,
            Waits::Less => {}
            Waits::Share => {
                self.sharing.remove(&id);
            }
            Waits::Room(ticket) => {
                self.short.remove(&ticket);
            }
        }
        self.parked -= 1;
    }

    /// The client whose turn it would be cannot be served. `idle`: the slave has nothing of it.
    pub(super) fn park(&mut self, id: u64, waits: Waits, idle: bool) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        self.turns.leave(&mut connection.place);
        let granted = connection.granted.take();
        connection.waits = match waits {
            Waits::Room(_) => {
                let ticket = granted.unwrap_or(self.tickets);
                self.tickets += 1;
                self.short.insert(ticket, (id, Instant::now()));
                Waits::Room(ticket)
            }
            other => other,
        };
        if waits == Waits::Share {
            self.sharing.insert(id);
        }
        self.parked += 1;
        if idle && waits != Waits::Share {
            self.rest(id);
        }
    }

    /// A client has no share of what the slave may have.
    pub(super) fn rest(&mut self, id: u64) {
        if let Some(connection) = self.connections.get_mut(&id) {
            self.busy -= usize::from(std::mem::replace(&mut connection.busy, false));
        }
    }

    /// The first of those that wait for room: its ticket, its client, and its answer.
    pub(super) fn first_short(&self) -> Option<(u64, u64, usize)> {
        let (&ticket, &(id, _)) = self.short.first_key_value()?;
        Some((ticket, id, self.answer(id)?))
    }

    /// Bytes of the answer to the next request of a client.
    pub(super) fn answer(&self, id: u64) -> Option<usize> {
        let request = self.connections.get(&id)?.requests.front()?;
        Some(answer_bytes(request.header.kind, request.header.size))
    }

    /// Drops what a client has sent that has gone.
    pub(super) fn drop_requests(&mut self, id: u64) {
        self.leave_turns(id);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.requests.clear();
        connection.request_bytes = 0;
        // Its task sees the end, and does the rest.
        connection.outgoing.close();
        if connection.gone {
            self.remove(id);
        }
    }
}
