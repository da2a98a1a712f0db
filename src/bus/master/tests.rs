//! Masters and their slaves, in one process.

use super::*;
use crate::bus::{Emulate, Hub, SlaveBase, READ, WRITE};

#[test]
fn an_unconnected_bus_says_so() {
    let master = Master::new();
    let id = master.request(0, Memory::owned(vec![0; 4]), READ);
    assert_ne!(id, 0);
    assert_eq!(master.wait(id).unwrap_err().text(), Unconnected::TEXT);
    assert_eq!(
        (master.slave().min_access(), master.slave().max_access()),
        (4, 0)
    );
}

#[test]
fn the_last_failure_stays_until_it_is_cleared() {
    let master = Master::new();
    master.set_slave(Arc::new(Emulate::new(4, 8)));
    assert_eq!(master.error(), None);
    let bad = master.request(0, Memory::owned(vec![0; 12]), READ);
    let good = master.request(0, Memory::owned(vec![0; 4]), WRITE);
    assert!(master.wait(bad).is_err());
    assert!(master.wait(good).is_ok());
    assert!(master.error().unwrap().text().contains("12"));
    master.clear_error();
    assert_eq!(master.error(), None);
}

#[test]
fn waiting_for_all_waits_for_all() {
    let master = Master::new();
    master.set_slave(Arc::new(Emulate::new(4, 8)));
    let ids: Vec<u32> = (0..10)
        .map(|n| master.request(4 * n, Memory::owned(vec![0; 4]), WRITE))
        .collect();
    assert!(ids.iter().all(|&id| master.is_done(id)));
    master.wait(0).unwrap();
    // None is outstanding any more: nothing to wait for.
    master.wait(ids[3]).unwrap();
    master.wait(0).unwrap();
}

/// Keeps its transactions.
struct Keeper(SlaveBase, Mutex<Vec<Transaction>>);

impl Slave for Keeper {
    fn do_transaction(&self, transaction: Transaction) {
        self.1.lock().unwrap().push(transaction);
    }

    fn base(&self) -> &SlaveBase {
        &self.0
    }
}

#[test]
fn a_transaction_is_done_when_its_slave_says_so() {
    let master = Master::new();
    let keeper = Arc::new(Keeper(SlaveBase::new(1, 0), Mutex::default()));
    master.set_slave(keeper.clone());
    let id = master.request(0, Memory::owned(vec![0; 4]), READ);
    assert!(!master.is_done(id));
    assert!(master.is_done(id + 1), "there is none");
    keeper.1.lock().unwrap().remove(0).done();
    assert!(master.is_done(id));
    master.wait(id).unwrap();
    assert!(master.is_done(id), "it is over");
}

#[test]
fn bad_arguments_are_told_by_the_wait() {
    let master = Master::new();
    master.set_slave(Arc::new(Emulate::new(4, 8)));
    let empty = master.request(0, Memory::owned(Vec::new()), READ);
    assert_eq!(master.wait(empty).unwrap_err().kind(), ErrorKind::Size);
    let error = caller_start(std::ptr::null_mut(), 4).unwrap_err();
    let null = master.refuse(0, 4, READ, error);
    assert_eq!(
        master.wait(null).unwrap_err().kind(),
        ErrorKind::NullArgument
    );
}

#[test]
fn more_than_a_system_has_in_one_piece_is_refused() {
    let most = i32::MAX as u32;
    assert!(check_memory(most, u64::from(most)).is_ok());
    let error = check_memory(most + 1, u64::from(most)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Size);
    assert!(error.text().contains("at most 2147483647"), "{error}");
    // `caller_start` has the limit of this machine.
    let mut byte = 0;
    let largest = caller_start(&mut byte, u32::MAX);
    assert_eq!(largest.is_ok(), cfg!(target_pointer_width = "64"));
}

#[test]
fn a_master_that_goes_takes_its_memory_back() {
    let master = Master::new();
    let transaction = master.create(0, Memory::owned(vec![0; 4]), READ);
    drop(master);
    assert!(transaction.expired());
    assert!(transaction.lock().bytes().is_none());
}

#[test]
fn a_timeout_of_zero_changes_nothing() {
    let master = Master::new();
    master.set_timeout(Duration::ZERO);
    assert_eq!(master.timeout(), DEFAULT_TIMEOUT);
    master.set_timeout(Duration::from_secs(3000));
    assert_eq!(master.timeout(), Duration::from_secs(3000));
}

#[test]
fn values_are_read_back_in_pieces_too() {
    let hub = Hub::new(0x100, 0, 0);
    hub.master().set_slave(Arc::new(Emulate::new(1, 4)));
    let master = Master::new();
    master.set_slave(Arc::new(hub));
    let data: Vec<u8> = (0..100).collect();
    master.write(0, &data).unwrap();
    let mut read = [0; 100];
    master.read(0, &mut read).unwrap();
    assert_eq!(read[..], data);
    master.post(4, &[0xFF; 2]).unwrap();
    master.verify(0, &mut read).unwrap();
    assert_eq!(read[2..7], [2, 3, 0xFF, 0xFF, 6]);
}

#[test]
fn words_are_little_endian() {
    let master = Master::new();
    master.set_slave(Arc::new(Emulate::new(1, 0)));
    master.write_u64(0, 0x8877_6655_4433_2211).unwrap();
    assert_eq!(master.read_u8(0), Ok(0x11));
    assert_eq!(master.read_u16(1), Ok(0x3322));
    assert_eq!(master.read_u32(4), Ok(0x8877_6655));
    master.write_u8(0, 1).unwrap();
    master.write_u16(2, 0x0302).unwrap();
    master.write_u32(4, 0).unwrap();
    assert_eq!(master.read_u64(0), Ok(0x0302_2201));
}

#[test]
fn bad_arguments_of_an_access_are_told() {
    let master = Master::new();
    master.set_slave(Arc::new(Emulate::new(1, 0)));
    let kind = |result: Result<()>| result.map_err(|error| error.kind());
    assert_eq!(kind(master.read(0, &mut [])), Err(ErrorKind::Size));
    assert_eq!(kind(master.write(0, &[])), Err(ErrorKind::Size));
    let beyond = master.read(u64::MAX, &mut [0; 2]);
    assert_eq!(kind(beyond), Err(ErrorKind::InvalidArgument));
    assert_eq!(master.error(), None);
}

#[test]
fn a_slave_that_is_late_reaches_nothing() {
    let master = Master::new();
    let keeper = Arc::new(Keeper(SlaveBase::new(1, 0), Mutex::default()));
    master.set_slave(keeper.clone());
    master.set_timeout(Duration::from_millis(20));
    let mut data = [0; 8];
    let late = |result: Result<()>| result.map_err(|error| error.kind());
    assert_eq!(late(master.read(0, &mut data)), Err(ErrorKind::Timeout));
    assert_eq!(late(master.write(0, &data)), Err(ErrorKind::Timeout));
    for transaction in keeper.1.lock().unwrap().drain(..) {
        assert!(!transaction.complete(|_| Err(Error::failed("late"))));
    }
    assert_eq!(data, [0; 8]);
}
