//! Messages as they are read: sound ones, spoilt ones, and commands between them.

use rogue_memory_bridge::wire::{
    request_head, response_head, response_tail, response_tail_ok, Field, Malformed, READ, WRITE,
};

use super::*;

/// The end of a sound message.
fn end(header: Header, data_len: Option<u64>) -> MessageEnd {
    MessageEnd {
        header,
        header_known: true,
        data_len,
        skipped: false,
        malformed: None,
    }
}

/// The four header frames with their usual lengths; `more` is the last one's flag.
fn fields(more: bool) -> Vec<u8> {
    let mut bytes = request_head(&HEADER, None).to_vec();
    bytes[22] = u8::from(more);
    bytes
}

/// The only event of a stream that must be the end of one message.
fn lone_end(messages: Messages, bytes: &[u8]) -> MessageEnd {
    match decode(messages, bytes) {
        (seen, None) => match <[Seen; 1]>::try_from(seen) {
            Ok([Seen::End(end, _)]) => end,
            other => panic!("not one end: {other:?}"),
        },
        (_, Some(error)) => panic!("{error}"),
    }
}

#[test]
fn requests() {
    let read = Header {
        kind: READ,
        ..HEADER
    };
    let write = Header {
        kind: WRITE,
        size: 300,
        ..HEADER
    };
    let data: Vec<u8> = (0..300).map(|i| i as u8).collect();
    let mut bytes = request_head(&read, None).to_vec();
    bytes.extend_from_slice(&request_head(&write, Some(300)));
    bytes.extend_from_slice(&data);
    bytes.extend_from_slice(&request_head(&write, Some(0)));
    let due = vec![
        Seen::Header(read),
        Seen::End(end(read, None), vec![]),
        Seen::Header(write),
        Seen::Data(data),
        Seen::End(end(write, Some(300)), vec![]),
        Seen::Header(write),
        Seen::End(end(write, Some(0)), vec![]),
    ];
    assert_eq!(decode(Messages::Requests, &bytes), (due, None));
}

#[test]
fn a_recorded_request_of_libzmq() {
    let bytes = hex("01 04 01000000 01 08 0000000000000000 01 04 04000000 00 04 01000000");
    let header = Header {
        id: 1,
        address: 0,
        size: 4,
        kind: READ,
    };
    let due = vec![Seen::Header(header), Seen::End(end(header, None), vec![])];
    assert_eq!(decode(Messages::Requests, &bytes), (due, None));
}

#[test]
fn responses() {
    let mut bytes = response_head(&HEADER, 4).to_vec();
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(response_tail_ok());
    bytes.extend_from_slice(&response_head(&HEADER, 0));
    bytes.extend_from_slice(&response_tail("bus error"));
    bytes.extend_from_slice(&response_head(&HEADER, 0));
    bytes.extend_from_slice(&[0, 0]);
    let due = vec![
        Seen::Header(HEADER),
        Seen::Data(b"data".to_vec()),
        Seen::End(end(HEADER, Some(4)), b"OK".to_vec()),
        Seen::Header(HEADER),
        Seen::End(end(HEADER, Some(0)), b"bus error".to_vec()),
        Seen::Header(HEADER),
        Seen::End(end(HEADER, Some(0)), vec![]),
    ];
    assert_eq!(decode(Messages::Responses, &bytes), (due, None));
}

#[test]
fn the_header_comes_before_the_data_and_before_the_end() {
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    let head = request_head(&HEADER, Some(9));
    let (seen, _) = feed(&mut decoder, [&head[..28]]);
    assert_eq!(seen, [Seen::Header(HEADER)]);
}

#[test]
fn long_lengths_on_short_frames_are_read() {
    let mut bytes = Vec::new();
    for (flags, body) in [
        (3, &[1u8, 0, 0, 0][..]),
        (3, &[2; 8]),
        (3, &[0; 4]),
        (2, &[0; 4]),
    ] {
        bytes.push(flags);
        bytes.extend((body.len() as u64).to_be_bytes());
        bytes.extend_from_slice(body);
    }
    let header = Header {
        id: 1,
        address: 0x0202_0202_0202_0202,
        size: 0,
        kind: 0,
    };
    let due = vec![Seen::Header(header), Seen::End(end(header, None), vec![])];
    assert_eq!(decode(Messages::Requests, &bytes), (due, None));
}

#[test]
fn a_field_of_wrong_length_spoils_its_message_alone() {
    let fields = [
        (Field::Id, 4),
        (Field::Address, 8),
        (Field::Size, 4),
        (Field::Type, 4),
    ];
    for (wrong, (field, _)) in fields.iter().enumerate() {
        for length in [0, 1, 3, 4, 5, 8, 9, 255]
            .into_iter()
            .filter(|&n| n != fields[wrong].1)
        {
            for data in [false, true] {
                let mut bytes = Vec::new();
                for (i, (_, right)) in fields.iter().enumerate() {
                    let length = if i == wrong { length } else { *right };
                    bytes.extend(frame(i < 3 || data, &vec![0x11; length]));
                }
                if data {
                    bytes.extend(frame(false, b"never delivered"));
                }
                let got = lone_end(Messages::Requests, &bytes);
                let due = Malformed::FieldLength {
                    field: *field,
                    length: length as u64,
                };
                assert_eq!(got.malformed, Some(due));
                assert!(!got.header_known);
                assert_eq!(got.data_len, data.then_some(15));
                assert_eq!(got.skipped, data);
                // What could be read is told.
                assert_eq!(got.header.id, if wrong == 0 { 0 } else { 0x1111_1111 });
                assert_eq!(got.header.kind, if wrong == 3 { 0 } else { 0x1111_1111 });
                let text = due.to_string();
                assert!(text.contains(&field.to_string()), "{text}");
                assert!(text.contains(&format!(" {length} bytes")), "{text}");
                // And the next one is read as if nothing had been.
                bytes.extend_from_slice(&request_head(&HEADER, None));
                let (seen, error) = decode(Messages::Requests, &bytes);
                assert_eq!(error, None);
                assert_eq!(
                    seen[1..],
                    [Seen::Header(HEADER), Seen::End(end(HEADER, None), vec![])]
                );
            }
        }
    }
}

