//! Who is there: all connections and clients of a server, under one lock.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::context::ServerContext;
use super::deadlines::Deadlines;
use super::departed::{Departed, Left};
use super::pairs::{self, Pairs};
use super::peer::Peer;
use super::queued::QueuedRequest;
use super::quota::{Exceeded, QuotaLimits};
use super::roster::{Member, Roster};
use crate::bus::{POST, WRITE};
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::pairing::{Arrival, Side};
use crate::endpoint::stats::{Dropped, PeerStats, ServerStats};

/// See the [module](self).
pub(super) struct Registry {
    pub(super) context: Arc<ServerContext>,
    pub(super) deadlines: Deadlines,
    state: Mutex<RegistryState>,
}

/// What the registry's lock guards.
#[derive(Default)]
pub(super) struct RegistryState {
    pub(super) roster: Roster,
    pub(super) departed: Departed,
    pairs: Pairs,
    /// Connections that there have been.
    arrivals: u64,
    dropped: Dropped,
}

impl RegistryState {
    /// Closes the connection `id`, which does not take its responses.
    pub(super) fn close(&mut self, id: u64) {
        if let Some(member) = self.roster.members.get(&id) {
            member.outgoing.close();
        }
        self.dropped.not_reading += 1;
    }
}

impl Registry {
    pub(super) fn new(context: Arc<ServerContext>) -> Registry {
        Registry {
            context,
            deadlines: Deadlines::default(),
            state: Mutex::default(),
        }
    }

    /// Stops the server: its connections are closed, and nobody gets a response.
    pub(super) fn stop(&self) {
        self.context.begin_stop();
        let mut state = self.lock();
        let gone = state.roster.clear();
        state.departed = Departed::default();
        state.pairs = Pairs::default();
        state.roster.publish(&self.context);
        for member in &gone {
            member.outgoing.close();
            if let Some(peer) = &member.peer {
                peer.leave();
            }
        }
        drop(state);
        self.context.end_stop();
    }

    /// Admits a new connection, unless there are too many, of all or from its address. Returns its
    /// number, in the order of arrival.
    pub(super) fn connect(
        &self,
        outgoing: &Arc<Outgoing>,
        ip: IpAddr,
        side: Side,
    ) -> Result<u64, Exceeded> {
        let settings = &self.context.settings;
        let mut guard = self.lock();
        let state = &mut *guard;
        // Here too, so that the list does not grow without end while many come and go.
        state.roster.take_notices(&self.context);
        state.arrivals += 1;
        let most = settings.max_connections.get();
        let limits = QuotaLimits {
            all: most,
            address: settings.max_clients_per_address.get(),
        };
        let full = self.context.stopped() || state.roster.members.len() >= most;
        let entered = match full {
            true => Err(Exceeded::Connections(most)),
            false => state.roster.quota.enter(ip, side, limits),
        };
        if let Err(exceeded) = entered {
            state.dropped.over_limit += 1;
            return Err(exceeded);
        }
        let member = Member::new(Arc::clone(outgoing), ip, side);
        state.roster.members.insert(state.arrivals, member);
        Ok(state.arrivals)
    }

    /// A connection's handshake is over. Returns the client, if it is a request connection.
    pub(super) fn ready(&self, arrival: Arrival, port: u16) -> Option<Arc<Peer>> {
        let peer = (arrival.side == Side::Request).then(|| {
            let session = arrival.session.is_some();
            let address = (arrival.peer, port);
            let context = Arc::clone(&self.context);
            Arc::new(Peer::new(context, arrival.id, address, session))
        });
        let mut guard = self.lock();
        let state = &mut *guard;
        let member = state.roster.members.get_mut(&arrival.id)?;
        member.peer.clone_from(&peer);
        let notes = state
            .pairs
            .arrive(&mut state.roster, arrival, Instant::now());
        state.roster.publish(&self.context);
        drop(guard);
        pairs::report(&self.context, &notes);
        self.context.housekeep.notify_one();
        peer
    }

    /// A connection has ended.
    pub(super) fn disconnect(&self, id: u64) {
        let context = &self.context;
        let mut guard = self.lock();
        let state = &mut *guard;
        let roster = &mut state.roster;
        let peer = roster
            .members
            .get(&id)
            .and_then(|member| member.peer.clone());
        // Before its response connection may be given to another client.
        if let Some(peer) = &peer {
            peer.leave();
        }
        let notes = state.pairs.leave(roster, id, Instant::now());
        if let Some(member) = roster.members.get_mut(&id) {
            member.outgoing.close();
            // A client need not wait for what it writes: that is carried out, unless it must not
            // be.
            let carried_out = !context.settings.drop_after_close.is_on();
            member
                .requests
                .retain(|request| carried_out && matches!(request.header.kind, WRITE | POST));
            member.gone = true;
            // It is held back by nothing any more.
            roster.leave_turns(id);
            roster.enter_turns(id);
        }
        let left = peer.map(|peer| state.departed.leave(context, &peer));
        let member = roster.members.get(&id);
        if member.is_some_and(|member| member.requests.is_empty()) {
            roster.remove(id);
        }
        roster.publish(context);
        drop(guard);
        if let Some(left) = left {
            left.fail();
        }
        pairs::report(context, &notes);
        context.housekeep.notify_one();
        // Requests may have been held back by responses that nobody reads any more.
        context.look_again();
    }

