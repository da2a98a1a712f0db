//! Messages as nobody of good will sends them, after a handshake.

use rogue_memory_bridge::wire::{Header, POST, PROBE, READ, VERIFY, WRITE};

use crate::handshakes::{noise, Named, LENGTHS};
use crate::peer::{header, request, response};

/// A frame, with a length of eight bytes.
pub fn frame(more: bool, data: &[u8]) -> Vec<u8> {
    let length = data.len() as u64;
    [&[2 | u8::from(more)], &length.to_be_bytes()[..], data].concat()
}

/// The frames of a request or response.
fn message(frames: &[&[u8]]) -> Vec<u8> {
    let last = frames.len() - 1;
    let frames = frames.iter().enumerate();
    frames.flat_map(|(n, data)| frame(n < last, data)).collect()
}

fn frames_of(header: &Header) -> [Vec<u8>; 4] {
    [
        header.id.to_le_bytes().to_vec(),
        header.address.to_le_bytes().to_vec(),
        header.size.to_le_bytes().to_vec(),
        header.kind.to_le_bytes().to_vec(),
    ]
}

/// What no message may be, as it goes on after `begun`, whole frames of a message that goes on.
fn endless(begun: &[u8], add: &mut impl FnMut(&str, Vec<u8>)) {
    for length in LENGTHS {
        let bytes = [begun, &[3], &length.to_be_bytes()].concat();
        add(&format!("a frame of {length} bytes"), bytes);
    }
    add("reserved flags", [begun, &[0x20, 1, 0]].concat());
    add("a command that goes on", [begun, &[0x05, 1, 0]].concat());
    let long = [begun, &[6], &513u64.to_be_bytes()].concat();
    add("a command of 513 bytes", long);
}

/// What a server closes the request connection for.
pub fn closing_requests() -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |name: &str, bytes| all.push((name.to_owned(), bytes));
    endless(&[], &mut add);
    for frames in 1..4 {
        let begun = [1, 0].repeat(frames);
        endless(&begun, &mut |name, bytes| {
            add(&format!("{name} after {frames}"), bytes)
        });
    }
    add("6 frames", [1, 1, 7].repeat(6));
    add("6 frames of a sound request", {
        let mut bytes = request(&header(1, 4, WRITE), Some(&[1, 2, 3, 4]));
        // The data is not the last, as it says.
        bytes[28] = 1;
        bytes.extend([1, 0]);
        bytes
    });
    add(
        "a field of 64 KiB and one",
        frame(true, &vec![0; (1 << 16) + 1]),
    );
    for seed in 1..4 {
        // Whatever it begins with, something in it is none: the first byte sets a reserved flag.
        let bytes = [&[0x80][..], &noise(50_000, seed)].concat();
        add(&format!("noise {seed}"), bytes);
    }
    all
}

/// Requests that are refused or dropped; the connection stays.
pub fn refused_requests() -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |name: String, bytes| all.push((name, bytes));
    for kind in [0, 5, 99, 0x8000_0000, PROBE - 1, u32::MAX] {
        let bytes = request(&header(7, 4, kind), None);
        add(format!("type {kind}"), bytes);
        let bytes = request(&header(7, 4, kind), Some(&[1; 4]));
        add(format!("type {kind} with data"), bytes);
    }
    add(
        "a probe with a size".into(),
        request(&header(7, 4, PROBE), None),
    );
    add(
        "a probe with data".into(),
        request(&header(7, 0, PROBE), Some(&[1])),
    );
    for kind in [READ, WRITE, POST, VERIFY] {
        let data = matches!(kind, WRITE | POST).then_some(&[][..]);
        add(
            format!("type {kind} of 0 bytes"),
            request(&header(7, 0, kind), data),
        );
        for size in [(16 << 20) + 1, u32::MAX] {
            let data = matches!(kind, WRITE | POST).then_some(&[1, 2, 3][..]);
            let bytes = request(&header(7, size, kind), data);
            add(format!("type {kind} of {size} bytes"), bytes);
        }
    }
    for (size, count) in [(4, 0), (4, 3), (4, 5), (4, 100_000), (100_000, 99_999)] {
        for kind in [WRITE, POST] {
            let bytes = request(&header(7, size, kind), Some(&vec![1; count]));
            add(format!("type {kind} of {size} with {count} bytes"), bytes);
        }
    }
    add(
        "a write without data".into(),
        request(&header(7, 4, WRITE), None),
    );
    let sound = frames_of(&header(7, 4, READ));
    for short in 1..4 {
        let frames: Vec<&[u8]> = sound[..short].iter().map(Vec::as_slice).collect();
        add(format!("{short} frames"), message(&frames));
    }
    for field in 0..4 {
        for length in [0, 1, 3, 5, 7, 9, 255, 256, 1 << 16] {
            let mut frames = sound.clone();
            frames[field].resize(length, 0);
            if frames[field].len() == sound[field].len() {
                continue;
            }
            let frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
            add(format!("field {field} of {length} bytes"), message(&frames));
        }
    }
    all
}