#[test]
fn the_first_of_two_faults_is_named() {
    let bytes = [frame(true, b"abc"), frame(false, b"")].concat();
    let due = Malformed::FieldLength {
        field: Field::Id,
        length: 3,
    };
    assert_eq!(lone_end(Messages::Requests, &bytes).malformed, Some(due));
}

#[test]
fn too_few_frames_spoil_a_message() {
    let whole = [fields(true), frame(true, b"data"), frame(false, b"OK")].concat();
    // Where the frames of a response begin, and thus where one with fewer frames ends.
    let starts = [0, 6, 16, 22, 28, 34];
    for (messages, least) in [(Messages::Requests, 4), (Messages::Responses, 6)] {
        for frames in 1..least {
            let mut bytes = whole[..starts[usize::from(frames)]].to_vec();
            bytes[starts[usize::from(frames) - 1]] = 0;
            let (seen, error) = decode(messages, &bytes);
            assert_eq!(error, None);
            let Some(Seen::End(end, result)) = seen.last() else {
                panic!("no end: {seen:?}")
            };
            assert_eq!(end.malformed, Some(Malformed::FrameCount { frames, least }));
            assert_eq!(end.header_known, frames >= 4);
            assert_eq!(seen.contains(&Seen::Header(HEADER)), frames >= 4);
            assert_eq!(end.data_len, (frames == 5).then_some(4));
            assert_eq!(end.header.id, HEADER.id);
            assert!(result.is_empty());
        }
    }
}

#[test]
fn an_empty_message_is_malformed() {
    for messages in [Messages::Requests, Messages::Responses] {
        let end = lone_end(messages, &[0, 0]);
        let due = Malformed::FieldLength {
            field: Field::Id,
            length: 0,
        };
        assert_eq!(end.malformed, Some(due));
        assert_eq!(end.header, Header::default());
    }
}

#[test]
fn a_result_does_not_outlive_its_message() {
    let mut decoder = ready_decoder(Messages::Responses, Limits::default());
    let good = [&response_head(&HEADER, 0)[..], &response_tail("too late")].concat();
    feed(&mut decoder, [&good[..]]);
    assert_eq!(decoder.result(), b"too late");
    feed(&mut decoder, [&frame(false, b"spoilt")[..]]);
    assert_eq!(decoder.result(), b"");
    // A spoilt response has no result even if the frame is there.
    let bytes = [frame(true, b"x"), good[6..].to_vec()].concat();
    feed(&mut decoder, [&bytes[..]]);
    assert_eq!(decoder.result(), b"");
}

#[test]
fn ping_is_answered_with_its_context() {
    for (context, pong) in [
        ("", "04 05 04 504f4e47"),
        ("00ff", "04 07 04 504f4e47 00ff"),
        (
            "000102030405060708090a0b0c0d0e0f",
            "04 15 04 504f4e47 000102030405060708090a0b0c0d0e0f",
        ),
    ] {
        let ping = command(&hex(&format!("04 50494e47 ffff {context}")));
        for messages in [Messages::None, Messages::Requests, Messages::Responses] {
            assert_eq!(decode(messages, &ping), (vec![Seen::Ping(hex(pong))], None));
        }
    }
}

#[test]
fn a_ping_without_ttl_or_with_too_much_context_is_refused() {
    for length in [5, 6, 24, 200] {
        let mut body = b"\x04PING".to_vec();
        body.resize(length, 0);
        let (seen, error) = decode(Messages::None, &command(&body));
        assert_eq!((seen, error), (vec![], Some(WireError::BadPing { length })));
    }
}

#[test]
fn pong_and_unknown_commands_are_ignored() {
    let pong = command(b"\x04PONG");
    let subscribe = command(b"\x09SUBSCRIBEtopic");
    let bytes = [
        &pong[..],
        &subscribe,
        &command(b"\x01?"),
        &request_head(&HEADER, None),
    ]
    .concat();
    let due = vec![Seen::Header(HEADER), Seen::End(end(HEADER, None), vec![])];
    assert_eq!(decode(Messages::Requests, &bytes), (due, None));
}

#[test]
fn an_error_after_the_handshake_ends_the_connection() {
    let (_, error) = decode(Messages::Requests, &command(b"\x05ERROR\x03why"));
    assert_eq!(
        error,
        Some(WireError::PeerError {
            reason: "why".into()
        })
    );
}

#[test]
fn a_command_inside_a_message_is_refused() {
    let bytes = [frame(true, b"abcd"), command(b"\x04PING\0\0")].concat();
    let (seen, error) = decode(Messages::Requests, &bytes);
    assert_eq!(
        (seen, error),
        (vec![], Some(WireError::CommandInsideMessage))
    );
}
