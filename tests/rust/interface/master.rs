//! Masters, hubs and slaves of one process, in safe Rust.

use std::sync::Arc;

use rogue_memory_bridge::{ErrorKind, Hub, Master};

use crate::common::{client, kind, serving, Bytes, Keeper, SOON};

#[test]
fn a_master_reads_and_writes_through_hubs_and_a_client() {
    let serving = serving(Bytes::new(vec![0; 64]));
    let hub = Hub::new(0x10, 0, 0);
    hub.master().set_slave(Arc::new(client(serving.port())));
    let master = Master::new();
    master.set_slave(Arc::new(hub));
    master.write_u32(0, 0x1234).unwrap();
    assert_eq!(master.read_u16(0), Ok(0x1234));
    let mut bytes = [0; 4];
    master.verify(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0x34, 0x12, 0, 0]);
    master.post(1, &[0xFF]).unwrap();
    master.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0x34, 0xFF, 0, 0]);
    let error = master.read_u32(0x30).unwrap_err();
    assert!(error.text().contains("there is nothing"), "{error}");
}

#[test]
fn a_slave_that_keeps_a_transaction_reaches_nothing_afterwards() {
    let keeper = Keeper::new();
    let master = Master::new();
    master.set_slave(keeper.clone());
    master.set_timeout(SOON);
    let mut data = [7; 64];
    assert_eq!(kind(master.read(0, &mut data)), ErrorKind::Timeout);
    let kept = keeper.take();
    assert!(kept.expired());
    assert!(!kept.complete(|_| panic!("its bytes are gone")));
    assert!(kept.lock().bytes().is_none());
    assert_eq!(data, [7; 64]);
}
