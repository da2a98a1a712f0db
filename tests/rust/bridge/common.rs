//! What the tests have in common: a server with a slave, a client with a master.

use std::ptr::NonNull;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{
    Emulate, Master, Memory, Slave, SlaveBase, Transaction, READ, WRITE,
};
use rogue_memory_bridge::endpoint::{
    serve, ClientOptions, ServerOptions, ServerThread, TcpClient, TcpServer,
};
use rogue_memory_bridge::error::Result;

/// Long enough for anything that should happen at all.
// Sanitizers, which set this, take many times as long.
pub const PATIENCE: Duration = Duration::from_secs(if cfg!(no_reuse) { 120 } else { 20 });

/// A server with a thread and a slave.
pub struct Served {
    pub server: Arc<TcpServer>,
    thread: ServerThread,
}

impl Served {
    pub fn new(slave: Arc<dyn Slave>) -> Served {
        Served::with(slave, 0, ServerOptions::default())
    }

    pub fn memory() -> Served {
        Served::new(Arc::new(Emulate::new(1, 0)))
    }

    pub fn with(slave: Arc<dyn Slave>, port: u16, options: ServerOptions) -> Served {
        let server = Arc::new(TcpServer::bind("127.0.0.1", port, options).unwrap());
        let thread = serve(Arc::clone(&server), move || Arc::clone(&slave)).unwrap();
        Served { server, thread }
    }

    pub fn port(&self) -> u16 {
        self.server.port()
    }

    pub fn stop(&mut self) {
        self.server.stop();
        self.thread.join();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A client with a master.
pub struct Asking {
    pub client: Arc<TcpClient>,
    pub master: Arc<Master>,
}

impl Asking {
    pub fn new(port: u16) -> Asking {
        Asking::with(port, ClientOptions::default())
    }

    pub fn with(port: u16, options: ClientOptions) -> Asking {
        let client = Arc::new(TcpClient::new("127.0.0.1", port, options).unwrap());
        let master = Arc::new(Master::new());
        master.set_slave(client.clone());
        master.set_timeout(PATIENCE);
        Asking { client, master }
    }

    pub fn write(&self, address: u64, data: &[u8]) -> Result<()> {
        self.put(address, data, WRITE)
    }

    pub fn put(&self, address: u64, data: &[u8], kind: u32) -> Result<()> {
        self.master.wait(
            self.master
                .request(address, Memory::owned(data.to_vec()), kind),
        )
    }

    pub fn read(&self, address: u64, size: usize) -> Result<Vec<u8>> {
        self.get(address, size, READ)
    }

    pub fn get(&self, address: u64, size: usize, kind: u32) -> Result<Vec<u8>> {
        let mut data = vec![0xEE; size];
        let id = self.ask(address, &mut data, kind);
        self.master.wait(id).map(|()| data)
    }

    /// Asks without waiting. `data` must live, untouched, until the wait.
    pub fn ask(&self, address: u64, data: &mut [u8], kind: u32) -> u32 {
        // SAFETY: the callers keep `data` until they have waited for the transaction.
        let memory =
            unsafe { Memory::caller(NonNull::new(data.as_mut_ptr()).unwrap(), data.len()) };
        self.master.request(address, memory, kind)
    }

    pub fn ready(self) -> Asking {
        self.client
            .wait_ready(PATIENCE, Duration::from_millis(50))
            .unwrap();
        self
    }
}

/// A slave that keeps its transactions for the test.
pub struct Keeper {
    base: SlaveBase,
    kept: Mutex<Vec<Transaction>>,
    came: Condvar,
}

impl Keeper {
    pub fn new() -> Arc<Keeper> {
        Arc::new(Keeper {
            base: SlaveBase::new(1, 0),
            kept: Mutex::default(),
            came: Condvar::new(),
        })
    }

    /// Waits until there are `count`, and takes them.
    pub fn take(&self, count: usize) -> Vec<Transaction> {
        let kept = self.kept.lock().unwrap();
        let (mut kept, timeout) = self
            .came
            .wait_timeout_while(kept, PATIENCE, |kept| kept.len() < count)
            .unwrap();
        assert!(
            !timeout.timed_out(),
            "{} of {count} transactions came",
            kept.len()
        );
        std::mem::take(&mut *kept)
    }

    pub fn count(&self) -> usize {
        self.kept.lock().unwrap().len()
    }
}

impl Slave for Keeper {
    fn do_transaction(&self, transaction: Transaction) {
        self.kept.lock().unwrap().push(transaction);
        self.came.notify_all();
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}

/// A slave that is a function.
pub struct Acting<F>(SlaveBase, F);

impl<F: Fn(Transaction) + Send + Sync> Acting<F> {
    pub fn new(min: u32, max: u32, act: F) -> Arc<Acting<F>> {
        Arc::new(Acting(SlaveBase::new(min, max), act))
    }
}

impl<F: Fn(Transaction) + Send + Sync> Slave for Acting<F> {
    fn do_transaction(&self, transaction: Transaction) {
        (self.1)(transaction)
    }

    fn base(&self) -> &SlaveBase {
        &self.0
    }
}

/// Waits until `done` says so.
pub fn eventually(what: &str, done: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < end, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Bytes that differ from place to place and from seed to seed.
pub fn pattern(size: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .collect()
}

/// A port that was free a moment ago, and so was the next.
pub fn free_port() -> u16 {
    TcpServer::bind("127.0.0.1", 0, ServerOptions::default())
        .unwrap()
        .port()
}
