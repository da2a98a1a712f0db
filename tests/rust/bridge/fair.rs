//! Whose turn it is, what the slave may have in its hands, and how many may come from where.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rogue_memory_bridge::bus::{Emulate, Memory, Transaction, POST, READ, WRITE};
use rogue_memory_bridge::endpoint::{admit, ServerOptions, TcpServer};
use rogue_memory_bridge::error::ErrorKind;
use rogue_memory_bridge::wire::{greeting, ready, Role};
use socket2::{Domain, Socket, Type};

use crate::common::{eventually, Asking, Keeper, Served, PATIENCE};
use crate::legacy::{client, is_closed, read_header, request, shake};

/// The next transaction of a server that a test pulls from, if one comes soon.
fn pull(server: &TcpServer, soon: Duration) -> Option<Transaction> {
    let transaction = server.next(Some(soon)).unwrap()?;
    assert!(admit(&transaction, 1, 0));
    Some(transaction)
}

fn pull_now(server: &TcpServer) -> Transaction {
    pull(server, PATIENCE).expect("a transaction comes")
}

/// Runs `make` on a thread of its own, while the server is pulled from, and nothing comes of that.
fn while_pulled<T: Send>(server: &TcpServer, make: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(make);
        while !thread.is_finished() {
            assert!(pull(server, Duration::from_millis(5)).is_none());
        }
        thread.join().unwrap()
    })
}

#[test]
fn row_3_a_register_access_passes_the_large_blocks_of_others() {
    const LARGE: u32 = 16 << 20;
    let options = ServerOptions::default()
        .with_max_outstanding(1)
        .with_max_queued(1 << 30)
        .with_max_queued_total(1 << 40)
        .with_keep_alive(Duration::from_secs(60));
    let server = TcpServer::bind("127.0.0.1", 0, options).unwrap();
    let clients = while_pulled(&server, || {
        (0..17).map(|_| client(server.port())).collect::<Vec<_>>()
    });
    let (mut small, _responses) = clients.last().map(|(a, b)| (a, b)).unwrap();
    for (requests, _) in &clients[..16] {
        let mut requests = requests;
        let four: Vec<_> = (0..4)
            .flat_map(|id| request(id, 1, LARGE, READ, None))
            .collect();
        requests.write_all(&four).unwrap();
    }
    let mut between = Vec::new();
    for turn in 0..6u64 {
        // All that was sent has come when this one has.
        small.write_all(&request(9, 2, 4, READ, None)).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let mut before = 0;
        loop {
            let next = pull_now(&server);
            next.done();
            if next.address() == 2 {
                break;
            }
            before += 1;
        }
        between.push((turn, before));
    }
    // One may be on its way already.
    assert!(
        between.iter().all(|(_, before)| *before <= 2),
        "{between:?}"
    );
}

#[test]
fn row_13_reads_that_a_slave_has_lost_do_not_count_when_their_client_has_gone() {
    let keeper = Keeper::new();
    let served = Served::new(keeper.clone());
    // More than once, since those that are lost stay lost.
    let mut lost = Vec::new();
    for _ in 0..3 {
        let (mut requests, responses) = client(served.port());
        for id in 0..40 {
            requests.write_all(&request(id, 0, 4, READ, None)).unwrap();
        }
        lost.extend(keeper.take(32));
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!(keeper.count(), 0, "32 are the most");
        drop((requests, responses));
        eventually("its client has gone", || lost.iter().all(|t| t.expired()));
        let asking = Asking::new(served.port()).ready();
        let begun = Instant::now();
        asking.master.request(8, Memory::owned(vec![0; 4]), READ);
        keeper.take(1)[0].done();
        asking.master.wait(0).unwrap();
        assert!(
            begun.elapsed() < Duration::from_secs(5),
            "{:?}",
            begun.elapsed()
        );
    }
    let error = lost[0].outcome().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionLost, "{error}");
    // To complete them now does nothing.
    assert!(lost.iter().all(|transaction| !transaction.done()));
}

