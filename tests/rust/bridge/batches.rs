//! Messages that leave together, and what becomes of them when something ends meanwhile.

use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Memory, Slave, Transaction, POST, READ, WRITE};
use rogue_memory_bridge::endpoint::{
    admit, ClientOptions, LinkState, ServerOptions, TcpClient, TcpServer,
};

use crate::common::PATIENCE;

fn ask(client: &TcpClient, kind: u32) -> Transaction {
    let memory = Some(Memory::owned(vec![7; 4]));
    let transaction = Transaction::new(0x10, 4, kind, memory, PATIENCE);
    client.do_transaction(transaction.clone());
    transaction.taken();
    transaction
}

/// A polled server with a client that is connected to it.
fn pair(options: ServerOptions) -> (Arc<TcpServer>, TcpClient) {
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options).unwrap());
    let client = TcpClient::new("127.0.0.1", server.port(), ClientOptions::default()).unwrap();
    while client.link_state() != LinkState::Connected || server.peer_stats().is_empty() {
        server.next(Some(Duration::from_millis(5))).unwrap();
    }
    server.next(Some(Duration::from_millis(20))).unwrap();
    (server, client)
}

#[test]
fn what_is_complete_is_answered_before_a_server_stops() {
    let (server, client) = pair(ServerOptions::default());
    let (first, second) = (ask(&client, WRITE), ask(&client, WRITE));
    // Both leave, and come: the response to the first waits for the second.
    thread::sleep(Duration::from_millis(20));
    let pulled = server.next(Some(PATIENCE)).unwrap().unwrap();
    assert!(admit(&pulled, 1, 0));
    pulled.done();
    server.stop();
    first.wait().unwrap();
    assert!(second
        .wait()
        .unwrap_err()
        .text()
        .contains("connection lost"));
}

#[test]
fn a_request_on_its_own_after_a_burst_leaves_though_nobody_waits() {
    let (server, client) = pair(ServerOptions::default());
    for burst in [4, 1, 1, 4, 2] {
        // After a burst, more are taken to follow the first.
        let requests: Vec<_> = (0..burst).map(|_| ask(&client, READ)).collect();
        for _ in &requests {
            let pulled = server.next(Some(PATIENCE)).unwrap().unwrap();
            assert!(admit(&pulled, 1, 0));
            pulled.done();
        }
        server.next(Some(Duration::ZERO)).unwrap();
        for request in requests {
            request.wait().unwrap();
        }
    }
}

#[test]
fn a_response_that_has_come_is_not_lost_with_the_connection() {
    let (server, client) = pair(ServerOptions::default());
    // Who waits reads; the client's thread does not stand by to do so for a while after that.
    let read = ask(&client, READ);
    let waiter = thread::spawn(move || read.wait());
    let pulled = server.next(Some(PATIENCE)).unwrap().unwrap();
    assert!(admit(&pulled, 1, 0));
    pulled.done();
    server.next(Some(Duration::from_millis(20))).unwrap();
    waiter.join().unwrap().unwrap();
    let transactions: Vec<_> = (0..10).map(|_| ask(&client, WRITE)).collect();
    for _ in 0..5 {
        let pulled = server.next(Some(PATIENCE)).unwrap().unwrap();
        assert!(admit(&pulled, 1, 0));
        pulled.done();
    }
    server.stop();
    // Nobody waits: it is the client's thread that notices the end.
    client.wait_link(LinkState::Lost, Some(PATIENCE)).unwrap();
    for (number, transaction) in transactions.iter().enumerate() {
        assert_eq!(transaction.wait().is_ok(), number < 5, "{number}");
    }
}

#[test]
fn what_was_asked_for_is_sent_before_a_client_stops() {
    let (server, client) = pair(ServerOptions::default());
    let read = ask(&client, READ);
    let post = ask(&client, POST);
    client.stop();
    post.wait().unwrap();
    assert!(read.wait().unwrap_err().text().contains("stopped"));
    let mut kinds = Vec::new();
    while let Some(transaction) = server.next(Some(Duration::from_millis(200))).unwrap() {
        kinds.push(transaction.kind().number());
        transaction.done();
    }
    // Nobody waits for the Read any more; what was written is carried out.
    assert_eq!(kinds, [POST]);
}

#[test]
fn transactions_that_a_slave_drops_do_not_stop_the_server() {
    // Their deadlines are looked after at the moment when their last handles go.
    let options = ServerOptions::default()
        .with_max_outstanding(256)
        .with_timeout(Some(Duration::from_secs(100)));
    let server = Arc::new(TcpServer::bind("127.0.0.1", 0, options).unwrap());
    let port = server.port();
    let (send, receive) = mpsc::channel::<Transaction>();
    let receive = Arc::new(Mutex::new(receive));
    thread::scope(|scope| {
        for _ in 0..2 {
            let receive = Arc::clone(&receive);
            scope.spawn(move || loop {
                let Ok(transaction) = receive.lock().unwrap().recv() else {
                    return;
                };
                drop(transaction);
            });
        }
        let pulling = Arc::clone(&server);
        scope.spawn(move || {
            while let Ok(next) = pulling.next(None) {
                next.map(|transaction| send.send(transaction));
            }
        });
        let end = Instant::now() + Duration::from_secs(4);
        let clients = [(); 2].map(|()| {
            scope.spawn(move || {
                let client = TcpClient::new("127.0.0.1", port, ClientOptions::default()).unwrap();
                while Instant::now() < end {
                    let many: Vec<_> = (0..100).map(|_| ask(&client, READ)).collect();
                    for transaction in many {
                        let error = transaction.wait().unwrap_err();
                        assert!(error.text().contains("without completing it"), "{error}");
                    }
                }
            })
        });
        let results = clients.map(|client| client.join());
        server.stop();
        results.into_iter().for_each(|result| result.unwrap());
    });
}
