//! Which request is handed out next: clients in turns, each with a fair share of what the slave may
//! have, and none for which too much is held.

use std::sync::atomic::{fence, Ordering};
use std::sync::Arc;
use std::time::Instant;

use super::budget::Verdict;
use super::context::ServerContext;
use super::peer::Peer;
use super::peer_state::PeerState;
use super::queued::answer_bytes;
use super::registry::{Registry, RegistryState};
use super::roster::{Member, Waits};
use crate::bus::Transaction;
use crate::endpoint::socket;
use crate::wire::Header;

/// What came of a look at the client whose turn it is.
enum Dispatched {
    HandedOut(Transaction, Header),
    /// This client cannot be served now: the next one.
    Next,
    /// No client can be served.
    Nobody,
}

/// The next transaction, if there is one and the slave may have one more.
pub(super) fn take(registry: &Registry) -> Option<Transaction> {
    if !registry.context.load.is_worth_a_look() {
        return None;
    }
    take_at(registry, registry.context.clock())
}

/// As [`take`], at the time `now` of the server's clock.
pub(super) fn take_at(registry: &Registry, now: u64) -> Option<Transaction> {
    let context = &registry.context;
    let most = context.settings.max_outstanding.get();
    if !context.load.may_begin(most) {
        return None;
    }
    let mut guard = registry.lock();
    let state = &mut *guard;
    context.load.clear_look();
    if state.roster.is_contended() {
        state.roster.take_notices(context);
        state.roster.give_room(context);
    }
    let share = state.roster.update_share(most);
    let (transaction, header) = loop {
        match take_turn(context, state, share, now) {
            Dispatched::HandedOut(transaction, header) => break (transaction, header),
            Dispatched::Next => {}
            Dispatched::Nobody => {
                state.roster.publish(context);
                // SeqCst pairs with `ServerContext::completed`: a thread that makes room looks at
                // `waiting` afterwards.
                fence(Ordering::SeqCst);
                if state.roster.first_has_room(context) {
                    context.look_again();
                }
                return None;
            }
        }
    };
    if answer_bytes(header.kind, header.size) > 0 && context.heap.rises(context.held()) {
        context.housekeep.notify_one();
    }
    state.roster.publish(context);
    drop(guard);
    // Not under the lock: a log sink may ask for the server's statistics.
    ::log::debug!(
        target: &context.name,
        "Starting transaction id={}, addr=0x{:x}, size={}, type={}, local id={}",
        header.id, header.address, header.size, header.kind, transaction.id()
    );
    Some(transaction)
}

/// Hands out the next request of the client whose turn it is, or parks the client.
fn take_turn(
    context: &ServerContext,
    registry: &mut RegistryState,
    share: usize,
    now: u64,
) -> Dispatched {
    let roster = &mut registry.roster;
    let Some(id) = roster.turns.first() else {
        return Dispatched::Nobody;
    };
    let Some(member) = roster.members.get(&id) else {
        return Dispatched::Nobody;
    };
    if is_too_late(context, member) {
        roster.drop_requests(id);
        return Dispatched::Next;
    }
    let (Some(peer), Some(request)) = (&member.peer, member.requests.front()) else {
        return Dispatched::Nobody;
    };
    let answer = answer_bytes(request.header.kind, request.header.size);
    let others = roster.is_short() && !member.has_room();
    let gone = member.gone;
    let peer = Arc::clone(peer);
    let mut state = peer.lock();
    let waits = if gone {
        Waits::No
    } else if state.hands.count() >= share {
        Waits::Share
    } else {
        waits_for_memory(context, &state, answer, others)
    };
    if waits != Waits::No {
        let for_room = matches!(waits, Waits::Room(_));
        // Room is given by `Roster::give_room`.
        state.waits_for_end = !for_room;
        let idle = state.hands.count() == 0;
        drop(state);
        roster.park(id, waits, idle);
        if for_room {
            context.housekeep.notify_one();
        }
        return Dispatched::Next;
    }
    let Some(request) = roster.take_request(id, context) else {
        return Dispatched::Nobody;
    };
    let header = request.header;
    let transaction = peer.hand_out(&mut state, request, now);
    drop(state);
    if gone {
        finish_departed(context, registry, id, &peer);
    }
    Dispatched::HandedOut(transaction, header)
}

/// A request of a client that has gone was handed out.
fn finish_departed(
    context: &ServerContext,
    registry: &mut RegistryState,
    id: u64,
    peer: &Arc<Peer>,
) {
    let member = registry.roster.members.get(&id);
    if member.is_some_and(|member| member.requests.is_empty()) {
        registry.roster.remove(id);
    }
    registry
        .departed
        .abandon_later(context, peer, Instant::now());
}

/// Whether the client has closed its connection, and its requests are to be dropped then.
fn is_too_late(context: &ServerContext, member: &Member) -> bool {
    context.settings.drop_after_close.is_on()
        && (member.gone || socket::peer_has_closed(member.outgoing.stream()))
}

/// What a client waits for because of the memory that is held, with an answer of `answer` bytes.
/// `others`: clients that hold nothing wait for room.
fn waits_for_memory(
    context: &ServerContext,
    state: &PeerState,
    answer: usize,
    others: bool,
) -> Waits {
    let (limits, used) = (context.limits(), context.budget.used());
    // Mostly this is enough, without a look at the client.
    if limits.surely_fits(used, answer) && !others {
        return Waits::No;
    }
    match limits.judge(used, state.bytes_held(), answer, others) {
        Verdict::Start => Waits::No,
        Verdict::HoldsMuch => Waits::Less,
        Verdict::NoRoom => Waits::Room(0),
    }
}
