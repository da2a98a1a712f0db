//! The life of a transaction, without any slave.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::*;
use crate::bus::{Renewals, READ, WRITE};

fn transaction(bytes: Vec<u8>, timeout: Duration) -> Transaction {
    let size = bytes.len() as u32;
    Transaction::new(0x100, size, READ, Some(Memory::owned(bytes)), timeout)
}

const LONG: Duration = Duration::from_secs(100);

/// What a completion was called with: the token, the outcome, the bytes.
type Word = (u64, Result<()>, Vec<u8>);

/// Keeps what it was called with.
#[derive(Default)]
struct Heard(Mutex<Vec<Word>>);

impl Completion for Heard {
    fn completed(&self, token: u64, completed: Completed) {
        let bytes = match completed.content {
            Content::Bytes(payload) => payload.as_ref().to_vec(),
            Content::Zeros(count) => vec![0; count],
        };
        self.0
            .lock()
            .unwrap()
            .push((token, completed.outcome, bytes));
    }
}

#[test]
fn it_completes_once() {
    let t = transaction(vec![0; 4], LONG);
    assert!(!t.expired());
    assert!(t.done());
    assert!(!t.fail_with("too late"));
    assert!(!t.done());
    assert!(t.expired());
    assert_eq!(t.wait(), Ok(()));
    let t = transaction(vec![0; 4], LONG);
    assert!(t.fail_with("100% wrong %s%n"));
    assert!(!t.done());
    assert_eq!(t.wait().unwrap_err().text(), "100% wrong %s%n");
}

/// A link that does nothing.
struct Still;

impl Link for Still {
    fn drive(&self, _: &Transaction, _: Option<Instant>) -> bool {
        false
    }
    fn leave(&self, _: &Transaction) {}
    fn give_up(&self, _: &Transaction) -> Option<Error> {
        None
    }
}

#[test]
fn the_time_of_what_a_link_takes_runs_at_once_unless_it_is_delayed() {
    let long_ago = Instant::now() - Duration::from_secs(10);
    let t = transaction(vec![0; 4], LONG);
    assert!(!t.set_link(Arc::new(Still), long_ago));
    assert_eq!(t.deadline(), Some(long_ago + LONG));
    t.taken();
    assert_eq!(t.deadline(), Some(long_ago + LONG));
    // A slave's sign of life, later.
    let now = Instant::now();
    t.refresh(None);
    assert!(t.deadline().unwrap() >= now + LONG);
    t.delayed();
    assert!(t.deadline().is_some());
    let t = transaction(vec![0; 4], LONG);
    t.set_link(Arc::new(Still), long_ago);
    t.delayed();
    assert_eq!(t.deadline(), None);
    t.taken();
    assert!(t.deadline().unwrap() >= now + LONG);
    // A slave passes a transaction on to a link later: its time runs already.
    let t = transaction(vec![0; 4], LONG);
    t.taken();
    let deadline = t.deadline();
    t.set_link(Arc::new(Still), Instant::now() + LONG);
    assert_eq!(t.deadline(), deadline);
    // A sign of life before `taken` has been called.
    let t = transaction(vec![0; 4], LONG);
    t.set_link(Arc::new(Still), long_ago);
    t.refresh(None);
    assert!(t.deadline().unwrap() >= now + LONG);
    // A link has taken a piece: the time of the whole does not start yet.
    let t = transaction(vec![0; 4], LONG);
    let piece = t.piece(0, 4, 0).unwrap();
    piece.set_link(Arc::new(Still), long_ago);
    assert_eq!(t.deadline(), None);
}

#[test]
fn row_16_every_waiter_on_an_id_gets_its_result() {
    let t = transaction(vec![0; 4], LONG);
    t.taken();
    let waiters: Vec<_> = (0..4)
        .map(|_| {
            let t = t.clone();
            thread::spawn(move || t.wait())
        })
        .collect();
    thread::sleep(Duration::from_millis(20));
    t.fail_with("no");
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap().unwrap_err().text(), "no");
    }
    assert_eq!(t.wait().unwrap_err().text(), "no");
}

