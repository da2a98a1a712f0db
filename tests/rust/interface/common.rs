//! What the tests have in common: slaves in safe Rust, servers, clients, and an executor.

use std::future::Future;
use std::net::TcpListener;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use rogue_memory_bridge::{
    Access, ClientOptions, Emulate, Error, ErrorKind, Result, ServerOptions, Serving, Slave,
    SlaveBase, TcpClient, TcpServer, Transaction,
};

/// Long enough for anything that should happen at all.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// Soon over.
pub const SOON: Duration = Duration::from_millis(50);

/// Bytes, from address 0 on.
pub struct Bytes {
    base: SlaveBase,
    bytes: Mutex<Vec<u8>>,
}

impl Bytes {
    pub fn new(bytes: Vec<u8>) -> Arc<Bytes> {
        Arc::new(Bytes {
            base: SlaveBase::new(1, 0),
            bytes: Mutex::new(bytes),
        })
    }
}

impl Slave for Bytes {
    fn do_transaction(&self, transaction: Transaction) {
        let begin = transaction.address() as usize;
        let end = begin.saturating_add(transaction.size() as usize);
        transaction.complete(|access| {
            let mut bytes = self.bytes.lock().unwrap();
            let place = bytes.get_mut(begin..end);
            let place = place.ok_or_else(|| Error::failed("there is nothing"))?;
            match access {
                Access::Read(data) => data.copy_from_slice(place),
                Access::Write(data) => place.copy_from_slice(data),
            }
            Ok(())
        });
    }

    fn base(&self) -> &SlaveBase {
        &self.base
    }
}

/// Keeps its transactions for the test.
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

    /// Waits for one, and takes it.
    pub fn take(&self) -> Transaction {
        let kept = self.kept.lock().unwrap();
        let (mut kept, timeout) = self
            .came
            .wait_timeout_while(kept, PATIENCE, |kept| kept.is_empty())
            .unwrap();
        assert!(!timeout.timed_out(), "nothing has come");
        kept.remove(0)
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

pub fn server() -> TcpServer {
    TcpServer::bind("127.0.0.1", 0, ServerOptions::default()).unwrap()
}

pub fn serving(slave: Arc<dyn Slave>) -> Serving {
    server().serve(slave).unwrap()
}

pub fn memory() -> Serving {
    serving(Arc::new(Emulate::new(1, 0)))
}

/// A client that waits long.
pub fn client(port: u16) -> TcpClient {
    let options = ClientOptions::default().with_timeout(PATIENCE);
    TcpClient::new("127.0.0.1", port, options).unwrap()
}

/// A port at which nobody listens, nor at the one after it, as far as can be told.
pub fn free_port() -> u16 {
    let server = server();
    server.port()
}

/// Listeners on two ports, one after the other.
pub fn listeners() -> [TcpListener; 2] {
    loop {
        let base = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = base.local_addr().unwrap().port();
        if let Some(after) = port.checked_add(1) {
            if let Ok(next) = TcpListener::bind(("127.0.0.1", after)) {
                return [base, next];
            }
        }
    }
}

pub fn kind<T>(result: Result<T>) -> ErrorKind {
    match result {
        Ok(_) => panic!("it has succeeded"),
        Err(error) => error.kind(),
    }
}

/// Runs a future, and nothing else, on this thread: an executor that knows nothing of the crate.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        thread::park_timeout(PATIENCE);
    }
}

/// Polls a future once.
pub fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    let mut context = Context::from_waker(Waker::noop());
    std::pin::Pin::new(future).poll(&mut context)
}

/// Waits until something is so.
pub fn until(what: &str, mut so: impl FnMut() -> bool) {
    let end = std::time::Instant::now() + PATIENCE;
    while !so() {
        assert!(std::time::Instant::now() < end, "{what}");
        thread::sleep(Duration::from_millis(2));
    }
}
