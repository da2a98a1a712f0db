//! A whole server, pulled by the test.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::coop;

use super::*;
use crate::bus::{Memory, Slave, POST, READ};
use crate::endpoint::{ClientOptions, TcpClient};
use crate::error::ErrorKind;
use crate::wire::{greeting, ready, request_head, Header, Role};

const TIMEOUT: Duration = Duration::from_secs(20);
const SOON: u64 = 0;
const PAUSES: u64 = 1;
const TWO: u64 = 2;

/// A thread that runs an asynchronous task cannot wait for a transaction; all others can.
#[test]
fn a_thread_that_runs_a_task_gets_an_error() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let next = || server.next(Some(Duration::ZERO)).map(|next| next.is_none());
    let refused = || {
        let error = next().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.text().contains("asynchronous"), "{error}");
    };
    assert_eq!(next(), Ok(true));
    let in_thread = Arc::clone(&server);
    let blocking = move || assert!(in_thread.next(Some(Duration::ZERO)).unwrap().is_none());
    let one = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    one.block_on(async {
        refused();
        let before = coop::has_budget_remaining();
        refused();
        assert!(before && coop::has_budget_remaining());
        tokio::task::spawn_blocking(blocking.clone()).await.unwrap();
        tokio::task::yield_now().await;
        refused();
    });
    let _entered = one.enter();
    assert_eq!(next(), Ok(true));
}

fn listens(server: &TcpServer) -> bool {
    let pull = server.outlet.lock_pull();
    pull.as_ref().unwrap().only.is_some()
}

fn read(client: &TcpClient, address: u64) {
    let memory = Some(Memory::owned(vec![0; 4]));
    let transaction = Transaction::new(address, 4, READ, memory, TIMEOUT);
    client.do_transaction(transaction.clone());
    transaction.taken();
    transaction.wait().unwrap();
}

/// How many transactions were handed out while the server listened to its only client: of a steady
/// flow, of single ones after pauses, and of a steady flow with a second client there.
fn listened() -> [u32; 3] {
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let server = &server;
    let client = || TcpClient::new("127.0.0.1", server.port(), ClientOptions::default());
    let mut listened = [0; 3];
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let only = client().unwrap();
            (0..1000).for_each(|_| read(&only, SOON));
            for _ in 0..10 {
                std::thread::sleep(Duration::from_millis(20));
                read(&only, PAUSES);
            }
            let second = client().unwrap();
            read(&second, SOON);
            (0..1000).for_each(|_| read(&only, TWO));
            server.stop();
        });
        while let Ok(Some(transaction)) = server.next(None) {
            listened[transaction.address() as usize] += u32::from(listens(server));
            assert!(admit(&transaction, 1, 0));
            transaction.done();
        }
    });
    listened
}

#[test]
fn the_event_loop_is_left_out_for_an_only_client_that_does_not_pause() {
    // On a busy machine this thread may be held up for a whole pause, which it then does not see,
    // or may make pauses of its own. One round without that is enough.
    let mut rounds = Vec::new();
    for _ in 0..20 {
        let [soon, pauses, two] = listened();
        assert_eq!(two, 0);
        if soon > 100 && pauses == 0 {
            return;
        }
        rounds.push([soon, pauses]);
    }
    panic!("soon and after pauses: {rounds:?}");
}

/// Posts without end, on a connection that never reads.
fn flood(port: u16) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let header = Header {
        id: 1,
        address: 0,
        size: 12_000,
        kind: POST,
    };
    let post = [request_head(&header, Some(12_000)).as_bytes(), &[7; 12_000]].concat();
    let mut bytes = [&greeting()[..], &ready(Role::Push, None)].concat();
    while stream.write_all(&bytes).is_ok() {
        bytes = post.repeat(100);
    }
}

#[test]
fn the_event_loop_has_its_turn_whatever_a_client_sends() {
    let server = TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap();
    let turns = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&turns);
    let count = async move {
        loop {
            counted.fetch_add(1, Ordering::Relaxed);
            tokio::task::yield_now().await;
        }
    };
    let pull = |server: &TcpServer| {
        let transaction = server.next(None).unwrap().unwrap();
        assert!(admit(&transaction, 1, 0));
        transaction.done();
    };
    let port = server.port();
    let flooding = std::thread::spawn(move || flood(port));
    pull(&server);
    let guard = server.outlet.lock_pull();
    guard.as_ref().unwrap().runtime.spawn(count);
    drop(guard);
    let (mut before, mut without, mut most) = (0, 0, 0);
    for _ in 0..100_000 {
        pull(&server);
        let now = turns.load(Ordering::Relaxed);
        without = if now == before { without + 1 } else { 0 };
        (before, most) = (now, most.max(without));
    }
    server.stop();
    flooding.join().unwrap();
    // The most that two looks at a connection may bring.
    assert!(most <= 200, "{most} transactions without the event loop");
}