#[test]
fn row_11_a_timeout_of_any_length_is_kept() {
    let t = transaction(vec![0; 4], Duration::from_micros(u64::MAX));
    t.taken();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| t.wait());
        thread::sleep(Duration::from_millis(30));
        assert!(!waiter.is_finished());
        t.done();
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
    let t = transaction(vec![0; 4], Duration::from_millis(20));
    t.taken();
    let error = t.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let text = format!(
        "Timeout waiting for register transaction {} message response.",
        t.id()
    );
    assert_eq!(error.text(), text);
}

#[test]
fn time_runs_only_when_the_slave_has_taken_it() {
    let t = transaction(vec![0; 4], Duration::from_millis(10));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| t.wait());
        thread::sleep(Duration::from_millis(60));
        assert!(!waiter.is_finished());
        t.taken();
        assert_eq!(
            waiter.join().unwrap().unwrap_err().kind(),
            ErrorKind::Timeout
        );
    });
}

#[test]
fn an_answer_to_an_earlier_one_renews_the_deadline() {
    let renewals = Arc::new(Renewals::default());
    let earlier = transaction(vec![0; 4], LONG);
    let t = transaction(vec![0; 4], Duration::from_millis(200));
    t.set_renewals(Arc::clone(&renewals));
    t.taken();
    let first = t.deadline().unwrap();
    let answer = Instant::now() + Duration::from_millis(50);
    renewals.answered(earlier.order(), answer);
    assert_eq!(t.deadline(), Some(answer + Duration::from_millis(200)));
    assert!(t.deadline().unwrap() > first);
    // An answer to a later transaction does not renew it.
    let later = transaction(vec![0; 4], LONG);
    renewals.answered(later.order(), answer + LONG);
    assert_eq!(t.deadline(), Some(answer + Duration::from_millis(200)));
}

#[test]
fn nothing_touches_the_memory_after_a_wait_has_returned() {
    let t = transaction(vec![0; 4], Duration::from_millis(10));
    t.taken();
    assert!(t.wait().is_err());
    let mut lock = t.lock();
    assert!(lock.bytes().is_none());
    assert!(lock.bytes_mut().is_none());
    assert!(t.start().is_none());
}

#[test]
fn a_wait_does_not_return_while_the_bytes_are_locked() {
    let t = transaction(vec![0; 4], Duration::from_millis(10));
    let mut lock = t.lock();
    t.taken();
    thread::scope(|scope| {
        let waiter = scope.spawn(|| t.wait());
        thread::sleep(Duration::from_millis(60));
        assert!(
            !waiter.is_finished(),
            "its time is over, but its bytes are in use"
        );
        lock.bytes_mut().unwrap().fill(7);
        // The slave completes it before the waiting thread can fail it.
        assert!(lock.done());
        assert_eq!(waiter.join().unwrap(), Ok(()));
    });
}

#[test]
fn locks_on_the_same_bytes_exclude_each_other() {
    let t = transaction(vec![0; 8], LONG);
    let (left, right) = (t.piece(0, 4, 0).unwrap(), t.piece(4, 4, 4).unwrap());
    let a = left.lock();
    // Another range can be locked at once, on the same thread.
    let b = right.lock();
    let (tell, told) = channel();
    thread::scope(|scope| {
        let whole = t.clone();
        scope.spawn(move || {
            let _lock = whole.lock();
            tell.send(()).unwrap();
        });
        assert!(told.recv_timeout(Duration::from_millis(30)).is_err());
        drop(a);
        assert!(told.recv_timeout(Duration::from_millis(30)).is_err());
        drop(b);
        told.recv().unwrap();
    });
}

#[test]
fn the_completion_runs_once_and_not_before_the_last_lock_is_released() {
    let heard = Arc::new(Heard::default());
    let t = transaction(vec![1, 2, 3, 4], LONG);
    t.on_completion(heard.clone(), 42);
    let mut lock = t.lock();
    t.done();
    lock.bytes_mut().unwrap()[0] = 9;
    assert!(heard.0.lock().unwrap().is_empty());
    drop(lock);
    assert_eq!(*heard.0.lock().unwrap(), [(42, Ok(()), vec![9, 2, 3, 4])]);
    // A completion that is set after the end is called at once.
    t.on_completion(heard.clone(), 43);
    assert_eq!(heard.0.lock().unwrap().len(), 2);
}

