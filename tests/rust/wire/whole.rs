//! Messages that are taken whole, and data that is passed over: where that is right, and where not.

use rogue_memory_bridge::wire::{request_head, response_head, response_tail, response_tail_ok};

use super::*;

fn limits(max_data: u64) -> Limits {
    Limits {
        max_data,
        ..Limits::default()
    }
}

/// Whether the first message of `bytes` is taken whole, to its end.
fn is_taken(messages: Messages, max_data: u64, bytes: &[u8]) -> bool {
    let mut decoder = ready_decoder(messages, limits(max_data));
    let mut input = bytes;
    let taken = decoder.take_message(&mut input).is_some();
    assert_eq!(input.len(), if taken { 0 } else { bytes.len() });
    taken
}

/// Pieces of data that follow each other are one.
fn joined(seen: Vec<Seen>) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    for event in seen {
        match (all.last_mut(), event) {
            (Some(Seen::Data(data)), Seen::Data(more)) => data.extend(more),
            (_, event) => all.push(event),
        }
    }
    all
}

#[test]
fn messages_of_the_usual_form_are_taken_whole() {
    for length in [0, 1, 255] {
        let request = [&request_head(&HEADER, Some(length))[..], &vec![7; length]].concat();
        assert!(is_taken(Messages::Requests, 255, &request), "{length}");
        let response = [
            &response_head(&HEADER, length)[..],
            &vec![7; length],
            response_tail_ok(),
        ]
        .concat();
        assert!(is_taken(Messages::Responses, 255, &response), "{length}");
        // Not where it may not be, nor if a byte is missing.
        assert!(!is_taken(Messages::Requests, 255, &response));
        assert!(!is_taken(Messages::Responses, 255, &request));
        assert!(!is_taken(Messages::None, 255, &request));
        assert!(!is_taken(
            Messages::Requests,
            255,
            &request[..request.len() - 1]
        ));
        assert!(!is_taken(
            Messages::Responses,
            255,
            &response[..response.len() - 1]
        ));
        // Nor with more data than is delivered.
        assert_eq!(is_taken(Messages::Requests, 1, &request), length <= 1);
    }
    assert!(is_taken(
        Messages::Requests,
        255,
        &request_head(&HEADER, None)
    ));
    // What has long lengths, or a frame too many, is looked at closely.
    let long = [&request_head(&HEADER, Some(256))[..], &[7; 256]].concat();
    assert!(!is_taken(Messages::Requests, 1000, &long));
    let tail = response_tail(&"long".repeat(100));
    let long = [&response_head(&HEADER, 0)[..], &tail].concat();
    assert!(!is_taken(Messages::Responses, 1000, &long));
    let mut many = [&response_head(&HEADER, 0)[..], response_tail_ok(), &[0, 0]].concat();
    let last = many.len() - 6;
    many[last] = 1;
    assert!(!is_taken(Messages::Responses, 1000, &many));
}

#[test]
fn no_other_form_is_taken_whole() {
    let usual = response_head(&HEADER, 3);
    let usual = [&usual[..], b"abc", response_tail_ok()].concat();
    assert!(is_taken(Messages::Responses, 100, &usual));
    // Flags and lengths of the frames: any other makes it another message, or none.
    for at in [0, 1, 6, 7, 16, 17, 22, 23, 28, 33] {
        for value in [0, 1, 2, 3, 4, 5, 8, 0x80, 0xff] {
            let mut other = usual.clone();
            other[at] = value;
            if other != usual {
                assert!(
                    !is_taken(Messages::Responses, 100, &other),
                    "{value} at {at}"
                );
            }
        }
    }
}

#[test]
fn a_message_is_taken_only_where_one_may_begin() {
    let request = request_head(&HEADER, None);
    let with_data = [&request_head(&HEADER, Some(60))[..], &[1; 60]].concat();
    // After none, some or all of the bytes of a message, or of a command.
    for before in [&with_data[..], &command(b"\x04PONG")] {
        for at in 0..=before.len() {
            let mut decoder = ready_decoder(Messages::Requests, Limits::default());
            let (_, error) = feed(&mut decoder, [&before[..at]]);
            assert_eq!(error, None);
            let between = at == 0 || at == before.len();
            assert_eq!(decoder.is_between(), between, "after {at} bytes");
            let taken = decoder.take_message(&mut &request[..]);
            assert_eq!(taken.is_some(), between, "after {at} bytes");
        }
    }
    // Nor before the handshake is over, nor after an error.
    let mut decoder = new_decoder(Messages::Requests, Limits::default());
    assert_eq!(decoder.take_message(&mut &request[..]), None);
    feed(&mut decoder, [&greeting()[..]]);
    assert!(!decoder.is_between());
    assert_eq!(decoder.take_message(&mut &request[..]), None);
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    assert!(decoder.decode(&mut &[0xf0][..]).is_err());
    assert_eq!(decoder.take_message(&mut &request[..]), None);
}

#[test]
fn what_is_taken_whole_is_the_same_as_event_by_event() {
    for (messages, stream) in pieces::streams() {
        for limits in [limits(3), limits(299), Limits::default()] {
            let due = feed(&mut new_decoder(messages, limits), [&stream[..]]);
            for at in 0..=stream.len() {
                let mut decoder = new_decoder(messages, limits);
                let (mut seen, error) = feed_whole(&mut decoder, &stream[..at]).0;
                assert_eq!(error, None);
                let (more, error) = feed_whole(&mut decoder, &stream[at..]).0;
                seen.extend(more);
                assert_eq!((joined(seen), error), due, "split at {at}");
            }
        }
    }
}

#[test]
fn data_that_the_caller_does_not_want_is_passed_over() {
    let next = request_head(&HEADER, None);
    for have in [0, 1, 59, 60] {
        let head = request_head(&HEADER, Some(60));
        let mut decoder = ready_decoder(Messages::Requests, Limits::default());
        feed(&mut decoder, [&head[..], &vec![1; have]]);
        decoder.skip_data();
        assert_eq!(decoder.data_remaining(), 0);
        let rest = [&vec![1; 60 - have][..], &next].concat();
        let (seen, error) = feed(&mut decoder, [&rest[..]]);
        assert_eq!(error, None);
        let end = |data_len: Option<u64>, skipped| {
            let end = MessageEnd {
                header: HEADER,
                header_known: true,
                data_len,
                skipped,
                malformed: None,
            };
            Seen::End(end, vec![])
        };
        let mut due = vec![end(Some(60), true), Seen::Header(HEADER), end(None, false)];
        if have == 60 {
            // It was all there, and so was its end.
            due.remove(0);
        }
        assert_eq!(seen, due, "{have} bytes");
    }
}
