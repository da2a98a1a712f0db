//! The connections that are there, and what each client waits for: its turn, its share, for less to
//! be held, for room.
//!
//! A client that can be served waits in [`Turns`]. One that cannot is *parked*: it is taken out,
//! and comes back when something changes for it. One of its transactions ends, its socket takes
//! bytes, there is room. So the work for a transaction does not grow with the number of clients
//! that wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use super::context::ServerContext;
use super::peer::Peer;
use super::queued::{answer_bytes, QueuedRequest};
use super::quota::Quota;
use super::turns::{TurnPlace, Turns};
use crate::endpoint::ids::Ids;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::Side;

/// Requests of one client that may wait, decoded, for their turn.
const MAX_REQUESTS: usize = 64;
/// Bytes of data that they may hold before the client's connection is read no further.
const MAX_REQUEST_BYTES: usize = 1 << 20;

/// See the [module](self). Guarded by the registry's lock. Connections and clients go by the number
/// of their connection; a client, by that of its request connection.
#[derive(Default)]
pub(super) struct Roster {
    pub(super) members: Ids<u64, Member>,
    pub(super) quota: Quota,
    /// Clients that can be served.
    pub(super) turns: Turns,
    /// Clients that have their share of what the slave may have.
    sharing: BTreeSet<u64>,
    /// That share, when it was looked at last.
    share: usize,
    /// Clients that hold nothing and wait for room: by ticket, and since when.
    short: BTreeMap<u64, (u64, Instant)>,
    tickets: u64,
    /// Clients that have requests and cannot be served.
    parked: usize,
    /// Clients that have requests ready or in the slave's hands.
    busy: usize,
    /// What [`Roster::publish`] has published last.
    published: (usize, usize, usize),
}

/// A connection of either side, as the server knows it.
pub(super) struct Member {
    pub(super) outgoing: Arc<Outgoing>,
    pub(super) ip: IpAddr,
    pub(super) side: Side,
    /// Its client's other connection.
    pub(super) partner: Option<u64>,
    /// Requests have come since this was looked at last.
    pub(super) active: bool,
    /// The client, on its request connection.
    pub(super) peer: Option<Arc<Peer>>,
    pub(super) requests: VecDeque<QueuedRequest>,
    request_bytes: usize,
    /// It is read no further, and [`Peer::space`] tells it when it may be.
    full: bool,
    place: TurnPlace,
    waits: Waits,
    /// It has room for the answer of its next request, for which it waited with this ticket.
    granted: Option<u64>,
    /// It has requests ready or in the slave's hands.
    busy: bool,
    /// It has ended, and is here for the requests that it has left.
    pub(super) gone: bool,
}

/// What a client with requests waits for, before it can be served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Waits {
    /// Nothing, or it has no requests.
    #[default]
    No,
    /// That it has less than its share in the slave's hands.
    Share,
    /// That less is held for it.
    Less,
    /// Room for its answer, with this ticket.
    Room(u64),
}

impl Member {
    pub(super) fn new(outgoing: Arc<Outgoing>, ip: IpAddr, side: Side) -> Member {
        Member {
            outgoing,
            ip,
            side,
            partner: None,
            active: false,
            peer: None,
            requests: VecDeque::new(),
            request_bytes: 0,
            full: false,
            place: TurnPlace::default(),
            waits: Waits::No,
            granted: None,
            busy: false,
            gone: false,
        }
    }

    /// Takes in requests that have come.
    pub(super) fn push(&mut self, requests: &mut Vec<QueuedRequest>) {
        for request in requests.drain(..) {
            self.request_bytes += request.data.len();
            self.requests.push_back(request);
        }
        self.active = true;
    }

    /// Whether as many requests wait as may. If so, [`Peer::space`] tells when that is over.
    pub(super) fn update_full(&mut self, context: &ServerContext) -> bool {
        self.full = self.requests.len() >= MAX_REQUESTS
            || self.request_bytes >= MAX_REQUEST_BYTES
            || (self.request_bytes > 0 && context.is_crammed());
        self.full
    }

    /// Whether the client waits for something other than its turn.
    pub(super) fn is_parked(&self) -> bool {
        self.waits != Waits::No
    }

    /// Whether room was given for the answer of its next request.
    pub(super) fn has_room(&self) -> bool {
        self.granted.is_some()
    }
}

impl Roster {
    /// Takes the next request of the client `id`, which has had its turn.
    pub(super) fn take_request(
        &mut self,
        id: u64,
        context: &ServerContext,
    ) -> Option<QueuedRequest> {
        let member = self.members.get_mut(&id)?;
        let request = member.requests.pop_front()?;
        member.request_bytes -= request.data.len();
        member.granted = None;
        let next = member.requests.front();
        self.turns
            .served(&mut member.place, next.map(|next| next.header.size));
        if member.full && !member.update_full(context) {
            if let Some(peer) = &member.peer {
                peer.space.notify_one();
            }
        }
        Some(request)
    }

    /// Lets the client of connection `id` wait for its turn, if it has requests.
    pub(super) fn enter_turns(&mut self, id: u64) {
        self.end_wait(id);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let Some(request) = member.requests.front() else {
            return;
        };
        self.turns.enter(id, &mut member.place, request.header.size);
        if !std::mem::replace(&mut member.busy, true) {
            self.busy += 1;
        }
    }

    /// Takes the client of connection `id` out of whatever it waits in. It is not at work any more.
    pub(super) fn leave_turns(&mut self, id: u64) {
        self.end_wait(id);
        if let Some(member) = self.members.get_mut(&id) {
            self.turns.leave(&mut member.place);
        }
        self.rest(id);
    }

