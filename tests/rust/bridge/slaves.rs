//! Slaves of every temper behind a server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Hub, Slave, SlaveBase, Transaction, POST, READ, WRITE};
use rogue_memory_bridge::endpoint::ServerOptions;
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{eventually, pattern, Acting, Asking, Keeper, Served};

#[test]
fn row_4_an_error_text_crosses_the_bridge_as_data() {
    let slave = Acting::new(1, 0, |transaction| {
        transaction.fail_with("100%s%n of \"them\"\t\u{e9}");
    });
    let served = Served::new(slave);
    let asking = Asking::new(served.port());
    let error = asking.read(0, 4).unwrap_err();
    assert_eq!(
        (error.kind(), error.text()),
        (ErrorKind::Failed, "100%s%n of \"them\"\t\u{e9}")
    );
}

#[test]
fn row_5_a_long_error_text_is_cut_and_arrives() {
    let slave = Acting::new(1, 0, |transaction| {
        transaction.fail_with("\u{e9}".repeat(5000));
    });
    let served = Served::new(slave);
    let error = Asking::new(served.port()).read(0, 4).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert_eq!(error.text(), "\u{e9}".repeat(499));
}

#[test]
fn row_6_a_failed_post_is_counted() {
    let served = Served::new(Arc::new(Emulate::new(4, 64)));
    let asking = Asking::new(served.port());
    asking.put(0, &[1, 2, 3, 4], POST).unwrap();
    asking.put(2, &[1, 2, 3, 4], POST).unwrap();
    asking.put(0, &[1, 2], POST).unwrap();
    asking.put(0, &[0; 128], POST).unwrap();
    // The posts before it have been carried out when the read has.
    assert_eq!(asking.read(0, 4).unwrap(), [1, 2, 3, 4]);
    assert_eq!(served.server.failed_posts(), 3);
}

#[test]
fn row_13_transactions_overlap_up_to_the_limit() {
    for limit in [1, 4, 32] {
        let keeper = Keeper::new();
        let options = ServerOptions::default().with_max_outstanding(limit);
        let served = Served::with(keeper.clone(), 0, options);
        let asking = Asking::new(served.port());
        let mut words = vec![[0u8; 4]; 40];
        for word in &mut words {
            asking.ask(0, word, READ);
        }
        let mut left = words.len();
        while left > 0 {
            let batch = keeper.take(limit.min(left));
            // No more than that are in its hands, however long it takes.
            std::thread::sleep(Duration::from_millis(5));
            assert_eq!(keeper.count(), 0);
            assert!(batch.len() <= limit);
            left -= batch.len();
            for transaction in batch {
                transaction.done();
            }
        }
        asking.master.wait(0).unwrap();
    }
}

#[test]
fn a_slave_that_answers_from_its_own_thread() {
    let slave = Acting::new(1, 0, |transaction| {
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1));
            let mut lock = transaction.lock();
            lock.bytes_mut().unwrap().fill(0x5A);
            lock.done();
        });
    });
    let served = Served::new(slave);
    let asking = Asking::new(served.port());
    for _ in 0..50 {
        assert_eq!(asking.read(0, 4).unwrap(), [0x5A; 4]);
    }
}

#[test]
fn a_slave_that_drops_a_transaction_has_failed_it() {
    let served = Served::new(Acting::new(1, 0, drop));
    let error = Asking::new(served.port()).read(0, 4).unwrap_err();
    assert!(error.text().contains("dropped the transaction"), "{error}");
}

#[test]
fn row_25_a_slave_that_panics_fails_its_transaction_and_the_server_lives() {
    let slave = Acting::new(1, 0, |transaction| {
        assert!(transaction.address() != 0x666, "no such register");
        transaction.done();
    });
    let served = Served::new(slave);
    let asking = Asking::new(served.port());
    let error = asking.read(0x666, 4).unwrap_err();
    assert!(
        error
            .text()
            .contains("The slave panicked: no such register"),
        "{error}"
    );
    asking.read(0, 4).unwrap();
}

#[test]
fn row_7_stop_is_bounded_with_responses_pending() {
    let keeper = Keeper::new();
    let mut served = Served::new(keeper.clone());
    let asking = Asking::new(served.port());
    let mut word = [0; 4];
    asking.ask(0, &mut word, READ);
    let kept = keeper.take(1);
    asking.client.stop();
    let begun = Instant::now();
    served.stop();
    served.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    // What completes now has nowhere to go, and does no harm.
    kept[0].done();
    assert_eq!(
        asking.master.wait(0).unwrap_err().kind(),
        ErrorKind::Stopped
    );
}