#[test]
fn row_13_what_a_client_wrote_before_it_went_is_carried_out_but_not_waited_for() {
    let options = ServerOptions::default().with_max_outstanding(4);
    let keeper = Keeper::new();
    let served = Served::with(keeper.clone(), 0, options);
    let (mut requests, responses) = client(served.port());
    for id in 0..6 {
        let post = request(id, id.into(), 4, POST, Some(&[1; 4]));
        requests.write_all(&post).unwrap();
    }
    let mut lost = keeper.take(4);
    // The server has read all of them by now.
    std::thread::sleep(Duration::from_millis(200));
    drop((requests, responses));
    std::thread::sleep(Duration::from_millis(100));
    assert!(
        lost.iter().all(|t| !t.expired()),
        "they are still to be carried out"
    );
    assert_eq!(keeper.count(), 0, "the slave has as many as it may");
    lost.extend(keeper.take(2));
    let asking = Asking::new(served.port()).ready();
    let memory = Memory::owned(vec![0; 4]);
    asking.master.request(8, memory, READ);
    keeper.take(1)[0].done();
    asking.master.wait(0).unwrap();
    assert!(lost.iter().all(|transaction| transaction.done()));
    let posts = || served.server.stats().traffic.posts;
    assert_eq!((posts().done, posts().failed), (6, 0));
}

#[test]
fn row_13_a_slave_that_has_one_at_a_time_has_it_to_itself_for_some_time() {
    let options = ServerOptions::default()
        .with_max_outstanding(1)
        .with_keep_alive(Duration::from_secs(2));
    let keeper = Keeper::new();
    let served = Served::with(keeper.clone(), 0, options);
    let (mut requests, responses) = client(served.port());
    requests.write_all(&request(1, 0, 4, READ, None)).unwrap();
    let lost = keeper.take(1);
    drop((requests, responses));
    let gone = Instant::now();
    let asking = Asking::new(served.port());
    let memory = Memory::owned(vec![0; 4]);
    asking.master.request(8, memory, READ);
    let next = keeper.take(1);
    assert!(
        gone.elapsed() > Duration::from_millis(1500),
        "{:?}",
        gone.elapsed()
    );
    assert!(lost[0].expired());
    next[0].done();
    asking.master.wait(0).unwrap();
}

#[test]
fn row_13_clients_that_come_and_go_do_not_fill_a_slow_slave() {
    let options = ServerOptions::default().with_max_outstanding(4);
    let server = TcpServer::bind("127.0.0.1", 0, options).unwrap();
    let mut held = Vec::new();
    let soon = Duration::from_millis(200);
    loop {
        let before = held.len();
        let (requests, responses) = std::thread::scope(|scope| {
            let coming = scope.spawn(|| {
                let (mut requests, responses) = client(server.port());
                for id in 0..8 {
                    requests.write_all(&request(id, 0, 64, READ, None)).unwrap();
                }
                (requests, responses)
            });
            while !coming.is_finished() {
                held.extend(pull(&server, Duration::from_millis(10)));
            }
            coming.join().unwrap()
        });
        while let Some(next) = pull(&server, soon) {
            held.push(next);
        }
        drop((requests, responses));
        while let Some(next) = pull(&server, soon) {
            held.push(next);
        }
        assert!(held.len() <= 4 * 9, "{} with the slave", held.len());
        if held.len() == before {
            break;
        }
    }
    assert_eq!(held.len(), 4 * 9);
    // It lets go of them, and is given more.
    held.clear();
    let (mut requests, _responses) = std::thread::scope(|scope| {
        let coming = scope.spawn(|| client(server.port()));
        while !coming.is_finished() {
            held.extend(pull(&server, Duration::from_millis(10)));
        }
        coming.join().unwrap()
    });
    requests.write_all(&request(1, 7, 4, READ, None)).unwrap();
    let end = Instant::now() + PATIENCE;
    while pull_now(&server).address() != 7 {
        assert!(Instant::now() < end);
    }
}

#[test]
fn row_13_what_is_lost_for_a_client_that_lives_comes_free_when_its_time_is_over() {
    let options = ServerOptions::default()
        .with_max_outstanding(4)
        .with_timeout(Some(Duration::from_millis(300)));
    assert_eq!(
        ServerOptions::default().timeout,
        Some(Duration::from_secs(3600))
    );
    let server = TcpServer::bind("127.0.0.1", 0, options).unwrap();
    let (mut requests, mut responses) = while_pulled(&server, || client(server.port()));
    for id in 0..5 {
        requests.write_all(&request(id, 0, 4, READ, None)).unwrap();
    }
    let lost: Vec<_> = (0..4).map(|_| pull_now(&server)).collect();
    let begun = Instant::now();
    // All four are lost, and the fifth comes nevertheless.
    pull_now(&server).done();
    let took = begun.elapsed();
    assert!(
        took > Duration::from_millis(200) && took < Duration::from_secs(5),
        "{took:?}"
    );
    while !lost.iter().all(|transaction| transaction.expired()) {
        assert!(begun.elapsed() < PATIENCE);
        assert!(pull(&server, Duration::from_millis(10)).is_none());
    }
    let error = lost[0].outcome().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    read_header(&mut responses);
}

