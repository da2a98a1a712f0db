//! Servers: bound, given their sockets, pulled by calls and by futures, serving.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rogue_memory_bridge::{
    Access, Emulate, ErrorKind, ServerOptions, Slave, TcpServer, Transaction,
};

use crate::common::{
    block_on, client, kind, listeners, memory, poll_once, server, until, Bytes, Keeper, PATIENCE,
    SOON,
};

/// Carries out a transaction: bytes that tell its address.
fn answer(transaction: &Transaction) {
    let address = transaction.address();
    transaction.complete(|access| {
        if let Access::Read(data) = access {
            data.copy_from_slice(&address.to_le_bytes()[..data.len()]);
        }
        Ok(())
    });
}

#[test]
fn a_server_is_pulled_by_calls() {
    let server = server();
    assert!(matches!(server.next(Some(Duration::ZERO)), Ok(None)));
    assert!(matches!(server.next(Some(SOON)), Ok(None)));
    let client = client(server.port());
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(client.read_u32(0x1234), Ok(0x1234));
            // Of any size.
            let mut bytes = [1; 3];
            client.read(5, &mut bytes).unwrap();
            assert_eq!(bytes, [5, 0, 0]);
            client.stop();
            server.stop();
        });
        while let Ok(next) = server.next(Some(PATIENCE)) {
            answer(&next.unwrap());
        }
    });
    assert_eq!(kind(server.next(None)), ErrorKind::Stopped);
}

#[test]
fn a_server_is_pulled_by_futures() {
    let server = server();
    let client = client(server.port());
    thread::scope(|scope| {
        let reader = scope.spawn(|| {
            for address in 0..300 {
                assert_eq!(client.read_u32(address), Ok(address as u32));
            }
            server.stop();
        });
        let end = block_on(async {
            loop {
                match server.next_async().await {
                    Ok(transaction) => answer(&transaction),
                    Err(error) => return error,
                }
            }
        });
        assert_eq!(end.kind(), ErrorKind::Stopped);
        reader.join().unwrap();
    });
    assert_eq!(kind(block_on(server.next_async())), ErrorKind::Stopped);
}

#[test]
fn a_future_works_inside_of_tokio() {
    let server = Arc::new(server());
    let client = client(server.port());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let pulled = Arc::clone(&server);
        let task = tokio::spawn(async move {
            while let Ok(transaction) = pulled.next_async().await {
                // A task of its own, as a slow slave would need it.
                tokio::spawn(async move { answer(&transaction) });
            }
        });
        for address in 0..100 {
            assert_eq!(client.read_u32_async(address).await, Ok(address as u32));
        }
        server.stop();
        task.await.unwrap();
        // A server may be dropped there, too.
        drop(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
        drop(memory());
    });
}

#[test]
fn what_was_pulled_for_a_future_that_is_gone_is_not_lost() {
    let server = server();
    let client = client(server.port());
    thread::scope(|scope| {
        let mut dropped = Box::pin(server.next_async());
        assert!(poll_once(&mut dropped).is_pending());
        let first = scope.spawn(|| client.read_u32(1));
        // The thread pulls it for this one, which is gone then.
        until("it has come", || server.stats().traffic.outstanding > 0);
        drop(dropped);
        answer(&block_on(server.next_async()).unwrap());
        assert_eq!(first.join().unwrap(), Ok(1));

        // The thread that pulls for it goes on, and a call that waits is told so.
        let mut forgotten = Box::pin(server.next_async());
        assert!(poll_once(&mut forgotten).is_pending());
        std::mem::forget(forgotten);
        until("it pulls", || {
            let error = server.next(Some(Duration::ZERO)).err();
            error.is_some_and(|error| error.kind() == ErrorKind::Busy)
        });
        let second = scope.spawn(|| client.read_u32(2));
        until("it has come", || server.stats().traffic.outstanding > 0);
        until("it is here", || match server.next(Some(Duration::ZERO)) {
            Ok(Some(transaction)) => {
                answer(&transaction);
                true
            }
            _ => false,
        });
        assert_eq!(second.join().unwrap(), Ok(2));
    });
}