#[test]
fn stop_does_not_wait_for_a_slave_that_is_blocked() {
    let (entered, leave) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(())));
    let held = leave.lock().unwrap();
    let slave = {
        let (entered, leave) = (entered.clone(), leave.clone());
        Acting::new(1, 0, move |transaction| {
            entered.fetch_add(1, Ordering::SeqCst);
            drop(leave.lock());
            transaction.done();
        })
    };
    let mut served = Served::new(slave);
    let asking = Asking::new(served.port());
    let mut word = [0; 4];
    asking.ask(0, &mut word, READ);
    eventually("the slave is at work", || {
        entered.load(Ordering::SeqCst) == 1
    });
    let begun = Instant::now();
    served.stop();
    assert!(
        begun.elapsed() < Duration::from_secs(2),
        "{:?}",
        begun.elapsed()
    );
    drop(held);
    asking.client.stop();
    let _ = asking.master.wait(0);
}

#[test]
fn hubs_on_both_sides() {
    let behind = Arc::new(Hub::new(0x100, 0, 0));
    behind.master().set_slave(Arc::new(Emulate::new(4, 4)));
    let served = Served::new(behind);
    let asking = Asking::new(served.port());
    let before = Arc::new(Hub::new(0x10, 0, 0));
    before
        .master()
        .set_slave(asking.client.clone() as Arc<dyn Slave>);
    asking.master.set_slave(before);
    let data = pattern(64, 1);
    asking.write(0, &data).unwrap();
    assert_eq!(asking.read(0, 64).unwrap(), data);
    assert_eq!(asking.read(60, 4).unwrap(), data[60..]);
    // 0x10 + 0x100 + 2 is no multiple of 4: a piece's error is the whole's.
    let error = asking.read(2, 8).unwrap_err();
    assert!(
        error.text().contains("Address 0x112 is not a multiple"),
        "{error}"
    );
}

#[test]
fn a_split_on_the_client_side_completes_though_nobody_reads_for_its_pieces() {
    struct Narrow(Arc<dyn Slave>);
    impl Slave for Narrow {
        fn do_transaction(&self, transaction: rogue_memory_bridge::bus::Transaction) {
            self.0.do_transaction(transaction);
        }
        fn base(&self) -> &SlaveBase {
            self.0.base()
        }
        fn min_access(&self) -> u32 {
            4
        }
        fn max_access(&self) -> u32 {
            8
        }
    }
    let served = Served::memory();
    let asking = Asking::new(served.port());
    let hub = Arc::new(Hub::new(0x40, 0, 0));
    hub.master()
        .set_slave(Arc::new(Narrow(asking.client.clone())));
    asking.master.set_slave(hub);
    let data = pattern(1000, 3);
    for _ in 0..20 {
        asking.put(0, &data, WRITE).unwrap();
        assert_eq!(asking.read(0, 1000).unwrap(), data);
    }
}

/// How a slave answers a Read of so many bytes, in order of address: not at all, in parts, with a
/// part missing, with a part and then a lock.
fn answer_in_part(transaction: &Transaction) {
    let size = transaction.size() as usize;
    let (first, second) = (size / 3, size / 2);
    match transaction.address() {
        0 => {}
        1 => {
            assert!(transaction.append(0, &pattern(size, 1)));
            assert!(!transaction.append(0, &[9]));
        }
        2 => {
            assert!(transaction.append(0, &pattern(first, 2)));
            assert!(transaction.append(first, &pattern(second - first, 3)));
            assert!(!transaction.append(second + 1, &[9]));
        }
        _ => {
            assert!(transaction.append(0, &pattern(first, 4)));
            let mut lock = transaction.lock();
            assert!(lock.bytes().unwrap()[first..].iter().all(|&byte| byte == 0));
            lock.bytes_mut().unwrap()[size - 1] = 9;
            drop(lock);
            assert!(!transaction.append(first, &[9]));
        }
    }
    assert!(!transaction.append(size, &[9]));
    transaction.done();
}

#[test]
fn what_a_slave_does_not_write_reads_as_zeros() {
    let served = Served::new(Acting::new(1, 0, |transaction| {
        answer_in_part(&transaction);
    }));
    let asking = Asking::new(served.port());
    for size in [17, 64, 5000, 70_000, 3 << 20] {
        let (first, second) = (size / 3, size / 2);
        let mut expected = [
            vec![0; size],
            pattern(size, 1),
            vec![0; size],
            vec![0; size],
        ];
        expected[2][..first].copy_from_slice(&pattern(first, 2));
        expected[2][first..second].copy_from_slice(&pattern(second - first, 3));
        expected[3][..first].copy_from_slice(&pattern(first, 4));
        expected[3][size - 1] = 9;
        // One after the other, and all at once.
        for at_once in [false, true] {
            let mut blocks = vec![vec![0xEE; size]; 8];
            for (n, block) in blocks.iter_mut().enumerate() {
                let id = asking.ask(n as u64 % 4, block, READ);
                if !at_once {
                    asking.master.wait(id).unwrap();
                }
            }
            asking.master.wait(0).unwrap();
            for (n, block) in blocks.iter().enumerate() {
                assert!(*block == expected[n % 4], "{size} bytes, {n}");
            }
        }
    }
}