    /// Less is held for a client, or the slave has less of it: if it waited for that, it may have
    /// its turn.
    pub(super) fn unpark(&mut self, id: u64) {
        let waits = self.members.get(&id).map(|member| member.waits);
        if matches!(waits, Some(Waits::Share | Waits::Less)) {
            self.enter_turns(id);
        }
    }

    fn end_wait(&mut self, id: u64) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        match std::mem::take(&mut member.waits) {
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

    /// The client whose turn it is cannot be served. `idle`: the slave has nothing of it.
    pub(super) fn park(&mut self, id: u64, waits: Waits, idle: bool) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        self.turns.leave(&mut member.place);
        let granted = member.granted.take();
        member.waits = match waits {
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
    fn rest(&mut self, id: u64) {
        if let Some(member) = self.members.get_mut(&id) {
            self.busy -= usize::from(std::mem::replace(&mut member.busy, false));
        }
    }

    /// Whether several clients are at work, or any is parked: then something that has ended may
    /// concern another client.
    pub(super) fn is_contended(&self) -> bool {
        self.busy > 1 || self.parked > 0
    }

    /// The share of `most` transactions that a client may have. Clients that had theirs can be
    /// served if it is more than before.
    pub(super) fn update_share(&mut self, most: usize) -> usize {
        let share = most.div_ceil(self.busy.max(1));
        if share > std::mem::replace(&mut self.share, share) {
            for id in std::mem::take(&mut self.sharing) {
                self.enter_turns(id);
            }
        }
        share
    }

    /// Looks at the clients for which something has changed.
    pub(super) fn take_notices(&mut self, context: &ServerContext) {
        for id in context.load.take_notices() {
            let Some(member) = self.members.get(&id) else {
                continue;
            };
            let Some(peer) = &member.peer else {
                continue;
            };
            let mut state = peer.lock();
            state.in_notices = false;
            let idle = state.hands.count() == 0;
            drop(state);
            if member.is_parked() {
                self.unpark(id);
            } else if member.requests.is_empty() && idle {
                self.rest(id);
            }
        }
    }

    /// Clients that wait for room, and have it now, can be served.
    pub(super) fn give_room(&mut self, context: &ServerContext) {
        let limits = context.limits();
        let mut used = context.budget.used();
        while let Some((ticket, id, answer)) = self.first_short() {
            if !limits.has_room(used, answer) {
                break;
            }
            used = used.saturating_add(answer);
            self.enter_turns(id);
            if let Some(member) = self.members.get_mut(&id) {
                member.granted = Some(ticket);
            }
        }
    }

    /// Whether any client waits for room.
    pub(super) fn is_short(&self) -> bool {
        !self.short.is_empty()
    }

    /// Whether the first client that waits for room has it now.
    pub(super) fn first_has_room(&self, context: &ServerContext) -> bool {
        let (limits, used) = (context.limits(), context.budget.used());
        self.first_short()
            .is_some_and(|(_, _, answer)| limits.has_room(used, answer))
    }

    /// The first of those that wait for room: its ticket, its client, and its answer.
    fn first_short(&self) -> Option<(u64, u64, usize)> {
        let (&ticket, &(id, _)) = self.short.first_key_value()?;
        Some((ticket, id, self.answer(id)?))
    }

    /// Bytes of the answers that wait for room, of clients that have waited since a time that is
    /// `late`.
    pub(super) fn wanted(&self, late: impl Fn(Instant) -> bool) -> usize {
        let all = self.short.values().filter(|(_, since)| late(*since));
        let answers = all.filter_map(|(id, _)| self.answer(*id));
        answers.fold(0, usize::saturating_add)
    }

    /// Bytes of the answer to the next request of a client.
    fn answer(&self, id: u64) -> Option<usize> {
        let request = self.members.get(&id)?.requests.front()?;
        Some(answer_bytes(request.header.kind, request.header.size))
    }

    /// Drops the requests of a client that has gone.
    pub(super) fn drop_requests(&mut self, id: u64) {
        self.leave_turns(id);
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.requests.clear();
        member.request_bytes = 0;
        // Its connection sees the end, and does the rest.
        member.outgoing.close();
        if member.gone {
            self.remove(id);
        }
    }

    /// Forgets a connection, with the requests that may still wait.
    pub(super) fn remove(&mut self, id: u64) {
        self.leave_turns(id);
        if let Some(gone) = self.members.remove(&id) {
            self.quota.leave(gone.ip, gone.side);
        }
        // A crowd that has gone leaves no large table.
        let (count, room) = (self.members.len(), self.members.capacity());
        if room > 256 && count < room / 8 {
            self.members.shrink_to(2 * count);
        }
    }

    /// Forgets all connections, and returns them.
    pub(super) fn clear(&mut self) -> Vec<Member> {
        let cleared = Roster {
            published: self.published,
            ..Roster::default()
        };
        let all = std::mem::replace(self, cleared);
        all.members.into_values().collect()
    }

    /// The clients that are there now.
    pub(super) fn peers(&self) -> Vec<Arc<Peer>> {
        self.members
            .values()
            .filter(|member| !member.gone)
            .filter_map(|member| member.peer.clone())
            .collect()
    }

    /// Tells the threads that look without the lock what has changed.
    pub(super) fn publish(&mut self, context: &ServerContext) {
        let ready = self.turns.len();
        let waiting = ready + self.sharing.len() + self.short.len();
        let now = (ready, waiting, self.parked);
        if std::mem::replace(&mut self.published, now) != now {
            context.load.publish(ready, waiting, self.parked);
        }
    }
}
