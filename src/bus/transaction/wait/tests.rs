//! A thread that waits while another one drives its transaction, and changes of the state just
//! before it sleeps.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::bus::{Completed, Completion, Memory, READ};

const LONG: Duration = Duration::from_secs(100);

/// A link whose `drive` calls a closure, with the number of the call.
struct Acting<F>(F, AtomicUsize);

impl<F: Fn(&Transaction, usize) -> bool + Send + Sync> Link for Acting<F> {
    fn drive(&self, transaction: &Transaction, _: Option<Instant>) -> bool {
        (self.0)(transaction, self.1.fetch_add(1, Ordering::Relaxed))
    }

    fn leave(&self, _: &Transaction) {}

    fn poll(&self) {
        self.1.fetch_add(1, Ordering::Relaxed);
    }

    fn give_up(&self, _: &Transaction) -> Option<Error> {
        None
    }
}

/// A transaction with an [`Acting`] link.
fn driven<F>(timeout: Duration, act: F) -> (Transaction, Arc<Acting<F>>)
where
    F: Fn(&Transaction, usize) -> bool + Send + Sync + 'static,
{
    let t = Transaction::new(0, 4, READ, Some(Memory::owned(vec![0; 4])), timeout);
    let link = Arc::new(Acting(act, AtomicUsize::new(0)));
    t.set_link(link.clone(), Instant::now());
    (t, link)
}

#[test]
fn a_nudge_before_the_thread_sleeps_is_not_lost() {
    let (t, link) = driven(LONG, |t, call| {
        if call == 0 {
            t.nudge();
            return false;
        }
        t.done()
    });
    assert_eq!(t.wait(), Ok(()));
    assert_eq!(link.1.load(Ordering::Relaxed), 2);
}

#[test]
fn time_that_begins_before_the_thread_sleeps_is_kept() {
    let (t, _) = driven(Duration::from_millis(20), |t, call| {
        if call == 0 {
            t.taken();
        }
        false
    });
    t.delayed();
    assert_eq!(t.deadline(), None);
    assert_eq!(t.wait().unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn time_that_is_over_before_the_thread_sleeps_is_over() {
    let (t, _) = driven(Duration::from_millis(5), |_, _| {
        std::thread::sleep(Duration::from_millis(20));
        false
    });
    assert_eq!(t.wait().unwrap_err().kind(), ErrorKind::Timeout);
}

#[test]
fn a_look_works_through_what_has_come_and_sees_the_end_or_that_time_is_over() {
    let (t, link) = driven(LONG, |_, _| false);
    assert!(!t.poll());
    assert_eq!(link.1.load(Ordering::Relaxed), 1);
    t.done();
    assert!(t.poll());
    let (t, _) = driven(Duration::ZERO, |_, _| false);
    assert!(t.poll());
    assert_eq!(t.wait().unwrap_err().kind(), ErrorKind::Timeout);

    /// A link whose `poll` completes its transaction.
    struct Completing(std::sync::OnceLock<Transaction>);
    impl Link for Completing {
        fn drive(&self, _: &Transaction, _: Option<Instant>) -> bool {
            false
        }
        fn leave(&self, _: &Transaction) {}
        fn poll(&self) {
            self.0.get().unwrap().done();
        }
        fn give_up(&self, _: &Transaction) -> Option<Error> {
            None
        }
    }
    let t = Transaction::new(0, 4, READ, Some(Memory::owned(vec![0; 4])), LONG);
    let link = Arc::new(Completing(std::sync::OnceLock::new()));
    t.set_link(link.clone(), Instant::now());
    assert!(link.0.set(t.clone()).is_ok());
    assert!(t.poll());
}

#[test]
fn a_link_is_told_whether_anybody_waits() {
    struct Deaf;
    impl Completion for Deaf {
        fn completed(&self, _: u64, _: Completed) {}
    }
    let (t, link) = driven(LONG, |_, _| false);
    let (now, link) = (Instant::now(), || -> Arc<dyn Link> { link.clone() });
    assert!(!t.set_link(link(), now));
    let piece = t.piece(0, 4, 0).unwrap();
    assert!(piece.set_link(link(), now));
    t.on_completion(Arc::new(Deaf), 0);
    assert!(t.set_link(link(), now));
}
