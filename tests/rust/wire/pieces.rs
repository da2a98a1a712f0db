//! The same stream in any pieces is the same events, and data may bypass the decoder.

use rogue_memory_bridge::wire::{
    request_head, response_head, response_tail, response_tail_ok, Malformed,
};

use super::*;

/// Whole streams with everything in them that a peer may send, and what may be received.
pub fn streams() -> Vec<(Messages, Vec<u8>)> {
    let ping = command(b"\x04PING\x12\x34context");
    let handshake = |messages| {
        let session = SessionId([0x5a; 16]);
        [
            &greeting()[..],
            &ready(role_for(messages).peer(), Some(&session)),
        ]
        .concat()
    };
    let header = |id| Header { id, ..HEADER };
    let data: Vec<u8> = (0..300).map(|i| (i * 7) as u8).collect();

    let mut requests = handshake(Messages::Requests);
    requests.extend_from_slice(&request_head(&header(1), None));
    requests.extend_from_slice(&ping);
    requests.extend_from_slice(&request_head(&header(2), Some(300)));
    requests.extend_from_slice(&data);
    // A spoilt one, with data that is passed over; one that is too short.
    requests.extend(
        [
            frame(true, b"abc"),
            frame(true, &[0; 8]),
            frame(false, &data[..9]),
        ]
        .concat(),
    );
    requests.extend(frame(false, b""));
    requests.extend_from_slice(&request_head(&header(3), Some(0)));
    requests.extend_from_slice(&request_head(&header(4), Some(4)));
    requests.extend_from_slice(b"last");

    let mut responses = handshake(Messages::Responses);
    for (id, text) in [(1, None), (2, Some("bus error")), (3, Some("")), (4, None)] {
        let length = [0, 300, 4, 0, 256][id as usize];
        responses.extend_from_slice(&response_head(&header(id), length));
        responses.extend_from_slice(&data[..length]);
        match text {
            None => responses.extend_from_slice(response_tail_ok()),
            Some(text) => responses.extend(response_tail(text)),
        }
        responses.extend_from_slice(&ping);
    }

    let mut nothing = handshake(Messages::None);
    nothing.extend(ping.repeat(3));
    nothing.extend(command(b"\x05OTHER"));
    vec![
        (Messages::Requests, requests),
        (Messages::Responses, responses),
        (Messages::None, nothing),
    ]
}

fn limits() -> Limits {
    // So that both kinds of data frame occur: 256 bytes are delivered, 300 passed over.
    Limits {
        max_data: 299,
        ..Limits::default()
    }
}

fn whole(messages: Messages, limits: Limits, stream: &[u8]) -> Vec<Seen> {
    let mut decoder = new_decoder(messages, limits);
    let (seen, error) = feed(&mut decoder, [stream]);
    assert_eq!(error, None);
    assert!(!decoder.mid_message());
    seen
}

#[test]
fn byte_by_byte_is_the_same_as_whole() {
    for (messages, stream) in streams() {
        for limits in [limits(), Limits::default()] {
            let mut decoder = new_decoder(messages, limits);
            let outcome = feed(&mut decoder, stream.chunks(1));
            assert_eq!(outcome, (whole(messages, limits, &stream), None));
        }
    }
}

#[test]
fn every_split_in_two_is_the_same_as_whole() {
    for (messages, stream) in streams() {
        for limits in [limits(), Limits::default()] {
            let due = whole(messages, limits, &stream);
            for at in 0..=stream.len() {
                let (first, second) = stream.split_at(at);
                let mut decoder = new_decoder(messages, limits);
                let outcome = feed(&mut decoder, [first, &[], second]);
                assert_eq!(outcome, (due.clone(), None), "split at {at}");
            }
        }
    }
}

#[test]
fn a_piece_that_begins_inside_a_header_is_not_taken_for_a_message() {
    // The piece has the usual form of four header frames, but its first byte is a length.
    let head = request_head(&HEADER, None);
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    assert_eq!(
        feed(&mut decoder, [&[1][..], &head]),
        decode_whole(&[&[1], &head[..]].concat())
    );
}

fn decode_whole(stream: &[u8]) -> Outcome {
    let outcome = decode(Messages::Requests, stream);
    assert!(!outcome.0.contains(&Seen::Header(HEADER)));
    outcome
}

#[test]
fn whole_streams_have_the_events_they_should() {
    let [(messages, requests), (_, responses), (_, nothing)] = &streams()[..] else {
        panic!()
    };
    let count = |seen: &[Seen], is: fn(&Seen) -> bool| seen.iter().filter(|e| is(e)).count();
    let seen = whole(*messages, Limits::default(), requests);
    assert_eq!(count(&seen, |e| matches!(e, Seen::Header(_))), 4);
    assert_eq!(count(&seen, |e| matches!(e, Seen::Data(_))), 2);
    assert_eq!(count(&seen, |e| matches!(e, Seen::Ping(_))), 1);
    let spoilt = |e: &Seen| matches!(e, Seen::End(end, _) if end.malformed.is_some());
    assert_eq!(count(&seen, spoilt), 2);
    let seen = whole(Messages::Responses, limits(), responses);
    assert_eq!(count(&seen, |e| matches!(e, Seen::Data(_))), 2);
    assert_eq!(
        count(&seen, |e| matches!(e, Seen::End(end, _) if end.skipped)),
        1
    );
    assert_eq!(
        count(
            &seen,
            |e| matches!(e, Seen::End(_, result) if result == b"OK")
        ),
        2
    );
    assert_eq!(whole(Messages::None, limits(), nothing).len(), 5);
}

