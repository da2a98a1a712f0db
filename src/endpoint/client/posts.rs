//! Posted writes: complete when they have been sent, and lost without an error when the connection
//! is lost before the server's host has acknowledged them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bus::Transaction;

/// After this many Posts the kernel is asked which of them have been acknowledged.
const ASK_AFTER: usize = 1024;

/// The Posts of a connection. Positions are bytes since the beginning of the connection, see
/// [`Outgoing::sent`](crate::endpoint::outgoing::Outgoing::sent).
#[derive(Default)]
pub(super) struct Posts(Mutex<Queues>);

#[derive(Default)]
struct Queues {
    /// Posts that have not been sent whole, each with the position of its end.
    waiting: VecDeque<(u64, Transaction)>,
    /// The ends of those that were sent and, as far as is known, not acknowledged.
    unacknowledged: VecDeque<u64>,
    /// Length of `unacknowledged` at which the kernel is asked.
    ask_at: usize,
}

impl Posts {
    /// A Post waits to be sent, up to `end`.
    pub(super) fn wait(&self, end: u64, transaction: &Transaction) {
        self.lock().waiting.push_back((end, transaction.clone()));
    }

    /// A Post was sent at once, up to `end`. `acknowledged` asks the kernel up to where the stream
    /// has been acknowledged.
    pub(super) fn sent_at_once(&self, end: u64, acknowledged: impl FnOnce() -> u64) {
        self.lock().sent(end, acknowledged);
    }

    /// Removes the Posts that have been sent. `sent` returns the position up to which bytes have
    /// been sent.
    pub(super) fn take_sent(
        &self,
        sent: impl FnOnce() -> u64,
        acknowledged: impl Fn() -> u64,
    ) -> Vec<Transaction> {
        let mut queues = self.lock();
        let mut done = Vec::new();
        if queues.waiting.is_empty() {
            return done;
        }
        let sent = sent();
        while queues.waiting.front().is_some_and(|(end, _)| *end <= sent) {
            let Some((end, transaction)) = queues.waiting.pop_front() else {
                break;
            };
            queues.sent(end, &acknowledged);
            done.push(transaction);
        }
        done
    }

    /// Removes a Post that waits; false if it does not.
    pub(super) fn take(&self, transaction: &Transaction) -> bool {
        let mut queues = self.lock();
        let before = queues.waiting.len();
        queues.waiting.retain(|(_, post)| !post.same(transaction));
        queues.waiting.len() < before
    }

    /// Removes all Posts that wait.
    pub(super) fn take_all(&self) -> impl Iterator<Item = Transaction> {
        let waiting = std::mem::take(&mut self.lock().waiting);
        waiting.into_iter().map(|(_, transaction)| transaction)
    }

    /// How many were sent and end beyond the position `acknowledged`.
    pub(super) fn beyond(&self, acknowledged: u64) -> usize {
        let queues = self.lock();
        let beyond = queues
            .unacknowledged
            .iter()
            .filter(|&&end| end > acknowledged);
        beyond.count()
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queues {
    fn sent(&mut self, end: u64, acknowledged: impl FnOnce() -> u64) {
        self.unacknowledged.push_back(end);
        if self.unacknowledged.len() < self.ask_at.max(ASK_AFTER) {
            return;
        }
        let acknowledged = acknowledged();
        let first = self
            .unacknowledged
            .partition_point(|&end| end <= acknowledged);
        self.unacknowledged.drain(..first);
        self.ask_at = 2 * self.unacknowledged.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn posts_are_kept_until_they_are_acknowledged() {
        let posts = Posts::default();
        let end = |n: usize| 60 * (n as u64 + 1);
        for n in 0..100_000 {
            // The host acknowledges all but the last 500 of them.
            posts.sent_at_once(end(n), || end(n.saturating_sub(500)));
            let kept = posts.lock().unacknowledged.len();
            assert!(kept <= ASK_AFTER, "{kept}");
        }
        assert_eq!(posts.beyond(end(99_989)), 10);
        assert_eq!(posts.beyond(end(99_989) - 1), 11);
        assert_eq!(posts.beyond(u64::MAX), 0);
    }

    #[test]
    fn the_kernel_is_seldom_asked_about_posts_that_are_never_acknowledged() {
        let (posts, asked) = (Posts::default(), Cell::new(0));
        for end in 0..1_000_000 {
            posts.sent_at_once(end, || {
                asked.set(asked.get() + 1);
                0
            });
        }
        assert!(asked.get() <= 12, "{}", asked.get());
    }
}
