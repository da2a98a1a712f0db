//! The end of a transaction: it comes once, whoever brings it, and never while its bytes are locked.

mod check;

use loom::thread;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::Duration;

use check::check;
use rogue_memory_bridge_model::bus::{Completed, Completion, Memory, Transaction, READ};
use rogue_memory_bridge_model::error::{Error, ErrorKind};

fn failure() -> Error {
    Error::new(ErrorKind::Failed, "as the slave says")
}

/// A transaction whose time is over as soon as the slave has taken it.
fn short() -> Transaction {
    Transaction::new(0, 4, READ, Some(Memory::owned(vec![0; 4])), Duration::ZERO)
}

/// Counts how often it is told, and keeps whether all was well.
#[derive(Default)]
struct Count {
    times: AtomicU32,
    well: AtomicBool,
}

impl Completion for Count {
    fn completed(&self, _: u64, completed: Completed) {
        self.times.fetch_add(1, Ordering::Relaxed);
        self.well
            .store(completed.outcome.is_ok(), Ordering::Relaxed);
    }
}

#[test]
fn one_of_done_fail_and_timeout_wins() {
    check(Some(4), || {
        let (transaction, count) = (short(), Arc::<Count>::default());
        assert!(transaction.on_completion(Arc::clone(&count) as Arc<dyn Completion>, 0));
        let (a, b) = (transaction.clone(), transaction.clone());
        let done = thread::spawn(move || a.done());
        let fail = thread::spawn(move || b.fail(failure()));
        transaction.taken();
        let expired = transaction.expire();
        let outcome = transaction.wait();
        let (done, fail) = (done.join().unwrap(), fail.join().unwrap());
        assert_eq!([done, fail, expired].iter().filter(|won| **won).count(), 1);
        let kind = outcome.as_ref().err().map(Error::kind);
        assert_eq!(done, kind.is_none());
        assert_eq!(fail, kind == Some(ErrorKind::Failed));
        assert_eq!(expired, kind == Some(ErrorKind::Timeout));
        assert_eq!(count.times.load(Ordering::Relaxed), 1);
        assert_eq!(count.well.load(Ordering::Relaxed), done);
    });
}

#[test]
fn all_who_wait_get_the_same_outcome() {
    check(Some(3), || {
        let transaction = short();
        let handles = [transaction.clone(), transaction.clone()];
        let waiters = handles.map(|handle| thread::spawn(move || handle.wait().is_ok()));
        transaction.taken();
        let done = transaction.done();
        for waiter in waiters {
            assert_eq!(waiter.join().unwrap(), done);
        }
    });
}

#[test]
fn who_comes_late_is_told_once() {
    check(None, || {
        let (transaction, count) = (short(), Arc::<Count>::default());
        let handle = transaction.clone();
        let done = thread::spawn(move || handle.done());
        assert!(transaction.on_completion(Arc::clone(&count) as Arc<dyn Completion>, 0));
        assert!(done.join().unwrap());
        assert_eq!(count.times.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn no_wait_returns_while_the_bytes_are_locked() {
    check(Some(4), || {
        let transaction = short();
        let handle = transaction.clone();
        let held = Arc::<AtomicBool>::default();
        let holds = Arc::clone(&held);
        let slave = thread::spawn(move || {
            let lock = handle.lock();
            let has = lock.bytes().is_some();
            holds.store(has, Ordering::Relaxed);
            let done = handle.done();
            holds.store(false, Ordering::Relaxed);
            drop(lock);
            (has, done)
        });
        transaction.taken();
        let outcome = transaction.wait();
        assert!(!held.load(Ordering::Relaxed), "the slave has the bytes");
        assert!(transaction.lock().bytes().is_none(), "the master has them");
        let (has, done) = slave.join().unwrap();
        assert_eq!(outcome.is_ok(), done);
        assert!(has || !done, "a slave without the bytes is too late");
    });
}

#[test]
fn the_last_piece_completes_the_whole() {
    check(Some(3), || {
        let (whole, count) = (short(), Arc::<Count>::default());
        assert!(whole.on_completion(Arc::clone(&count) as Arc<dyn Completion>, 0));
        let [a, b] = [0, 2].map(|offset| whole.piece(offset, 2, 0).unwrap());
        let seen = [a.clone(), b.clone()];
        let first = thread::spawn(move || {
            let lock = a.lock();
            a.done();
            drop(lock);
        });
        let second = thread::spawn(move || b.done());
        whole.seal();
        assert!(whole.wait().is_ok());
        assert!(seen.iter().all(Transaction::completed));
        first.join().unwrap();
        assert!(second.join().unwrap());
        assert_eq!(count.times.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn a_whole_with_a_failed_piece_fails_whichever_thread_completes_it() {
    check(Some(3), || {
        let whole = short();
        let piece = whole.piece(0, 4, 0).unwrap();
        let fails = thread::spawn(move || piece.fail(failure()));
        // The last piece and this may both find that the whole has ended.
        whole.seal();
        assert!(whole.wait().is_err());
        assert!(fails.join().unwrap());
    });
}
