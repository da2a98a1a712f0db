//! The calls of a client that wait.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::{
    Access, ClientOptions, ErrorKind, LinkState, Slave, SlaveBase, TcpClient, TcpServer,
    Transaction,
};

use crate::common::{client, free_port, kind, memory, serving, until, Bytes, Keeper, SOON};

#[test]
fn bytes_are_written_read_verified_and_posted() {
    let serving = serving(Bytes::new(vec![0; 1 << 20]));
    let client = client(serving.port());
    // Inside a transaction, beside it, and received where they belong.
    for size in [1, 4, 16, 17, 4096, 1 << 20] {
        let data: Vec<u8> = (0..size).map(|n| (n % 251) as u8 + 1).collect();
        let mut read = vec![0; size];
        client.write(0, &data).unwrap();
        client.read(0, &mut read).unwrap();
        assert_eq!(read, data);
        let mut verified = vec![0; size];
        client.verify(0, &mut verified).unwrap();
        assert_eq!(verified, data);
        let posted: Vec<u8> = data.iter().rev().copied().collect();
        client.post(0, &posted).unwrap();
        // One client's requests keep their order.
        client.read(0, &mut read).unwrap();
        assert_eq!(read, posted);
    }
}

#[test]
fn words_are_little_endian() {
    let serving = memory();
    let client = client(serving.port());
    client.write_u64(0, 0x8877_6655_4433_2211).unwrap();
    let mut bytes = [0; 8];
    client.read(0, &mut bytes).unwrap();
    assert_eq!(bytes, [0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88]);
    assert_eq!(client.read_u8(7), Ok(0x88));
    assert_eq!(client.read_u16(1), Ok(0x3322));
    assert_eq!(client.read_u32(4), Ok(0x8877_6655));
    client.write_u8(0, 1).unwrap();
    client.write_u16(2, 0x0302).unwrap();
    client.write_u32(4, 0).unwrap();
    assert_eq!(client.read_u64(0), Ok(0x0302_2201));
    let timed = client.with_timeout(Duration::from_secs(20));
    timed.write_u32(8, 5).unwrap();
    assert_eq!(timed.read_u64(8), Ok(5));
    timed.post(8, &[6]).unwrap();
    timed.verify(8, &mut bytes[..1]).unwrap();
    assert_eq!(bytes[0], 6);
}

#[test]
fn the_slaves_answer_is_the_error() {
    let serving = serving(Bytes::new(vec![0; 16]));
    let client = client(serving.port());
    let error = client.read_u32(16).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Failed);
    assert!(error.text().contains("there is nothing"), "{error}");
    assert_eq!(kind(client.write(12, &[0; 8])), ErrorKind::Failed);
    assert_eq!(kind(client.read(0, &mut [])), ErrorKind::Size);
    assert_eq!(kind(client.write(0, &[])), ErrorKind::Size);
    let beyond = client.read_u32(u64::MAX - 1);
    assert_eq!(kind(beyond), ErrorKind::InvalidArgument);
    client.write_u32(0, 1).unwrap();
}

#[test]
fn time_that_is_over_is_a_timeout_and_the_buffer_is_the_callers_again() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let options = ClientOptions::default().with_timeout(SOON);
    let client = TcpClient::new("127.0.0.1", serving.port(), options).unwrap();
    assert_eq!(client.options().timeout, SOON);
    client.wait_ready(Duration::from_secs(20), SOON).unwrap();
    for size in [4, 1 << 16] {
        let mut data = vec![7; size];
        let begun = Instant::now();
        assert_eq!(kind(client.read(0, &mut data)), ErrorKind::Timeout);
        assert!(begun.elapsed() >= SOON);
        // The answer comes late: nothing of it is to be seen.
        let late = keeper.take();
        let _ = late.complete(|access| {
            if let Access::Read(bytes) = access {
                bytes.fill(9);
            }
            Ok(())
        });
        let mut other = vec![1; size];
        let late = client.with_timeout(SOON).read(0, &mut other);
        assert_eq!(kind(late), ErrorKind::Timeout);
        // A client that expected another response may have put zeros there.
        assert!(!data.contains(&9) && !other.contains(&9));
        keeper.take().done();
    }
    let shorter = client.with_timeout(SOON / 10);
    let begun = Instant::now();
    assert_eq!(kind(shorter.write_u32(0, 1)), ErrorKind::Timeout);
    assert!(begun.elapsed() < Duration::from_secs(10));
    let mut options = client.options();
    options.timeout = SOON / 5;
    client.set_options(&options);
    assert_eq!(client.options().timeout, SOON / 5);
    assert_eq!(kind(client.read_u32(0)), ErrorKind::Timeout);
}

#[test]
fn without_a_server_the_reason_is_told() {
    let client = client(free_port());
    let error = client.with_timeout(2 * SOON).read_u32(0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
    assert!(error.text().contains("127.0.0.1"), "{error}");
    assert_eq!(
        kind(client.with_timeout(SOON).post(0, &[1])),
        ErrorKind::Refused
    );
    assert_eq!(client.link_state(), LinkState::Connecting);
}

#[test]
fn a_link_that_goes_down_fails_what_is_under_way_and_comes_back() {
    let keeper = Keeper::new();
    let first = serving(keeper.clone());
    let port = first.port();
    let client = client(port);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| client.read_u32(0));
        let transaction = keeper.take();
        drop(first);
        assert_eq!(kind(reader.join().unwrap()), ErrorKind::ConnectionLost);
        drop(transaction);
    });
    until("lost", || client.link_state() != LinkState::Connected);
    let server = TcpServer::bind("127.0.0.1", port, Default::default());
    let _second = server.unwrap().serve(Bytes::new(vec![5; 8])).unwrap();
    assert_eq!(client.read_u32(0), Ok(0x0505_0505));
}

#[test]
fn a_client_that_is_stopped_says_so() {
    let serving = memory();
    let client = client(serving.port());
    client.write_u32(0, 1).unwrap();
    client.stop();
    assert_eq!(kind(client.read_u32(0)), ErrorKind::Stopped);
    assert_eq!(client.link_state(), LinkState::Stopped);
}

#[test]
fn many_threads_share_a_client() {
    const THREADS: u64 = 8;
    let serving = memory();
    let client = client(serving.port());
    let done = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (client, done) = (&client, &done);
            scope.spawn(move || {
                let address = thread * 0x100;
                for n in 0..200u32 {
                    client.write_u32(address, n).unwrap();
                    assert_eq!(client.read_u32(address), Ok(n));
                    done.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 200 * THREADS as u32);
    let stats = client.stats();
    assert_eq!(stats.connects, 1);
}

#[test]
fn a_slave_that_panics_fails_its_transaction_alone() {
    struct Panics(SlaveBase);
    impl Slave for Panics {
        fn do_transaction(&self, transaction: Transaction) {
            transaction.complete(|_| match transaction.address() {
                0 => panic!("on purpose"),
                _ => Ok(()),
            });
        }

        fn base(&self) -> &SlaveBase {
            &self.0
        }
    }
    let base = SlaveBase::new(4, 64);
    let serving = serving(Arc::new(Panics(base)));
    let client = client(serving.port());
    let error = client.read_u32(0).unwrap_err();
    assert!(error.text().contains("on purpose"), "{error}");
    assert_eq!(client.read_u32(4), Ok(0));
    // The access sizes of the slave are held in its place.
    let error = client.read(4, &mut [0; 65]).unwrap_err();
    assert!(error.text().contains("maximum access"), "{error}");
}
