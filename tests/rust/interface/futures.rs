//! The calls of a client that are futures: without an executor of any kind, dropped, forgotten.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Instant;

use rogue_memory_bridge::{
    Access, ClientOptions, ErrorKind, LinkState, Result, TcpClient, TcpServer,
};

use crate::common::{
    block_on, client, free_port, kind, memory, poll_once, serving, until, Bytes, Keeper, PATIENCE,
    SOON,
};

/// How many transactions have been carried out.
fn done(client: &TcpClient) -> u64 {
    let traffic = client.stats().traffic;
    let all = [
        traffic.reads,
        traffic.writes,
        traffic.posts,
        traffic.verifies,
    ];
    all.iter().map(|outcomes| outcomes.done).sum()
}

#[test]
fn any_executor_will_do() {
    let serving = serving(Bytes::new(vec![0; 1 << 16]));
    let client = client(serving.port());
    block_on(async {
        for size in [1, 16, 17, 1 << 16] {
            let data: Vec<u8> = (0..size).map(|n| (n % 251) as u8 + 1).collect();
            client.write_async(0, &data[..]).await.unwrap();
            assert_eq!(client.read_async(0, size).await.unwrap(), data);
            client.post_async(0, [9]).await.unwrap();
            assert_eq!(client.verify_async(0, 1).await.unwrap(), [9]);
        }
        client.write_u8_async(0, 1).await.unwrap();
        client.write_u16_async(2, 0x0302).await.unwrap();
        client.write_u32_async(4, 7).await.unwrap();
        client.write_u64_async(8, 8).await.unwrap();
        assert_eq!(client.read_u8_async(0).await, Ok(1));
        assert_eq!(client.read_u16_async(2).await, Ok(0x0302));
        assert_eq!(client.read_u32_async(4).await, Ok(7));
        assert_eq!(client.read_u64_async(8).await, Ok(8));
        let timed = client.with_timeout(PATIENCE);
        timed.write_async(0, vec![3]).await.unwrap();
        assert_eq!(timed.read_async(0, 1).await.unwrap(), [3]);
        assert_eq!(
            kind(client.read_u32_async(1 << 20).await),
            ErrorKind::Failed
        );
        assert_eq!(kind(client.read_async(0, 0).await), ErrorKind::Size);
        assert_eq!(kind(client.write_async(0, []).await), ErrorKind::Size);
        let huge = client.read_async(0, usize::MAX).await;
        assert_eq!(kind(huge), ErrorKind::Size);
    });
}

#[test]
fn what_was_never_written_reads_as_zeros() {
    let serving = memory();
    let client = client(serving.port());
    // More than a transaction has inside.
    let read = block_on(client.read_async(0, 1000)).unwrap();
    assert_eq!(read, vec![0; 1000]);
}

#[test]
fn tokio_runs_many_at_a_time() {
    let serving = memory();
    let client = Arc::new(client(serving.port()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..500u32)
            .map(|n| {
                let client = Arc::clone(&client);
                tokio::spawn(async move {
                    let address = u64::from(n) * 4;
                    client.write_u32_async(address, n).await?;
                    client.read_u32_async(address).await
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), Ok(n as u32));
        }
    });
}

#[test]
fn nothing_is_sent_before_the_first_poll() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let client = client(serving.port());
    client.wait_ready(PATIENCE, SOON).unwrap();
    drop(client.write_u32_async(0, 1));
    thread::sleep(SOON);
    assert_eq!(keeper.count(), 0);
}

#[test]
fn a_future_that_is_dropped_or_forgotten_leaves_nothing_behind() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let client = client(serving.port());
    for size in [4, 1 << 16] {
        for forget in [false, true] {
            let mut future = Box::pin(client.read_async(0, size));
            assert!(poll_once(&mut future).is_pending());
            let transaction = keeper.take();
            match forget {
                false => drop(future),
                true => std::mem::forget(future),
            }
            // The answer has a place to go to, whoever is left to see it.
            transaction.complete(|access| {
                if let Access::Read(bytes) = access {
                    bytes.fill(9);
                }
                Ok(())
            });
        }
    }
    let mut future = Box::pin(client.write_u32_async(0, 1));
    assert!(poll_once(&mut future).is_pending());
    keeper.take().done();
    // It has waited its turn behind the others.
    assert_eq!(block_on(future), Ok(()));
    until("answers", || done(&client) == 5);
}