/// What a client closes the response connection for.
pub fn closing_responses() -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |name: &str, bytes| all.push((name.to_owned(), bytes));
    endless(&[], &mut add);
    for frames in [1, 3, 4, 5] {
        let begun = [1, 0].repeat(frames);
        if frames < 5 {
            endless(&begun, &mut |name, bytes| {
                add(&format!("{name} after {frames}"), bytes)
            });
        }
    }
    add("7 frames", [1, 1, 7].repeat(7));
    add(
        "a field of 64 KiB and one",
        frame(true, &vec![0; (1 << 16) + 1]),
    );
    let result = [
        &[1, 0].repeat(5)[..],
        &frame(false, &vec![b'x'; (1 << 16) + 1]),
    ]
    .concat();
    add("a result of 64 KiB and one", result);
    for seed in 1..4 {
        let bytes = [&[0x80][..], &noise(50_000, seed)].concat();
        add(&format!("noise {seed}"), bytes);
    }
    all
}

/// Responses that do not fit `asked`, a Read of 4 bytes; the connection stays. Those that answer it
/// all the same fail it.
pub fn wrong_responses(asked: &Header) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |name: &str, bytes| all.push((name.to_owned(), bytes));
    let data = [1, 2, 3, 4];
    let other = |change: fn(&mut Header)| {
        let mut header = *asked;
        change(&mut header);
        header
    };
    add("another id", response(&other(|h| h.id ^= 1), &data, b"OK"));
    add(
        "another address",
        response(&other(|h| h.address += 4), &data, b"OK"),
    );
    add(
        "another size",
        response(&other(|h| h.size = 3), &data, b"OK"),
    );
    add(
        "a huge size",
        response(&other(|h| h.size = u32::MAX), &data, b"OK"),
    );
    add(
        "another type",
        response(&other(|h| h.kind = WRITE), &data, b"OK"),
    );
    add(
        "an unknown type",
        response(&other(|h| h.kind = 77), &data, b"OK"),
    );
    add("no data", response(asked, &[], b"OK"));
    add("less data", response(asked, &data[..3], b"OK"));
    add("more data", response(asked, &[9; 5], b"OK"));
    add("far more data", response(asked, &vec![9; 1 << 20], b"OK"));
    add(
        "a text that is no text",
        response(asked, &data, &[0xFF, 0xFE, b'%', b'n']),
    );
    let head = response(asked, &data, b"");
    let long = [&head[..head.len() - 2], &frame(false, &vec![b'%'; 1 << 16])].concat();
    add("a result of 64 KiB", long);
    let frames = frames_of(asked);
    for short in 1..=4 {
        let frames: Vec<&[u8]> = frames[..short].iter().map(Vec::as_slice).collect();
        add(&format!("{short} frames"), message(&frames));
    }
    let mut frames: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    frames.push(&data);
    add("5 frames", message(&frames));
    for field in 0..4 {
        let mut wrong = frames.clone();
        wrong[field] = &[0; 3];
        wrong.push(b"OK");
        add(&format!("field {field} of 3 bytes"), message(&wrong));
    }
    all
}