#[test]
fn a_transaction_that_is_dropped_has_failed() {
    let heard = Arc::new(Heard::default());
    let t = transaction(vec![0; 4], LONG);
    t.on_completion(heard.clone(), 1);
    let clone = t.clone();
    assert!(!t.is_last() && !clone.is_last());
    drop(t);
    assert!(clone.is_last());
    assert!(heard.0.lock().unwrap().is_empty());
    drop(clone);
    // A transaction with a weak handle is not reused: the handle must not find another one.
    let t = transaction(vec![0; 4], LONG);
    t.on_completion(heard.clone(), 2);
    let weak = Arc::downgrade(&t.0);
    drop(t);
    assert!(weak.upgrade().is_none());
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 2);
    for (_, outcome, _) in &*heard {
        let text = outcome.as_ref().unwrap_err().text();
        assert!(text.contains("dropped"), "{text}");
    }
}

#[test]
fn the_parent_completes_with_its_last_piece_and_only_when_sealed() {
    let t = transaction(vec![0; 8], LONG);
    let (a, b) = (t.piece(0, 4, 0).unwrap(), t.piece(4, 4, 4).unwrap());
    b.lock().bytes_mut().unwrap().fill(5);
    a.done();
    b.done();
    assert!(!t.completed());
    t.seal();
    assert!(t.completed());
    assert_eq!(t.wait(), Ok(()));
}

#[test]
fn row_9_the_parent_fails_with_its_first_failed_piece() {
    let t = transaction(vec![0; 12], LONG);
    let pieces: Vec<_> = (0..3).map(|n| t.piece(4 * n, 4, 0).unwrap()).collect();
    t.seal();
    pieces[1].fail_with("bus error");
    pieces[2].fail_with("another");
    assert!(!t.completed());
    pieces[0].done();
    let text = format!(
        "Transaction error. Subtransaction {} failed with error: bus error",
        pieces[1].id()
    );
    assert_eq!(t.wait().unwrap_err().text(), text);
}

#[test]
fn a_piece_that_is_dropped_fails_its_parent() {
    let t = transaction(vec![0; 8], LONG);
    let a = t.piece(0, 4, 0).unwrap();
    drop(t.piece(4, 4, 4).unwrap());
    t.seal();
    a.done();
    assert!(t.wait().unwrap_err().text().contains("dropped"));
}

#[test]
fn a_piece_must_lie_inside_its_parent() {
    let t = transaction(vec![0; 8], LONG);
    assert_eq!(t.piece(4, 5, 0).unwrap_err().kind(), ErrorKind::Size);
    assert_eq!(
        t.piece(u32::MAX, u32::MAX, 0).unwrap_err().kind(),
        ErrorKind::Size
    );
}

#[test]
fn pieces_of_pieces_share_the_memory_of_the_root() {
    let t = transaction((0..8).collect(), LONG);
    let half = t.piece(4, 4, 0).unwrap();
    let quarter = half.piece(2, 2, 0).unwrap();
    half.seal();
    t.seal();
    assert_eq!(quarter.lock().bytes().unwrap(), [6, 7]);
    quarter.lock().bytes_mut().unwrap().fill(0xFF);
    assert!(quarter.done());
    assert_eq!(t.wait(), Ok(()));
    // The master has its memory back: no piece can reach it.
    assert!(quarter.lock().bytes().is_none());
    assert!(half.start().is_none());
}

#[test]
fn memory_can_come_later() {
    let t = Transaction::new(0, 4, WRITE, None, LONG);
    assert!(t.lock().bytes().is_none());
    t.provide(Memory::owned(vec![1; 4]));
    t.provide(Memory::owned(vec![2; 4]));
    assert_eq!(t.lock().bytes().unwrap(), [1; 4]);
}