#[test]
fn a_request_that_waits_for_a_connection_is_withdrawn_with_its_future() {
    let port = free_port();
    let client = client(port);
    let mut dropped = Box::pin(client.write_u32_async(0, 1));
    let mut kept = Box::pin(client.write_u32_async(4, 2));
    assert!(poll_once(&mut dropped).is_pending());
    assert!(poll_once(&mut kept).is_pending());
    assert_ne!(client.link_state(), LinkState::Connected);
    drop(dropped);
    let server = TcpServer::bind("127.0.0.1", port, Default::default()).unwrap();
    let _serving = server.serve(Bytes::new(vec![0; 8])).unwrap();
    assert_eq!(block_on(kept), Ok(()));
    assert_eq!(client.read_u64(0), Ok(2 << 32));
}

#[test]
fn a_future_has_its_time_without_anybody_polling() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let client = client(serving.port());
    let begun = Instant::now();
    let timed = client.with_timeout(SOON);
    let late = block_on(timed.read_u32_async(0));
    assert_eq!(kind(late), ErrorKind::Timeout);
    assert!(begun.elapsed() < PATIENCE / 2);
    // Nor without a connection.
    let nobody = crate::common::client(free_port());
    let timed = nobody.with_timeout(2 * SOON);
    assert_eq!(kind(block_on(timed.read_u32_async(0))), ErrorKind::Refused);
}

#[test]
fn a_stop_or_a_lost_link_ends_futures() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let client = client(serving.port());
    let mut lost = Box::pin(client.read_u32_async(0));
    assert!(poll_once(&mut lost).is_pending());
    let _kept = keeper.take();
    drop(serving);
    assert_eq!(kind(block_on(lost)), ErrorKind::ConnectionLost);
    let mut stopped = Box::pin(client.read_u32_async(0));
    assert!(poll_once(&mut stopped).is_pending());
    client.stop();
    assert_eq!(kind(block_on(stopped)), ErrorKind::Stopped);
    assert_eq!(kind(block_on(client.read_u32_async(0))), ErrorKind::Stopped);
}

#[test]
fn futures_are_never_held_back() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let options = ClientOptions::default()
        .with_timeout(PATIENCE)
        .with_max_outstanding(2);
    let client = TcpClient::new("127.0.0.1", serving.port(), options).unwrap();
    client.wait_ready(PATIENCE, SOON).unwrap();
    let begun = Instant::now();
    let mut futures: Vec<_> = (0..10)
        .map(|n| Box::pin(client.read_u32_async(4 * n)))
        .collect();
    for future in &mut futures {
        assert!(poll_once(future).is_pending());
    }
    assert!(begun.elapsed() < PATIENCE / 2);
    for _ in 0..10 {
        keeper.take().complete(|_| Ok(()));
    }
    for future in futures {
        assert_eq!(block_on(future), Ok(0));
    }
}

/// Waits for an access of its own when it is woken, which nobody may.
struct Waits {
    client: Arc<TcpClient>,
    said: std::sync::Mutex<Option<Result<u32>>>,
}

impl Wake for Waits {
    fn wake(self: Arc<Self>) {
        let said = self.client.with_timeout(PATIENCE).read_u32(0);
        *self.said.lock().unwrap() = Some(said);
        panic!("and it panics");
    }
}

#[test]
fn a_waker_must_not_wait_and_may_panic() {
    let keeper = Keeper::new();
    let serving = serving(keeper.clone());
    let client = Arc::new(client(serving.port()));
    let waits = Arc::new(Waits {
        client: Arc::clone(&client),
        said: Default::default(),
    });
    let waker = Waker::from(Arc::clone(&waits));
    let mut future = Box::pin(client.read_u32_async(0));
    let mut context = Context::from_waker(&waker);
    assert!(Pin::new(&mut future).poll(&mut context).is_pending());
    keeper.take().complete(|_| Ok(()));
    until("woken", || waits.said.lock().unwrap().is_some());
    let said = waits.said.lock().unwrap().take().unwrap();
    assert_eq!(kind(said), ErrorKind::Busy);
    assert_eq!(poll_once(&mut future), Poll::Ready(Ok(0)));
    // The client is at work still.
    let mut future = Box::pin(client.read_u32_async(0));
    assert!(poll_once(&mut future).is_pending());
    keeper.take().complete(|_| Ok(()));
    assert_eq!(block_on(future), Ok(0));
}

#[test]
fn futures_and_threads_share_a_client() {
    let serving = memory();
    let client = client(serving.port());
    thread::scope(|scope| {
        for n in 0..4u64 {
            let client = &client;
            scope.spawn(move || {
                let address = 0x100 * n;
                for value in 0..200 {
                    if n % 2 == 0 {
                        client.write_u64(address, value).unwrap();
                        assert_eq!(client.read_u64(address), Ok(value));
                    } else {
                        block_on(async {
                            client.write_u64_async(address, value).await.unwrap();
                            assert_eq!(client.read_u64_async(address).await, Ok(value));
                        });
                    }
                }
            });
        }
    });
    assert_eq!(done(&client), 1600);
}
