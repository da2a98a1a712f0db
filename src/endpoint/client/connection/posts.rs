//! Posted writes: complete when they have been sent, and lost without a word when the connection is
//! lost before the server's host has acknowledged them.

use std::collections::VecDeque;
use std::sync::{MutexGuard, PoisonError};

use super::figures::over_as;
use super::Connection;
use crate::bus::Transaction;
use crate::endpoint::client::link::Shared;
use crate::endpoint::socket;
use crate::endpoint::stats::{End, Unacknowledged};

/// After as many posts it is looked which of them have been acknowledged.
const LOOK_AFTER: usize = 1024;

#[derive(Default)]
pub(super) struct Posts {
    /// Posts of which some still waits to be sent, each with the mark that shows its end.
    pub(super) waiting: VecDeque<(u64, Transaction)>,
    /// The marks of those that were sent, and not acknowledged as far as is known.
    sent: VecDeque<u64>,
    /// How many those may become before the kernel is asked.
    look_at: usize,
}

impl Posts {
    /// A post has been sent, up to `mark`. `acknowledged` tells up to where that is known.
    pub(super) fn sent(&mut self, mark: u64, acknowledged: impl FnOnce() -> u64) {
        self.sent.push_back(mark);
        if self.sent.len() < self.look_at.max(LOOK_AFTER) {
            return;
        }
        let acknowledged = acknowledged();
        while self.sent.front().is_some_and(|&mark| mark <= acknowledged) {
            self.sent.pop_front();
        }
        self.look_at = 2 * self.sent.len();
    }

    fn beyond(&self, acknowledged: u64) -> usize {
        self.sent
            .iter()
            .filter(|&&mark| mark > acknowledged)
            .count()
    }
}

impl Connection {
    pub(super) fn posts_sent(&self, shared: &Shared) {
        let mut posts = self.posts();
        if posts.waiting.is_empty() {
            return;
        }
        let sent = self.outgoing.sent();
        let mut done = Vec::new();
        while posts.waiting.front().is_some_and(|&(mark, _)| mark <= sent) {
            let Some((mark, transaction)) = posts.waiting.pop_front() else {
                break;
            };
            posts.sent(mark, || self.acknowledged());
            done.push(transaction);
        }
        drop(posts);
        for transaction in done {
            transaction.done();
            self.count(shared, &over_as(&transaction, End::Done));
        }
    }

    /// A post has been sent at once, up to `mark`.
    pub(super) fn post_sent(&self, mark: u64) {
        self.posts().sent(mark, || self.acknowledged());
    }

    pub(super) fn take_post(&self, transaction: &Transaction) -> bool {
        let mut posts = self.posts();
        let before = posts.waiting.len();
        posts.waiting.retain(|(_, post)| !post.same(transaction));
        posts.waiting.len() < before
    }

    /// Bytes of requests that the server's host has acknowledged.
    fn acknowledged(&self) -> u64 {
        let missing = socket::unacknowledged(&self.requests);
        self.outgoing.sent().saturating_sub(missing)
    }

    /// What was sent and has not been acknowledged. To be asked before the sockets are closed.
    pub(super) fn unacknowledged(&self) -> Unacknowledged {
        let acknowledged = self.acknowledged();
        Unacknowledged {
            bytes: self.outgoing.sent() - acknowledged,
            posts: self.posts().beyond(acknowledged) as u64,
        }
    }

    pub(super) fn posts(&self) -> MutexGuard<'_, Posts> {
        self.posts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_are_kept_until_they_are_acknowledged() {
        let mut posts = Posts::default();
        let mark = |n: usize| 60 * (n as u64 + 1);
        for n in 0..100_000 {
            // The host acknowledges all but the last 500 of them.
            posts.sent(mark(n), || mark(n.saturating_sub(500)));
            assert!(posts.sent.len() <= LOOK_AFTER, "{}", posts.sent.len());
        }
        assert_eq!(posts.beyond(mark(99_989)), 10);
        assert_eq!(posts.beyond(mark(99_989) - 1), 11);
        assert_eq!(posts.beyond(u64::MAX), 0);
    }

    #[test]
    fn what_is_never_acknowledged_costs_few_looks() {
        let mut posts = Posts::default();
        let mut looks = 0;
        for mark in 0..1_000_000 {
            posts.sent(mark, || {
                looks += 1;
                0
            });
        }
        assert!(looks <= 12, "{looks}");
    }
}