#[test]
fn several_futures_get_a_transaction_each() {
    let server = server();
    let client = client(server.port());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                block_on(async {
                    while let Ok(transaction) = server.next_async().await {
                        answer(&transaction);
                    }
                });
            });
        }
        let readers: Vec<_> = (0..4)
            .map(|n| {
                let client = &client;
                scope.spawn(move || {
                    for address in 0..100 {
                        let address = 1000 * n + address;
                        assert_eq!(client.read_u32(address), Ok(address as u32));
                    }
                })
            })
            .collect();
        for reader in readers {
            reader.join().unwrap();
        }
        server.stop();
    });
}

#[test]
fn a_server_that_is_dropped_frees_its_ports_and_ends_what_waits() {
    let server = server();
    let port = server.port();
    let mut waiting = Box::pin(server.next_async());
    assert!(poll_once(&mut waiting).is_pending());
    server.stop();
    assert_eq!(kind(block_on(waiting)), ErrorKind::Stopped);
    drop(server);
    let server = TcpServer::bind("127.0.0.1", port, ServerOptions::default()).unwrap();
    let serving = server.serve(Arc::new(Emulate::new(1, 0))).unwrap();
    assert_eq!((serving.port(), serving.server().port()), (port, port));
    drop(serving);
    drop(TcpServer::bind("127.0.0.1", port, ServerOptions::default()).unwrap());
}

#[test]
fn a_server_that_futures_have_pulled_from_serves_no_slave() {
    let server = server();
    let mut next = Box::pin(server.next_async());
    assert!(poll_once(&mut next).is_pending());
    drop(next);
    let served = server.serve(Arc::new(Emulate::new(1, 0)));
    assert_eq!(kind(served), ErrorKind::Busy);
}

#[test]
fn serving_ends_when_it_is_dropped_whatever_the_slave_does() {
    let keeper = Keeper::new();
    let serving = server().serve(keeper.clone()).unwrap();
    let client = client(serving.port());
    thread::scope(|scope| {
        let reader = scope.spawn(|| client.read_u32(0));
        let transaction = keeper.take();
        drop(serving);
        assert_eq!(kind(reader.join().unwrap()), ErrorKind::ConnectionLost);
        assert!(transaction.expired() || transaction.done());
    });
    let slave: Arc<dyn Slave> = keeper;
    assert_eq!(Arc::strong_count(&slave), 1, "the thread has let go of it");
}

#[test]
fn a_server_may_be_given_its_sockets() {
    let [base, next] = listeners();
    let port = base.local_addr().unwrap().port();
    // Another process, a supervisor say, has the base socket too.
    let kept = base.try_clone().unwrap();
    let server = TcpServer::from_listeners(base, Some(next), ServerOptions::default()).unwrap();
    assert_eq!((server.port(), server.address()), (port, "127.0.0.1"));
    let serving = server.serve(Bytes::new(vec![3; 8])).unwrap();
    assert_eq!(client(port).read_u32(0), Ok(0x0303_0303));
    drop(serving);

    // It listens still, for the next server.
    let server = TcpServer::from_listeners(kept, None, ServerOptions::default()).unwrap();
    assert_eq!(server.port(), port);
    let _serving = server.serve(Bytes::new(vec![4; 8])).unwrap();
    assert_eq!(client(port).read_u32(0), Ok(0x0404_0404));
}

#[test]
fn sockets_that_do_not_go_together_are_refused() {
    let [base, next] = listeners();
    let port = base.local_addr().unwrap().port();
    let error = TcpServer::from_listeners(next, Some(base), ServerOptions::default()).map(drop);
    let error = error.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadPort);
    assert!(error.text().contains(&port.to_string()), "{error}");

    let [base, next] = listeners();
    let taken = TcpServer::from_listeners(base, None, ServerOptions::default());
    assert_eq!(kind(taken), ErrorKind::Bind);
    drop(next);
}
