//! The only client of a server. The server waits for its requests in the system call that receives
//! them, which must not keep anybody out, nor tear anything apart.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rogue_memory_bridge::wire::{READ, WRITE};

use crate::common::{pattern, Asking, Served};
use crate::legacy::{client, header, request, response};

#[test]
fn others_come_in_while_the_only_client_is_at_work() {
    let served = Served::memory();
    let over = AtomicBool::new(false);
    let first = Asking::new(served.port()).ready();
    thread::scope(|scope| {
        let busy = scope.spawn(|| {
            let mut count = 0;
            while !over.load(Ordering::Relaxed) {
                first.read(0, 4).unwrap();
                count += 1;
            }
            count
        });
        for turn in 0..20 {
            let other = Asking::new(served.port());
            other.write(turn, &[turn as u8]).unwrap();
            assert_eq!(other.read(turn, 1).unwrap(), [turn as u8]);
            drop(other);
            // Long enough to be the only one again.
            thread::sleep(Duration::from_millis(10));
        }
        over.store(true, Ordering::Relaxed);
        assert!(busy.join().unwrap() > 20);
    });
}

#[test]
fn others_come_in_when_the_only_client_pauses() {
    let served = Served::memory();
    let first = Asking::new(served.port()).ready();
    for turn in 0..20 {
        for _ in 0..50 {
            first.read(0, 4).unwrap();
        }
        let other = Asking::new(served.port());
        other.write(0, &[turn]).unwrap();
        drop(other);
        assert_eq!(first.read(0, 1).unwrap(), [turn]);
    }
}

#[test]
fn a_client_that_only_makes_mistakes_keeps_nobody_out() {
    let served = Served::memory();
    let (mut requests, mut responses) = client(served.port());
    let wrong = request(1, 0, 0, READ, None);
    requests.write_all(&wrong).unwrap();
    let refused = responses.read(&mut [0; 256]).unwrap();
    let (over, end) = mpsc::channel::<()>();
    let busy = thread::spawn(move || {
        let mut answer = vec![0; refused];
        while end.try_recv() == Err(mpsc::TryRecvError::Empty) {
            requests.write_all(&wrong).unwrap();
            responses.read_exact(&mut answer).unwrap();
        }
    });
    for turn in 0..20 {
        Asking::new(served.port()).write(turn, &[1]).unwrap();
        thread::sleep(Duration::from_millis(5));
    }
    drop(over);
    busy.join().unwrap();
}

#[test]
fn what_the_only_client_sends_in_pieces_is_whole() {
    let served = Served::memory();
    let (mut requests, mut responses) = client(served.port());
    let mut id = 0;
    for size in [4usize, 300, 4000, 5000, 70_000, 1_200_000] {
        for pause in [0, 1, 3, 20] {
            // Some that come soon one after the other, then one in pieces.
            for _ in 0..20 {
                id += 1;
                requests.write_all(&request(id, 0, 4, READ, None)).unwrap();
                let mut answer = vec![0; 38];
                responses.read_exact(&mut answer).unwrap();
            }
            id += 1;
            let data = pattern(size, id);
            let bytes = request(id, 0x1000, size as u32, WRITE, Some(&data));
            let (head, rest) = bytes.split_at(15);
            let (middle, tail) = rest.split_at(rest.len() / 2);
            for piece in [head, middle, tail] {
                requests.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(pause));
            }
            // A legacy client's response to a Write has one byte of data.
            let expected = response(&header(id, 0x1000, size as u32, WRITE), &[0]);
            let mut answer = vec![0; expected.len()];
            responses.read_exact(&mut answer).unwrap();
            assert_eq!(answer, expected);

            id += 1;
            let read = request(id, 0x1000, size as u32, READ, None);
            requests.write_all(&read).unwrap();
            let expected = response(&header(id, 0x1000, size as u32, READ), &data);
            let mut answer = vec![0; expected.len()];
            responses.read_exact(&mut answer).unwrap();
            assert!(answer == expected, "{size} bytes with pauses of {pause} ms");
        }
    }
}

#[test]
fn a_server_stops_while_it_waits_for_its_only_client() {
    for _ in 0..20 {
        let mut served = Served::memory();
        let asking = Asking::new(served.port());
        for _ in 0..50 {
            asking.read(0, 4).unwrap();
        }
        served.stop();
        assert!(served.server.next(None).is_err());
    }
}
