//! A client that waits for one large block takes what comes next for its response, and receives it
//! where it belongs. Here the server, played by the test, sends that or something else.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use rogue_memory_bridge::bus::READ;
use rogue_memory_bridge::wire::{response_head, Header};

use crate::common::Asking;
use crate::legacy::{read_header, response, Listening};

const SIZE: usize = 40_000;
const PING: &[u8] = b"\x04\x09\x04PING\x00\x00ok";

/// Every stretch of it is unlike every other.
fn block() -> Vec<u8> {
    (0..SIZE as u32 / 4)
        .flat_map(|n| (n.wrapping_mul(0x9e37_79b1) | 1).to_le_bytes())
        .collect()
}

/// Reads a block from a server that answers with the pieces that `answer` makes of the request, with
/// pauses between them; and one before and one after it. What came of it, and what was in its memory.
fn read(answer: impl Fn(&Header) -> Vec<Vec<u8>> + Send) -> (Result<(), String>, Vec<u8>) {
    let listening = Listening::new();
    let asking = Asking::new(listening.port);
    let mut data = vec![0xEE; SIZE];
    let id = asking.ask(0x100, &mut data, READ);
    let (mut requests, mut responses) = listening.accept();
    let outcome = std::thread::scope(|scope| {
        let server = scope.spawn(move || {
            let header = read_header(&mut requests);
            send_all(&mut responses, &[response(&header, &block())]);
            let header = read_header(&mut requests);
            send_all(&mut responses, &answer(&header));
            let header = read_header(&mut requests);
            send_all(&mut responses, &[response(&header, &block())]);
            (requests, responses)
        });
        asking.master.wait(id).unwrap();
        assert!(data == block(), "the read before it");
        data.fill(0xEE);
        let id = asking.ask(0x200, &mut data, READ);
        let outcome = asking.master.wait(id);
        // Whatever came, the connection goes on.
        let after = asking.read(0x300, SIZE).unwrap();
        assert!(after == block(), "the read after it");
        // Not closed before that.
        drop(server.join().unwrap());
        outcome
    });
    (outcome.map_err(|error| error.text().to_owned()), data)
}

fn send_all(stream: &mut TcpStream, pieces: &[Vec<u8>]) {
    for (n, piece) in pieces.iter().enumerate() {
        if n > 0 {
            std::thread::sleep(Duration::from_millis(5));
        }
        stream.write_all(piece).unwrap();
    }
}

fn succeeds(answer: impl Fn(&Header) -> Vec<Vec<u8>> + Send) {
    let (outcome, data) = read(answer);
    assert_eq!(outcome, Ok(()));
    assert!(data == block(), "the data");
}

#[test]
fn in_one_piece() {
    succeeds(|header| vec![response(header, &block())]);
}

#[test]
fn in_pieces_that_end_anywhere() {
    let head = 37;
    for cut in [
        1,
        28,
        head - 1,
        head,
        head + 1,
        head + SIZE,
        head + SIZE + 2,
    ] {
        succeeds(|header| {
            let bytes = response(header, &block());
            let (one, other) = bytes.split_at(cut);
            vec![one.to_vec(), other.to_vec()]
        });
    }
    succeeds(|header| {
        response(header, &block())
            .chunks(7000)
            .map(<[u8]>::to_vec)
            .collect()
    });
}

#[test]
fn behind_commands() {
    // Fewer and more bytes than the head of a response has.
    for count in [1, 2, 3, 4, 5, 1000] {
        succeeds(|header| vec![[PING.repeat(count), response(header, &block())].concat()]);
        succeeds(|header| vec![PING.repeat(count), response(header, &block())]);
    }
    // Commands behind it
    succeeds(|header| vec![[response(header, &block()), PING.repeat(500)].concat()]);
}

#[test]
fn behind_a_response_that_nobody_waits_for() {
    for len in [0, 4, 255, 256, SIZE - 1, SIZE, 3 * SIZE] {
        succeeds(|header| {
            let other = Header {
                id: header.id.wrapping_add(7),
                ..*header
            };
            vec![[
                response(&other, &vec![0xBA; len]),
                response(header, &block()),
            ]
            .concat()]
        });
    }
}

#[test]
fn a_failure_without_data_leaves_nothing_of_the_wire_in_memory() {
    let text = b"no such register";
    let (outcome, data) = read(|header| {
        let head = response_head(header, 0);
        let result = [b"\x00", &[text.len() as u8][..], text].concat();
        vec![[head.as_bytes(), &result[..]].concat()]
    });
    assert!(outcome.unwrap_err().contains("no such register"));
    assert!(data.iter().all(|byte| [0, 0xEE].contains(byte)));
}

#[test]
fn another_size_than_was_asked_for_is_an_error() {
    for len in [1, 300, SIZE - 1, SIZE + 1, 2 * SIZE] {
        let (outcome, _) = read(|header| vec![response(header, &vec![0xBA; len])]);
        let text = outcome.unwrap_err();
        let expected = format!("{len} bytes of data for a size of {SIZE}");
        assert!(text.contains(&expected), "{text}");
    }
}
