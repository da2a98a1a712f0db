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
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls of the allocator for each access, in the mean.
fn calls(client: &TcpClient, kind: u32, bytes: &mut [u8]) -> f64 {
    let mut access = || {
        let (start, size) = (std::ptr::NonNull::from(&mut *bytes).cast(), bytes.len());
        // SAFETY: `bytes` outlives the wait.
        let memory = unsafe { Memory::caller(start, size) };
        let transaction = Transaction::new(0x10, size as u32, kind, Some(memory), PATIENCE);
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
fn a_transaction_takes_no_memory_once_all_is_warm() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap());
    let memory = Arc::new(Emulate::new(1, 0));
    let mut thread = serve(Arc::clone(&server), move || {
        Arc::clone(&memory) as Arc<dyn Slave>
    })
    .unwrap();
    let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default()).unwrap();
    let mut word = [1, 2, 3, 4];
    // Threads that look after things by the clock may take some.
    let writes = calls(&client, WRITE, &mut word);
    assert!(writes <= 0.05, "{writes} for each Write");
    word = [0; 4];
    let reads = calls(&client, READ, &mut word);
    assert!(reads <= 0.05, "{reads} for each Read");
    assert_eq!(word, [1, 2, 3, 4]);
    // What does not fit into the transaction itself is taken from the heap: the counter counts.
    let large = calls(&client, READ, &mut [0; 64]);
    assert!(
        (1.0..=2.05).contains(&large),
        "{large} for each Read of 64 bytes"
    );
    client.stop();
    server.stop();
    thread.join();
}