    /// Takes in `requests` that have come on connection `id`, in order. The pulling thread calls
    /// this, and looks for them itself. Whether as many wait now as may.
    pub(super) fn push(&self, id: u64, requests: &mut Vec<QueuedRequest>) -> bool {
        if requests.is_empty() {
            return false;
        }
        let mut state = self.lock();
        let roster = &mut state.roster;
        let Some(member) = roster.members.get_mut(&id) else {
            requests.clear();
            return false;
        };
        member.push(requests);
        let full = member.update_full(&self.context);
        if !member.is_parked() {
            roster.enter_turns(id);
            roster.publish(&self.context);
        }
        full
    }

    /// Whether as many requests of connection `id` wait as may. If so, [`Peer::space`] tells when
    /// that is over.
    pub(super) fn is_full(&self, id: u64) -> bool {
        let mut state = self.lock();
        let member = state.roster.members.get_mut(&id);
        member.is_some_and(|member| member.update_full(&self.context))
    }

    /// The response connection `id` has sent some of what it held.
    pub(super) fn bytes_taken(&self, id: u64) {
        if !self.context.load.anyone_is_parked() {
            return;
        }
        let mut state = self.lock();
        let roster = &mut state.roster;
        let peer = roster.members.get(&id).and_then(|member| member.partner);
        if let Some(peer) = peer {
            roster.unpark(peer);
        }
        roster.publish(&self.context);
        drop(state);
        self.context.look_again();
    }

    /// The client, if no connections other than its two are there.
    pub(super) fn only_peer(&self) -> Option<Arc<Peer>> {
        let state = self.lock();
        let mut peers = state.roster.members.values().map(|e| e.peer.as_ref());
        match (peers.next(), peers.next(), peers.next()) {
            (Some(Some(peer)), Some(None), None) | (Some(None), Some(Some(peer)), None) => {
                Some(Arc::clone(peer))
            }
            _ => None,
        }
    }

    /// Pairs connections that have waited long enough. Returns when to call this again.
    pub(super) fn settle_pairs(&self, now: Instant) -> Option<Instant> {
        let mut guard = self.lock();
        let state = &mut *guard;
        let (notes, next) = state.pairs.settle(&mut state.roster, now);
        state.roster.publish(&self.context);
        drop(guard);
        pairs::report(&self.context, &notes);
        next
    }

    /// Closes connections that have been without their client's other one for too long, see
    /// [`Pairs::close_halves`].
    pub(super) fn close_halves(
        &self,
        now: Instant,
    ) -> (Vec<(IpAddr, Side)>, Duration, Option<Instant>) {
        let limit = self.context.settings.handshake_timeout.get();
        let mut guard = self.lock();
        let state = &mut *guard;
        let halves = state.pairs.close_halves(&mut state.roster, limit, now);
        state.dropped.handshake += halves.0.len() as u64;
        halves
    }

    /// Looks after what clients that have gone have left, see [`Departed::look`].
    pub(super) fn look_at_departed(&self, now: Instant) -> Option<(Left, Option<Instant>)> {
        self.lock().departed.look(&self.context, now)
    }

    /// A connection was dropped, for a cause that is counted.
    pub(super) fn count_dropped(&self, count: impl FnOnce(&mut Dropped)) {
        count(&mut self.lock().dropped);
    }

    /// The clients that are there.
    pub(super) fn peers(&self) -> Vec<Arc<Peer>> {
        self.lock().roster.peers()
    }

    pub(super) fn stats(&self) -> ServerStats {
        let state = self.lock();
        let mut stats = ServerStats {
            connections: state.roster.members.len() as u64,
            connections_total: state.arrivals,
            dropped: state.dropped,
            ..ServerStats::default()
        };
        // Under the lock: the counters of a client that goes move to the past.
        stats.traffic.add(&self.context.past());
        for peer in state
            .roster
            .members
            .values()
            .filter_map(|e| e.peer.as_ref())
        {
            let peer = peer.stats();
            stats.traffic.add(&peer.traffic);
            stats.bytes_queued += peer.bytes_queued;
        }
        drop(state);
        stats.traffic.most_outstanding = self.context.load.most_outstanding() as u64;
        stats
    }

    pub(super) fn peer_stats(&self) -> Vec<PeerStats> {
        self.peers().iter().map(|peer| peer.stats()).collect()
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
