//! What belongs to a client and is changed by any thread: its responses, its transactions, its
//! counters.

use std::sync::Arc;
use std::time::Duration;

use super::context::ServerContext;
use super::hands::Hands;
use super::held::HeldResponses;
use super::queued::answer_bytes;
use crate::bus::Transaction;
use crate::endpoint::outgoing::Outgoing;
use crate::endpoint::stats::{Ended, EndedAs, Traffic};
use crate::wire::Header;

/// See the [module](self). Its lock may be taken while the registry's is held, not the other way
/// round.
#[derive(Default)]
pub(super) struct PeerState {
    /// The sending half of its response connection.
    pub(super) outgoing: Option<Arc<Outgoing>>,
    /// Responses that wait for that connection.
    pub(super) held: HeldResponses,
    /// It has gone: its counters are those of the past.
    pub(super) gone: bool,
    /// Its transactions that the slave has.
    pub(super) hands: Hands,
    /// It is in the list of clients to look at again.
    pub(super) in_notices: bool,
    /// Its next request waits for one of its transactions to end.
    pub(super) waits_for_end: bool,
    /// Bytes reserved for the answers of its transactions.
    reserved: usize,
    traffic: Traffic,
    /// Transactions handed out so far, and the most at a time.
    begun: u64,
    most_outstanding: usize,
}

/// How a request was answered.
pub(super) enum Answer {
    /// By the server: it was a probe.
    Probe,
    /// By the server, which does not ask its slave for such a thing.
    Refused,
    /// By the slave: the transaction had this place in its hands, and was complete at this time.
    Slave { place: u32, now: u64, end: EndedAs },
}

/// What an answer changes for the server.
#[derive(Default)]
pub(super) struct Effect {
    /// The transaction counted against `max_outstanding`.
    pub(super) counted: bool,
    /// The client is to be looked at again.
    pub(super) look: bool,
    /// Its next request waited for this.
    pub(super) awaited: bool,
    /// Bytes that were reserved for the answer.
    pub(super) reserved: usize,
}

impl PeerState {
    /// Counts a transaction that is handed out, at the place that [`Hands::next`] returned. The
    /// times are when its request came, now, and when the slave's time is over.
    pub(super) fn begin(
        &mut self,
        context: &ServerContext,
        transaction: &Transaction,
        (since, now, until): (u64, u64, u64),
    ) {
        self.hands.put(transaction, since, now, until);
        let answer = answer_bytes(transaction.kind().number(), transaction.size());
        if answer > 0 {
            self.reserved += answer;
            context.budget.reserve(answer);
        }
        if self.gone {
            context.past().begin();
        } else {
            self.begun += 1;
            self.most_outstanding = self.most_outstanding.max(self.hands.count());
        }
    }

    /// Counts a request that is answered.
    pub(super) fn count(
        &mut self,
        context: &ServerContext,
        header: &Header,
        answer: &Answer,
    ) -> Effect {
        let mut effect = Effect::default();
        match answer {
            Answer::Probe => {}
            Answer::Refused if self.gone => context.past().refused += 1,
            Answer::Refused => self.traffic.refused += 1,
            Answer::Slave { place, now, end } => {
                let left = self.hands.take(*place);
                let took = left.map_or(0, |left| now.saturating_sub(left.since));
                let ended = Ended {
                    kind: header.kind,
                    size: header.size,
                    end: *end,
                    took: Some(Duration::from_nanos(took)),
                };
                if self.gone {
                    context.past().end(&ended);
                } else {
                    self.traffic.end(&ended);
                }
                effect.counted = left.is_some_and(|left| left.counted);
                effect.reserved = answer_bytes(header.kind, header.size);
                effect.awaited = std::mem::take(&mut self.waits_for_end);
                let look = effect.awaited || self.hands.count() == 0;
                effect.look = look && !std::mem::replace(&mut self.in_notices, true);
            }
        }
        effect
    }

    /// Bytes that were reserved for an answer are held otherwise now, or not at all.
    pub(super) fn release(&mut self, context: &ServerContext, bytes: usize) {
        if bytes > 0 {
            self.reserved -= bytes;
            context.budget.release(bytes);
        }
    }

    /// Bytes held for the client: responses that wait for it, and what is reserved for answers.
    pub(super) fn bytes_held(&self) -> usize {
        self.untaken() + self.reserved
    }

    /// Bytes held for responses that wait for the client.
    pub(super) fn untaken(&self) -> usize {
        let outgoing = self.outgoing.as_ref();
        outgoing.map_or(0, |outgoing| outgoing.held()) + self.held.bytes()
    }

    /// Bytes of responses that wait for the client.
    pub(super) fn queued(&self) -> usize {
        let outgoing = self.outgoing.as_ref();
        outgoing.map_or(0, |outgoing| outgoing.queued()) + self.held.bytes()
    }

    /// Bytes of responses that the client has taken.
    pub(super) fn sent(&self) -> u64 {
        let outgoing = self.outgoing.as_ref();
        outgoing.map_or(0, |outgoing| outgoing.sent())
    }

    pub(super) fn traffic(&self) -> Traffic {
        let mut traffic = self.traffic.clone();
        traffic.set_begun(self.begun, self.most_outstanding as u64);
        traffic
    }

    /// Its counters, which it has no more.
    pub(super) fn take_traffic(&mut self) -> Traffic {
        let mut traffic = std::mem::take(&mut self.traffic);
        traffic.set_begun(self.begun, self.most_outstanding as u64);
        traffic
    }
}
