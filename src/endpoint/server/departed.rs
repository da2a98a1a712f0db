//! What clients that have gone have left with the slave.
//!
//! Nobody reads the answer of a Read, so it fails at once. A Write is carried out, and counts
//! against `max_outstanding` for a while: a program that posts and exits has its writes carried out
//! one after the other. After that a transaction is *abandoned*: it does not count until there are
//! many of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::context::{nanos, ServerContext};
use super::peer::Peer;
use super::queued::answer_bytes;
use crate::bus::{Kind, Transaction, WeakTransaction};
use crate::error::{Error, ErrorKind};

/// How long a Write of a client that has gone counts against `max_outstanding`.
const GRACE: Duration = Duration::from_secs(1);
/// The longest time that the slave may keep an abandoned transaction.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often to look whether the slave has let go of them.
const LOOK: Duration = Duration::from_millis(50);

/// See the [module](self). Guarded by the registry's lock.
#[derive(Default)]
pub(super) struct Departed {
    abandoned: Abandoned,
    /// Clients that have transactions which count, and when these are abandoned.
    leaving: VecDeque<(Instant, Arc<Peer>)>,
}

/// Transactions to complete, or to drop, when no lock is held.
#[derive(Default)]
#[must_use]
pub(super) struct Left {
    /// Their clients have gone.
    abandoned: Vec<Transaction>,
    /// The slave has had its time for them.
    lost: Vec<Transaction>,
}

impl Left {
    /// Fails the Reads and Verifies, so that the slave sees that they are over, and what the slave
    /// has lost.
    pub(super) fn fail(self) {
        let gone = || Error::new(ErrorKind::ConnectionLost, "The client has gone");
        for transaction in &self.abandoned {
            if matches!(transaction.kind(), Kind::Read | Kind::Verify) {
                transaction.fail(gone());
            }
        }
        for transaction in &self.lost {
            // If its time does not end, the slave holds its bytes.
            if !transaction.end_time() {
                transaction.fail(gone());
            }
        }
    }
}

impl Departed {
    /// A client has gone. What it reads is abandoned at once.
    pub(super) fn leave(&mut self, context: &ServerContext, peer: &Arc<Peer>) -> Left {
        let now = Instant::now();
        let one = context.settings.max_outstanding.get() == 1;
        let abandoned = self.abandon(context, peer, 0, !one, now);
        self.abandon_later(context, peer, now);
        Left {
            abandoned,
            ..Left::default()
        }
    }

    /// What the slave still has of a client that has gone is abandoned after a while.
    pub(super) fn abandon_later(
        &mut self,
        context: &ServerContext,
        peer: &Arc<Peer>,
        now: Instant,
    ) {
        let at = now.checked_add(grace(context));
        if let Some(at) = at.filter(|_| peer.lock().hands.count() > 0) {
            self.leaving.push_back((at, Arc::clone(peer)));
            context.housekeep.notify_one();
        }
    }

    /// Abandons what was handed out by `at`, and with `reads` all that reads.
    fn abandon(
        &mut self,
        context: &ServerContext,
        peer: &Peer,
        at: u64,
        reads: bool,
        now: Instant,
    ) -> Vec<Transaction> {
        let mut left = Vec::new();
        peer.lock().hands.let_go(at, reads, &mut left);
        let limit = context.settings.timeout.get().min(LONGEST);
        for transaction in &left {
            context.load.uncount();
            // The memory of its answer counts until the slave lets go of it, even after it has
            // failed.
            let bytes = answer_bytes(transaction.kind().number(), transaction.size());
            context.budget.reserve(bytes);
            self.abandoned
                .add(transaction, bytes, now.checked_add(limit));
        }
        context.load.set_abandoned(self.abandoned.len());
        left
    }