/// Both connections of a legacy client at `address`: requests, responses.
fn client_from(address: Ipv4Addr, port: u16) -> std::io::Result<(TcpStream, TcpStream)> {
    let responses = shake_from(address, port + 1, Role::Pull)?;
    Ok((shake_from(address, port, Role::Push)?, responses))
}

fn shake_from(address: Ipv4Addr, port: u16, role: Role) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((address, 0)).into())?;
    socket.connect(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&greeting())?;
    stream.write_all(&ready(role, None))?;
    let mut answer = vec![0; 64 + ready(role.peer(), None).len()];
    std::io::Read::read_exact(&mut stream, &mut answer)?;
    Ok(stream)
}

#[test]
fn row_21_one_address_leaves_room_for_others() {
    let mut options = ServerOptions::default().with_max_connections(16);
    let memory = Arc::new(Emulate::new(1, 0));
    let served = Served::with(memory, 0, options.clone());
    let (one, other) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    // Half of them, in clients.
    let mut clients: Vec<_> = (0..4)
        .map(|_| client_from(one, served.port()).unwrap())
        .collect();
    let over = || served.server.stats().dropped.over_limit;
    assert_eq!(over(), 0);
    assert!(client_from(one, served.port()).is_err());
    assert!(shake_from(one, served.port(), Role::Push).is_err());
    assert_eq!(over(), 2);
    let (mut requests, mut responses) = client_from(other, served.port()).unwrap();
    requests.write_all(&request(1, 0, 4, READ, None)).unwrap();
    read_header(&mut responses);
    // One goes: there is room.
    drop(clients.pop());
    eventually("it has gone", || served.server.stats().connections == 8);
    clients.push(client_from(one, served.port()).unwrap());
    // What is set holds in place of that.
    options.max_clients_per_address = 5;
    served.server.set_options(&options);
    clients.push(client_from(one, served.port()).unwrap());
    assert!(client_from(one, served.port()).is_err());
}

#[test]
fn row_21_half_of_a_client_is_closed_when_its_other_half_does_not_come() {
    let options = ServerOptions::default().with_handshake_timeout(Duration::from_millis(600));
    let keeper = Keeper::new();
    let served = Served::with(keeper.clone(), 0, options);
    let pair = client(served.port());
    let half = || served.server.stats().dropped.handshake;
    let other = Ipv4Addr::new(127, 0, 0, 2);
    assert!(is_closed(
        shake_from(other, served.port() + 1, Role::Pull).unwrap()
    ));
    assert_eq!(half(), 1);
    let mut posting = shake_from(other, served.port(), Role::Push).unwrap();
    let begun = Instant::now();
    // Longer than that, but never silent for as long.
    while begun.elapsed() < Duration::from_millis(1800) {
        posting
            .write_all(&request(1, 0, 4, POST, Some(&[1; 4])))
            .unwrap();
        keeper.take(1)[0].done();
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!((half(), served.server.stats().connections), (1, 3));
    assert!(is_closed(posting));
    assert_eq!(half(), 2);
    // A client that has both may be silent for as long as it likes.
    let (mut requests, mut responses) = pair;
    requests
        .write_all(&request(2, 0, 4, WRITE, Some(&[1; 4])))
        .unwrap();
    keeper.take(1)[0].done();
    read_header(&mut responses);
    // If it loses one of them, it has time to make another.
    drop(responses);
    std::thread::sleep(Duration::from_millis(200));
    let mut responses = shake(served.port() + 1, Role::Pull);
    std::thread::sleep(Duration::from_millis(900));
    requests.write_all(&request(3, 0, 4, READ, None)).unwrap();
    keeper.take(1)[0].done();
    assert_eq!(read_header(&mut responses).id, 3);
}
