//! What one transaction takes of the heap once all is warm, client and server together: a program of
//! its own, because it counts the calls of all threads.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Duration;

use rogue_memory_bridge::bus::{Emulate, Memory, Slave, Transaction, READ, WRITE};
use rogue_memory_bridge::endpoint::{serve, ClientOptions, ServerOptions, TcpClient, TcpServer};

/// The system's allocator, counting.
struct Counting;

static CALLS: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by the function above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const COUNT: usize = 2000;

/// Calls of the allocator for each access, in the mean.
fn calls(client: &TcpClient, kind: u32, word: &mut [u8; 4]) -> f64 {
    let mut access = || {
        let start = std::ptr::NonNull::from(&mut *word).cast();
        // SAFETY: `word` outlives the wait.
        let memory = unsafe { Memory::caller(start, 4) };
        let transaction = Transaction::new(0x10, 4, kind, Some(memory), Duration::from_secs(20));
        client.do_transaction(transaction.clone());
        transaction.taken();
        transaction.wait().unwrap();
    };
    (0..COUNT).for_each(|_| access());
    let before = CALLS.load(Ordering::Relaxed);
    (0..COUNT).for_each(|_| access());
    (CALLS.load(Ordering::Relaxed) - before) as f64 / COUNT as f64
}

#[test]
fn a_transaction_takes_memory_twice_at_most_client_and_server_together() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let memory = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || {
        Arc::clone(&memory) as Arc<dyn Slave>
    })
    .unwrap();
    let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default()).unwrap();
    let mut word = [1, 2, 3, 4];
    // A little beyond that: threads that look after things by the clock.
    let writes = calls(&client, WRITE, &mut word);
    assert!(writes <= 2.05, "{writes} for each Write");
    word = [0; 4];
    let reads = calls(&client, READ, &mut word);
    assert!(reads <= 2.05, "{reads} for each Read");
    assert_eq!(word, [1, 2, 3, 4]);
    // One object at each end: the counter counts.
    assert!(reads >= 2.0 && writes >= 2.0, "{reads}, {writes}");
    client.stop();
    server.stop();
    thread.join();
}
