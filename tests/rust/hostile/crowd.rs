//! Ten thousand connections that never say anything, from a process of their own, so that each of
//! the two processes has its descriptors to itself.
#![allow(unsafe_code)]

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::measure::{alone, comes_back, eventually, median, no_longer, When, BOUND};
use crate::process::{answer, arguments, Process};
use crate::server::Good;

/// As many there are, if the system lets a process have as many.
const CROWD: usize = 10_000;
/// Bytes that may stay of it in tables, until there is another.
const KEPT: usize = 256;
/// Bytes that a connection may take of the server, before its handshake.
const EACH: usize = 4 << 10;

/// Raises this process's limit of descriptors as far as it may; returns it.
pub fn take_all_descriptors() -> usize {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: one valid place for the limits, in both calls.
    unsafe {
        assert_eq!(libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit), 0);
        limit.rlim_cur = limit.rlim_max;
        assert_eq!(libc::setrlimit(libc::RLIMIT_NOFILE, &limit), 0);
    }
    usize::try_from(limit.rlim_cur).unwrap_or(usize::MAX)
}

#[test]
fn a_server_stands_up_to_ten_thousand_connections_that_say_nothing() {
    let _alone = alone();
    // What a process needs for itself is left.
    let most = CROWD.min(take_all_descriptors().saturating_sub(100));
    // All of them are taken in; then fewer are allowed than come.
    for (allowed, come) in [(most + 10, most), (1000, most)] {
        let mut process = Process::run("server::a_server_in_a_process", &allowed.to_string());
        let port: u16 = process.first.parse().unwrap();
        let good = Good::new(port);
        good.burst();
        let mut before = Duration::MAX;
        (0..3).for_each(|_| before = before.min(median(|| good.transact())));
        let held = process.held();
        let argument = format!("{port} {come}");
        let mut crowd = Process::run("crowd::a_crowd_in_a_process", &argument);
        let stay = come.min(allowed - 2) + 2;
        eventually("all that are allowed are there", || {
            process.ask("connections").parse() == Ok(stay)
        });
        let time = || median(|| good.transact());
        no_longer("a crowd", When::Meanwhile, before, time);
        let now = process.held();
        let bound = stay * EACH + (1 << 20);
        assert!(now.most < held.bytes + bound, "{held:?}, then {now:?}");
        assert_eq!(crowd.ask("leave"), "left");
        eventually("they have gone", || process.ask("connections") == "2");
        // The tables have had room for all of them.
        comes_back("a crowd", &mut process, held, BOUND + stay * KEPT);
        no_longer("a crowd", When::Afterwards, before, time);
        Good::new(port).transact();
        assert_eq!(good.losses(), 0);
        println!("{stay} of {come}: {} bytes at most", now.most - held.bytes);
        crowd.finish();
        process.finish();
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn a_crowd_in_a_process() {
    take_all_descriptors();
    let numbers: Vec<usize> = arguments()
        .iter()
        .map(|word| word.parse().unwrap())
        .collect();
    let (port, count) = (numbers[0], numbers[1]);
    let connect = |n: usize| -> TcpStream {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        // Gone without a trace when it is closed, so that the ports are there for the next.
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        // From several addresses, each of which has ports of its own.
        let from = Ipv4Addr::new(127, 0, 0, 2 + (n % 4) as u8);
        socket.bind(&SocketAddr::from((from, 0)).into()).unwrap();
        let port = (port + n % 2) as u16;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        socket.connect(&to.into()).unwrap();
        socket.into()
    };
    let mut all: Vec<_> = (0..count).map(connect).collect();
    answer("", |_| {
        all.clear();
        "left".to_owned()
    });
}
