//! Links that are slow, and whose both ends work: nothing is lost, and the windows of their sockets may
//! be closed for many times `keep_alive`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{
    Completed, Completion, Emulate, Memory, Slave, Transaction, POST, READ, WRITE,
};
use rogue_memory_bridge::endpoint::{admit, ClientOptions, ServerOptions, TcpServer};
use rogue_memory_bridge::error::ErrorKind;

use crate::common::{eventually, Acting, Asking, Served, PATIENCE};
use crate::legacy::{client, is_closed, request, Listening};

/// As short as it may be: far less than the tests take.
const KEEP_ALIVE: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(100);

fn server_options() -> ServerOptions {
    ServerOptions::default().with_keep_alive(KEEP_ALIVE)
}

fn client_options() -> ClientOptions {
    ClientOptions::default().with_keep_alive(KEEP_ALIVE)
}

fn asking(port: u16) -> Asking {
    let asking = Asking::with(port, client_options());
    asking.master.set_timeout(LONG);
    asking
}

#[test]
fn a_slave_that_takes_its_time_for_each_register_loses_nothing() {
    let slave = Acting::new(4, 0, |transaction: Transaction| {
        std::thread::sleep(Duration::from_millis(1));
        transaction.done();
    });
    let served = Served::with(slave, 0, server_options());
    let asking = asking(served.port());
    // More than the sockets hold: the rest waits before a closed window for seconds.
    for n in 0..8000 {
        let memory = Memory::owned(vec![0; 4]);
        asking.master.request(4 * n, memory, READ);
    }
    asking.master.wait(0).unwrap();
    assert_eq!(asking.client.stats().losses, 0);
    assert_eq!(asking.client.stats().traffic.reads.done, 8000);
}

#[test]
fn a_server_that_nobody_pulls_from_for_long_loses_nothing() {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, server_options()).unwrap());
    let (end, ended) = channel::<()>();
    let pulling = {
        let server = Arc::clone(&server);
        std::thread::spawn(move || {
            let mut count = 0;
            while let Ok(Some(transaction)) = server.next(None) {
                if count == 1 {
                    // A simulator at a breakpoint.
                    std::thread::sleep(5 * KEEP_ALIVE);
                }
                assert!(admit(&transaction, 1, 0));
                transaction.done();
                count += 1;
            }
            drop(end);
            count
        })
    };
    let asking = asking(server.port());
    for n in 0..500 {
        let memory = Memory::owned(vec![1; 1024]);
        asking.master.request(1024 * n, memory, WRITE);
    }
    asking.master.wait(0).unwrap();
    assert_eq!(asking.client.stats().losses, 0);
    server.stop();
    assert!(ended.recv_timeout(PATIENCE).is_err());
    assert_eq!(pulling.join().unwrap(), 500);
}

/// Counts what is over, slowly: what is done, and what has failed.
#[derive(Default)]
struct Slow {
    done: AtomicU32,
    failed: AtomicU32,
}