#[test]
fn completion_and_deadline_at_the_same_time_agree() {
    // The first of the two decides, and all threads see the same outcome.
    for _ in 0..if cfg!(miri) { 10 } else { 200 } {
        let t = transaction(vec![0; 4], Duration::from_micros(50));
        let agreed = AtomicUsize::new(0);
        t.taken();
        thread::scope(|scope| {
            let first = scope.spawn(|| t.wait());
            let second = scope.spawn(|| t.wait());
            if t.done() {
                agreed.store(1, Ordering::SeqCst);
            }
            let (first, second) = (first.join().unwrap(), second.join().unwrap());
            assert_eq!(first, second);
            assert_eq!(first.is_ok(), agreed.load(Ordering::SeqCst) == 1);
        });
    }
}

#[test]
fn small_memory_is_inside_the_transaction_and_aligned() {
    for size in [1, 4, 16, 17, 64] {
        let many: Vec<_> = (0..20)
            .map(|_| {
                let t = Transaction::new(0, size, READ, None, LONG);
                t.provide_zeros();
                t
            })
            .collect();
        for t in &many {
            assert_eq!(t.start().unwrap().as_ptr() as usize % 8, 0);
            assert_eq!(t.lock().bytes().unwrap(), vec![0; size as usize]);
        }
        let heard = Arc::new(Heard::default());
        let (time, bytes) = ((LONG, None), vec![7; size as usize]);
        let completion: (Arc<dyn Completion>, u64) = (heard.clone(), 0);
        let copied = Transaction::for_other(0, size, READ, time, completion, Some(&bytes));
        // The memory that it has stays.
        copied.provide_zeros();
        assert_eq!(copied.lock().bytes().unwrap(), vec![7; size as usize]);
        // The completion gets the bytes.
        copied.done();
        assert_eq!(*heard.0.lock().unwrap(), [(0, Ok(()), bytes)]);
    }
}

#[test]
fn bytes_that_nobody_touches_are_told_as_zeros() {
    struct Zeros(Mutex<Vec<Option<usize>>>);
    impl Completion for Zeros {
        fn completed(&self, _: u64, completed: Completed) {
            self.0.lock().unwrap().push(match completed.content {
                Content::Zeros(count) => Some(count),
                Content::Bytes(_) => None,
            });
        }
    }
    let heard = Arc::new(Zeros(Mutex::default()));
    let touch: [fn(&Transaction); 6] = [
        |_| {},
        |t| drop(t.lock()),
        |t| assert!(t.append(0, &[1])),
        |t| assert_eq!(t.lock().bytes(), Some(&[0; 64][..])),
        |t| assert_eq!(t.lock().bytes_mut(), Some(&mut [0; 64][..])),
        |t| assert!(t.start().is_some()),
    ];
    for touch in touch {
        let t = Transaction::new(0, 64, READ, None, LONG);
        t.provide_zeros();
        t.on_completion(heard.clone(), 0);
        touch(&t);
        t.done();
        assert!(!t.append(0, &[1]), "it is over");
    }
    let [none, lock, touched @ ..] = &heard.0.lock().unwrap()[..] else {
        panic!("all are told");
    };
    assert_eq!((none, lock), (&Some(64), &Some(64)));
    assert_eq!(touched, [None; 4]);
}

#[test]
fn a_lock_that_is_looked_into_late_sees_what_the_others_wrote() {
    let t = Transaction::new(0, 64, READ, None, LONG);
    t.provide_zeros();
    let (a, b) = (t.piece(0, 32, 0).unwrap(), t.piece(32, 32, 32).unwrap());
    let (mut a, mut b) = (a.lock(), b.lock());
    b.bytes_mut().unwrap().fill(5);
    assert_eq!(a.bytes(), Some(&[0; 32][..]));
    a.bytes_mut().unwrap().fill(6);
    assert_eq!(b.bytes(), Some(&[5; 32][..]));
    drop((a, b));
    assert_eq!(t.lock().bytes(), Some(&[[6; 32], [5; 32]].concat()[..]));
}