#[test]
fn an_end_now_is_known_to_cut_a_message_off_or_not() {
    // True from the first byte of a message's first frame to its last byte, and for nothing else.
    for messages in [Messages::Requests, Messages::Responses] {
        let message = match messages {
            Messages::Requests => [&request_head(&HEADER, Some(4))[..], b"data"].concat(),
            _ => [&response_head(&HEADER, 4)[..], b"data", response_tail_ok()].concat(),
        };
        let mut decoder = new_decoder(messages, Limits::default());
        let other = [handshake_bytes(messages), command(b"\x04PING\0\0")].concat();
        for byte in other.chunks(1) {
            assert!(!decoder.mid_message());
            feed(&mut decoder, [byte]);
        }
        for byte in message.chunks(1) {
            feed(&mut decoder, [byte]);
            let last = byte.as_ptr_range().end == message.as_ptr_range().end;
            assert_eq!(decoder.mid_message(), !last);
        }
    }
}

/// Feeds a stream, but lets the data bypass the decoder by up to `step` bytes at a time.
fn feed_around(messages: Messages, stream: &[u8], first: usize, step: usize) -> Vec<Seen> {
    let mut decoder = new_decoder(messages, Limits::default());
    let (mut seen, error) = feed(&mut decoder, [&stream[..first]]);
    assert_eq!(error, None);
    let mut rest = &stream[first..];
    loop {
        let n = match decoder.data_remaining() {
            0 => rest.len().min(1),
            remaining => {
                let n = rest.len().min(step).min(remaining as usize);
                decoder.data_taken(n as u64);
                assert_eq!(decoder.data_remaining(), remaining - n as u64);
                let piece = &rest[..n];
                match seen.last_mut() {
                    Some(Seen::Data(data)) => data.extend_from_slice(piece),
                    _ => seen.push(Seen::Data(piece.to_vec())),
                }
                rest = &rest[n..];
                0
            }
        };
        let (more, error) = feed(&mut decoder, [&rest[..n]]);
        assert_eq!(error, None);
        rest = &rest[n..];
        seen.extend(more);
        if rest.is_empty() {
            return seen;
        }
    }
}

#[test]
fn data_taken_by_the_caller_is_the_same_as_data_delivered() {
    for (messages, stream) in streams() {
        let due = whole(messages, Limits::default(), &stream);
        for step in [1, 7, usize::MAX] {
            for first in [0, 64, 142, 170, 190, 230, 260, 300] {
                let first = first.min(stream.len());
                assert_eq!(
                    feed_around(messages, &stream, first, step),
                    due,
                    "{first}, {step}"
                );
            }
        }
    }
}

#[test]
fn a_message_whose_last_data_was_taken_ends_without_further_input() {
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    feed(&mut decoder, [&request_head(&HEADER, Some(10))[..], b"abc"]);
    assert_eq!(decoder.data_remaining(), 7);
    decoder.data_taken(0);
    assert_eq!(decoder.data_remaining(), 7);
    decoder.data_taken(6);
    assert!(decoder.mid_message());
    assert_eq!(decoder.decode(&mut &[][..]), Ok(None));
    // More than there is counts as all there is.
    decoder.data_taken(u64::MAX);
    assert_eq!(decoder.data_remaining(), 0);
    assert!(!decoder.mid_message());
    let Ok(Some(Event::End(end))) = decoder.decode(&mut &[][..]) else {
        panic!("no end")
    };
    assert_eq!(
        (end.data_len, end.skipped, end.malformed),
        (Some(10), false, None::<Malformed>)
    );
    // Outside of a data frame there is nothing to take.
    decoder.data_taken(1);
    assert_eq!(decoder.decode(&mut &[][..]), Ok(None));
    assert_eq!(
        feed(&mut decoder, [&request_head(&HEADER, None)[..]])
            .0
            .len(),
        2
    );
}

#[test]
fn large_data_is_delivered_in_the_pieces_it_came_in() {
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    feed(&mut decoder, [&request_head(&HEADER, Some(1 << 20))[..]]);
    let data = vec![3; 1 << 20];
    let mut input = &data[..700_000];
    assert_eq!(
        decoder.decode(&mut input),
        Ok(Some(Event::Data(&data[..700_000])))
    );
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!(decoder.data_remaining(), (1 << 20) - 700_000);
}