impl Completion for Slow {
    fn completed(&self, _token: u64, completed: Completed) {
        std::thread::sleep(Duration::from_millis(4));
        let count = match completed.outcome {
            Ok(()) => &self.done,
            Err(_) => &self.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_completion_callback_that_takes_its_time_loses_nothing() {
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, server_options());
    let asking = asking(served.port()).ready();
    let slow = Arc::new(Slow::default());
    for n in 0..1500 {
        let memory = Some(Memory::owned(vec![0; 200]));
        let transaction = Transaction::new(200 * n, 200, READ, memory, LONG);
        transaction.on_completion(Arc::clone(&slow) as Arc<dyn Completion>, 0);
        asking.client.do_transaction(transaction.clone());
        transaction.taken();
        asking.client.watch(&transaction);
    }
    let count = |count: &AtomicU32| count.load(Ordering::Relaxed);
    eventually("all are over", || {
        count(&slow.done) + count(&slow.failed) == 1500
    });
    assert_eq!(count(&slow.done), 1500);
    assert_eq!(asking.client.stats().losses, 0);
    let dropped = served.server.stats().dropped;
    assert_eq!((dropped.not_reading, dropped.network), (0, 0));
}

#[test]
fn a_client_that_reads_slowly_and_steadily_is_kept() {
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, server_options());
    let (mut requests, mut responses) = client(served.port());
    // 8 MiB at 1 MB/s: the server's socket takes more when a third of it is free again, some 1.3 MB,
    // which takes longer than `keep_alive`.
    for id in 0..128 {
        let request = request(id, 0, 1 << 16, READ, None);
        requests.write_all(&request).unwrap();
    }
    let mut left = 128 << 16;
    let mut bytes = [0; 20_000];
    while left > 0 {
        std::thread::sleep(Duration::from_millis(20));
        left -= responses.read(&mut bytes[..left.min(20_000)]).unwrap();
    }
    assert_eq!(served.server.stats().dropped.not_reading, 0);
    assert!(!is_closed_now(&responses));
}

fn is_closed_now(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    matches!(stream.peek(&mut [0]), Ok(0))
}

/// A server that takes `rate` bytes of requests each 10 ms, and answers none.
fn slow_server(rate: usize) -> (u16, std::thread::JoinHandle<()>) {
    let listening = Listening::new();
    let port = listening.port;
    let thread = std::thread::spawn(move || {
        let (mut requests, _responses) = listening.accept();
        let mut bytes = vec![0; rate];
        while let Ok(1..) = requests.read(&mut bytes) {
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    (port, thread)
}

#[test]
fn the_deadline_of_a_large_write_holds_whatever_progress_there_is() {
    // 16 MiB at 2 MB/s take 8 s.
    let (port, server) = slow_server(20_000);
    let asking = Asking::new(port);
    eventually("it is connected", || asking.client.stats().connects == 1);
    asking.master.set_timeout(Duration::from_millis(500));
    let begun = Instant::now();
    let error = asking.write(0, &vec![7; 16 << 20]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(4),
        "{:?}",
        begun.elapsed()
    );
    // One that is not waited for is put in the queue, or refused when that is full, in its own time.
    let begun = Instant::now();
    for kind in [WRITE, POST] {
        let memory = Some(Memory::owned(vec![7; 16 << 20]));
        let timeout = Duration::from_millis(500);
        let transaction = Transaction::new(0, 16 << 20, kind, memory, timeout);
        let (end, ended) = channel();
        transaction.on_completion(Arc::new(Tell(end)), 0);
        asking.client.do_transaction(transaction.clone());
        transaction.taken();
        asking.client.watch(&transaction);
        let error = ended.recv_timeout(PATIENCE).unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(6),
        "{:?}",
        begun.elapsed()
    );
    drop(asking);
    server.join().unwrap();
}

struct Tell(std::sync::mpsc::Sender<rogue_memory_bridge::error::Result<()>>);

impl Completion for Tell {
    fn completed(&self, _token: u64, completed: Completed) {
        let _ = self.0.send(completed.outcome);
    }
}

#[test]
fn a_request_that_is_not_waited_for_returns_at_once_however_large_it_is() {
    let (port, server) = slow_server(20_000);
    let asking = Asking::new(port);
    eventually("it is connected", || asking.client.stats().connects == 1);
    let memory = Some(Memory::owned(vec![7; 16 << 20]));
    let transaction = Transaction::new(0, 16 << 20, WRITE, memory, PATIENCE);
    transaction.on_completion(Arc::new(Slow::default()), 0);
    let begun = Instant::now();
    asking.client.do_transaction(transaction.clone());
    // Its time is 20 s, and the server takes 8 s for it.
    assert!(
        begun.elapsed() < Duration::from_secs(3),
        "{:?}",
        begun.elapsed()
    );
    transaction.done();
    drop(asking);
    server.join().unwrap();
}

/// The addresses of what comes to a slave of which nobody pulls while a client does something, and is
/// gone unless that is returned.
fn late_writes(
    client: ClientOptions,
    server: ServerOptions,
    meanwhile: impl FnOnce(Asking) -> Option<Asking>,
) -> Vec<u64> {
    let server = TcpServer::bind("127.0.0.1", 0, server).unwrap();
    let asking = Asking::with(server.port(), client);
    std::thread::scope(|scope| {
        let ready = scope.spawn(|| {
            asking
                .client
                .wait_ready(PATIENCE, Duration::from_millis(20))
        });
        while !ready.is_finished() {
            let next = server.next(Some(Duration::from_millis(5)));
            assert!(next.unwrap().is_none());
        }
        ready.join().unwrap().unwrap();
    });
    // From here on nothing is read: it lies in the sockets.
    let _stays = meanwhile(asking);
    let mut came = Vec::new();
    while let Some(transaction) = server.next(Some(Duration::from_millis(500))).unwrap() {
        assert!(admit(&transaction, 1, 0));
        came.push(transaction.address());
        transaction.done();
    }
    came
}

fn times_out(asking: &Asking) {
    asking.master.set_timeout(Duration::from_millis(100));
    let error = asking.write(1, &[1; 4]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
}

/// Writes to 1, whose time is over before it is carried out, posts to 2, and leaves.
fn times_out_and_leaves(asking: Asking) -> Option<Asking> {
    times_out(&asking);
    asking.put(2, &[2; 4], POST).unwrap();
    None
}

#[test]
fn a_write_that_timed_out_is_carried_out_later_unless_an_option_forbids_it() {
    let (client, server) = (ClientOptions::default, ServerOptions::default);
    // Programs post and exit, so this is what they get.
    let came = late_writes(client(), server(), times_out_and_leaves);
    assert_eq!(came, [1, 2]);
    let dropping = server().with_drop_after_close(true);
    let came = late_writes(client(), dropping, times_out_and_leaves);
    assert_eq!(came, []);
}

#[test]
fn row_30_closing_on_a_timeout_and_dropping_after_a_close_rule_out_late_writes() {
    let client = ClientOptions::default().with_close_on_timeout(true);
    let server = ServerOptions::default().with_drop_after_close(true);
    let came = late_writes(client, server, |asking| {
        times_out(&asking);
        eventually("the connection is lost", || {
            asking.client.stats().losses == 1
        });
        Some(asking)
    });
    assert_eq!(came, []);
}

#[test]
fn a_client_that_closes_on_a_timeout_fails_what_else_is_under_way_and_goes_on() {
    let slow = Acting::new(4, 0, |transaction: Transaction| {
        if transaction.address() == 8 {
            std::thread::sleep(Duration::from_millis(500));
        }
        transaction.done();
    });
    let served = Served::new(slow);
    let options = ClientOptions::default().with_close_on_timeout(true);
    let asking = Asking::with(served.port(), options);
    asking.read(0, 4).unwrap();
    let mut data = [0; 4];
    asking.master.set_timeout(Duration::from_millis(50));
    let late = asking.ask(8, &mut data, READ);
    asking.master.set_timeout(PATIENCE);
    let mut other = [0; 4];
    let behind = asking.ask(0, &mut other, READ);
    let error = asking.master.wait(late).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let error = asking.master.wait(behind).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    assert!(error.text().contains("close_on_timeout"), "{error}");
    asking.read(0, 4).unwrap();
    assert_eq!(asking.client.stats().connects, 2);
}

#[test]
fn posts_that_were_never_acknowledged_are_counted() {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let connections = listening.accept();
    for n in 0..200 {
        asking.put(4096 * n, &[9; 4096], POST).unwrap();
    }
    // The window is closed by now. The server ends without having read anything.
    assert_eq!(asking.client.stats().unacknowledged.posts, 0);
    drop(connections);
    eventually("the connection is lost", || {
        asking.client.stats().losses == 1
    });
    let stats = asking.client.stats();
    let lost = stats.unacknowledged;
    assert_eq!(stats.traffic.posts.done, 200);
    assert!(lost.posts > 0 && lost.posts < 200, "{lost:?}");
    assert!(lost.bytes > 4096 * (lost.posts - 1), "{lost:?}");
}

#[test]
fn every_option_works_at_its_smallest_and_its_largest() {
    let long = Duration::from_micros(u64::MAX);
    for time in [
        Duration::from_micros(1),
        Duration::from_secs(2_160_000),
        long,
    ] {
        let server = ServerOptions::default()
            .with_keep_alive(time)
            .with_handshake_timeout(time.max(PATIENCE))
            .with_timeout(Some(time.max(PATIENCE)));
        let client = ClientOptions::default()
            .with_keep_alive(time)
            .with_connect_timeout(time.max(PATIENCE));
        works(server, client, &format!("{time:?}"));
    }
    for count in [1, usize::MAX] {
        let server = ServerOptions::default()
            .with_max_outstanding(count)
            .with_max_connections(count.max(2))
            .with_max_queued(count)
            .with_max_queued_total(count)
            .with_max_transaction(u32::try_from(count).unwrap_or(u32::MAX).max(4))
            .with_max_clients_per_address(count);
        let client = ClientOptions::default()
            .with_max_outstanding(count)
            .with_max_queued(count);
        works(server, client, &format!("{count}"));
    }
}

fn works(server: ServerOptions, client: ClientOptions, what: &str) {
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, server);
    let asking = Asking::with(served.port(), client);
    for n in 0..100u32 {
        let written = asking.write(0, &n.to_le_bytes());
        written.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!(asking.read(0, 4).unwrap(), n.to_le_bytes(), "{what}");
    }
    // As long as the shortest time needs to be over many times.
    std::thread::sleep(Duration::from_millis(20));
    asking.read(0, 4).unwrap();
    assert_eq!(asking.client.stats().losses, 0, "{what}");
}

#[test]
fn a_client_that_takes_nothing_for_long_is_closed_though_its_host_lives() {
    let served = Served::with(Arc::new(Emulate::new(1, 0)), 0, server_options());
    let (mut requests, responses) = client(served.port());
    for id in 0..16 {
        requests
            .write_all(&request(id, 0, 1 << 20, READ, None))
            .unwrap();
    }
    let begun = Instant::now();
    eventually("it is dropped", || {
        served.server.stats().dropped.not_reading == 1
    });
    // Not before: its host answers for it.
    assert!(begun.elapsed() > 5 * KEEP_ALIVE, "{:?}", begun.elapsed());
    assert!(is_closed(responses));
}