    /// Abandons what has counted for long enough, and forgets what the slave has let go of. Also
    /// returns when to look again; `None` if there was nothing to look at.
    pub(super) fn look(
        &mut self,
        context: &ServerContext,
        now: Instant,
    ) -> Option<(Left, Option<Instant>)> {
        if self.leaving.is_empty() && self.abandoned.len() == 0 {
            return None;
        }
        let before = context.clock().saturating_sub(nanos(grace(context)));
        let (mut left, mut still) = (Left::default(), Vec::new());
        while self.leaving.front().is_some_and(|(at, _)| *at <= now) {
            if let Some((_, peer)) = self.leaving.pop_front() {
                let abandoned = self.abandon(context, &peer, before, false, now);
                left.abandoned.extend(abandoned);
                still.push(peer);
            }
        }
        for peer in still {
            // Some were handed out after it had gone.
            self.abandon_later(context, &peer, now);
        }
        let freed = self.abandoned.look(now, &mut left.lost);
        context.budget.release(freed);
        context.load.set_abandoned(self.abandoned.len());
        let most = context.settings.max_outstanding.get();
        let pause = match self.abandoned.len() {
            0 => None,
            count if count < most && self.abandoned.bytes == 0 => Some(20 * LOOK),
            _ => Some(LOOK),
        };
        let next = self.leaving.front().map(|(at, _)| *at);
        let again = pause.map(|pause| now + pause);
        Some((left, next.into_iter().chain(again).min()))
    }
}

/// How long what a client that has gone has written counts. A slave that has one transaction at a
/// time has that one to itself for longer.
fn grace(context: &ServerContext) -> Duration {
    match context.settings.max_outstanding.get() {
        1 => context.settings.keep_alive.get(),
        _ => GRACE,
    }
}

/// Transactions that the slave still has though nobody waits for them.
#[derive(Default)]
struct Abandoned {
    transactions: Vec<AbandonedTransaction>,
    /// Bytes that they hold.
    bytes: usize,
}

struct AbandonedTransaction {
    transaction: WeakTransaction,
    bytes: usize,
    until: Option<Instant>,
}

impl Abandoned {
    fn len(&self) -> usize {
        self.transactions.len()
    }

    /// Adds one that holds `bytes` of its own. It counts until the slave lets go of it, and at most
    /// until `until`: a slave that has lost it never does.
    fn add(&mut self, transaction: &Transaction, bytes: usize, until: Option<Instant>) {
        self.bytes += bytes;
        self.transactions.push(AbandonedTransaction {
            transaction: transaction.downgrade(),
            bytes,
            until,
        });
    }

    /// Forgets those that the slave has let go of, and those that it has lost, which go to `lost`.
    /// Returns how many bytes they held.
    fn look(&mut self, now: Instant, lost: &mut Vec<Transaction>) -> usize {
        let before = self.bytes;
        let bytes = &mut self.bytes;
        self.transactions.retain(|left| {
            if left.transaction.is_alive() && left.until.is_none_or(|until| until > now) {
                return true;
            }
            *bytes -= left.bytes;
            lost.extend(left.transaction.upgrade());
            false
        });
        before - self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_abandoned_counts_until_the_slave_lets_go() {
        let transaction = || Transaction::new(0, 4, Kind::Read, None, Duration::MAX);
        let now = Instant::now();
        let mut abandoned = Abandoned::default();
        let (held, lost) = (transaction(), transaction());
        abandoned.add(&held, 10, None);
        abandoned.add(&lost, 5, Some(now + Duration::from_secs(9)));
        let mut gone = Vec::new();
        assert_eq!(abandoned.look(now, &mut gone), 0);
        drop(held);
        assert_eq!(abandoned.look(now, &mut gone), 10);
        assert_eq!((abandoned.len(), abandoned.bytes), (1, 5));
        assert!(gone.is_empty());
        assert_eq!(abandoned.look(now + Duration::from_secs(9), &mut gone), 5);
        assert!(abandoned.len() == 0 && gone[0].same(&lost));
    }
}
