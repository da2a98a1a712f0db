//! Row 22 at a client: what a server of the field may send to it though it is somebody else's. The
//! server is played by the test.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::ptr::NonNull;

use rogue_memory_bridge::bus::{Memory, Slave, Transaction, READ};
use rogue_memory_bridge::wire::Header;

use crate::common::Asking;
use crate::legacy::{header, read_header, response, Listening};

/// A command, with a context of two bytes, and its answer.
const PING: &[u8] = b"\x04\x09\x04PING\x00\x00ok";
const PONG: &[u8] = b"\x04\x07\x04PONGok";

const RIGHT: [u8; 4] = [0x60; 4];
const WRONG: [u8; 4] = [0xBA; 4];

/// A transaction that is yet to be sent, by [`send`]. `word` must live, untouched, until the wait.
fn read(asking: &Asking, address: u64, word: &mut [u8; 4]) -> Transaction {
    // SAFETY: the callers keep `word` until they have waited for the transaction.
    let memory = unsafe { Memory::caller(NonNull::from(word).cast(), 4) };
    asking.master.create(address, memory, READ)
}

fn send(asking: &Asking, transaction: &Transaction) {
    asking.client.do_transaction(transaction.clone());
    transaction.taken();
}

/// The number that this process adds to a transaction's id to make its id on the wire.
fn base() -> u32 {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let mut word = [0; 4];
    let transaction = read(&asking, 0, &mut word);
    send(&asking, &transaction);
    let (mut requests, mut responses) = listening.accept();
    let header = read_header(&mut requests);
    responses.write_all(&response(&header, &RIGHT)).unwrap();
    asking.master.wait(transaction.id()).unwrap();
    assert_eq!(word, RIGHT);
    header.id.wrapping_sub(transaction.id())
}

/// The response that a transaction would take for its own, with another's value.
fn stale(base: u32, transaction: &Transaction) -> Vec<u8> {
    let id = transaction.id().wrapping_add(base);
    response(&header(id, transaction.address(), 4, READ), &WRONG)
}

#[test]
fn row_22_what_comes_before_the_first_request_is_dropped() {
    let base = base();
    // Together with the server's half of the handshake
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let mut word = [0; 4];
    let transaction = read(&asking, 0x20, &mut word);
    send(&asking, &transaction);
    let early = stale(base, &transaction);
    let (mut requests, mut responses) = listening.accept_with(&early);
    let header = read_header(&mut requests);
    assert_eq!(header.id, transaction.id().wrapping_add(base));
    responses.write_all(&response(&header, &RIGHT)).unwrap();
    asking.master.wait(transaction.id()).unwrap();
    assert_eq!(word, RIGHT);

    // After it
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let (mut requests, mut responses) = listening.accept();
    let mut word = [0; 4];
    let transaction = read(&asking, 0x24, &mut word);
    let bytes = [stale(base, &transaction), PING.to_vec()].concat();
    responses.write_all(&bytes).unwrap();
    let mut pong = vec![0; PONG.len()];
    responses.read_exact(&mut pong).unwrap();
    assert_eq!(pong, PONG, "it has read what came before");
    send(&asking, &transaction);
    let header = read_header(&mut requests);
    responses.write_all(&response(&header, &RIGHT)).unwrap();
    asking.master.wait(transaction.id()).unwrap();
    assert_eq!(word, RIGHT);
}

#[test]
fn row_22_a_response_of_another_client_is_not_taken() {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let mut words = [[0; 4]; 2];
    let [one, other] = &mut words;
    let first = read(&asking, 0x10, one);
    let second = read(&asking, 0x14, other);
    send(&asking, &first);
    let (mut requests, mut responses) = listening.accept();
    let mine: Header = read_header(&mut requests);
    // As others number theirs: from 1, as Rogue's clients, or from some number of their own.
    let others = [1, 2, first.id(), !mine.id, mine.id.wrapping_add(1 << 20)];
    for id in others.into_iter().filter(|id| *id != mine.id) {
        let other = Header { id, ..mine };
        responses.write_all(&response(&other, &WRONG)).unwrap();
    }
    responses.write_all(&response(&mine, &RIGHT)).unwrap();
    asking.master.wait(first.id()).unwrap();
    // A second answer to it is nobody's. The connection goes on.
    responses.write_all(&response(&mine, &WRONG)).unwrap();
    send(&asking, &second);
    let mine = read_header(&mut requests);
    responses.write_all(&response(&mine, &RIGHT)).unwrap();
    asking.master.wait(second.id()).unwrap();
    assert_eq!(words, [RIGHT; 2]);
}

/// Names the port for [`a_process_that_asks_once`].
const PORT: &str = "RIM_TEST_PORT";

#[test]
fn row_22_each_process_begins_at_an_id_of_its_own() {
    let mut ids = vec![base()];
    for _ in 0..3 {
        let listening = Listening::new();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "strangers::a_process_that_asks_once"])
            .args(["--ignored", "--test-threads=1"])
            .env(PORT, listening.port.to_string())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (mut requests, mut responses) = listening.accept();
        let header = read_header(&mut requests);
        responses.write_all(&response(&header, &RIGHT)).unwrap();
        assert!(child.wait().unwrap().success());
        ids.push(header.id);
    }
    // Each of them has asked for the first time. Were one number to come twice by chance, it would
    // be once in a thousand million times.
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4, "{ids:x?}");
}

#[test]
#[ignore = "run by row_22_each_process_begins_at_an_id_of_its_own, in a process of its own"]
fn a_process_that_asks_once() {
    let port = std::env::var(PORT).unwrap().parse().unwrap();
    assert_eq!(Asking::new(port).read(0x30, 4).unwrap(), RIGHT);
}
