//! Each length and count that a peer chooses, at its limit and one above.

use rogue_memory_bridge::wire::{
    decode_result, request_head, response_head, Field, MAX_COMMAND_AFTER_READY, MAX_FIELD_FRAME,
    RESULT_KEPT,
};

use super::*;

/// The header of a frame with an 8-byte length.
fn long(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | 2], &length.to_be_bytes()[..]].concat()
}

/// A READY of exactly `length` bytes, filled up by one unknown property.
fn ready_of(length: usize) -> Vec<u8> {
    let mut body = b"\x05READY\x01a".to_vec();
    let value = length - body.len() - 4;
    body.extend((value as u32).to_be_bytes());
    body.resize(length, b'v');
    [long(4, length as u64), body].concat()
}

fn shake(limits: Limits, rest: &[u8]) -> Outcome {
    feed(
        &mut new_decoder(Messages::Requests, limits),
        [&greeting()[..], rest],
    )
}

#[test]
fn ready_has_a_longest_length() {
    for limit in [Limits::default().max_command, 100] {
        let limits = Limits {
            max_command: limit,
            ..Limits::default()
        };
        assert_eq!(shake(limits, &ready_of(limit)).1, None);
        let over = ready_of(limit + 1);
        let due = WireError::CommandTooLong {
            length: limit as u64 + 1,
            limit: limit as u64,
        };
        assert_eq!(shake(limits, &over[..9]).1, Some(due), "its header will do");
    }
    let due = WireError::CommandTooLong {
        length: i64::MAX as u64,
        limit: 8192,
    };
    assert_eq!(
        shake(Limits::default(), &long(4, i64::MAX as u64)).1,
        Some(due)
    );
}

#[test]
fn ready_has_a_most_of_properties() {
    let limits = Limits {
        max_properties: 3,
        ..Limits::default()
    };
    let with = |n: usize| command(&[b"\x05READY".to_vec(), b"\x01a\0\0\0\0".repeat(n)].concat());
    assert_eq!(shake(limits, &with(3)).1, None);
    assert_eq!(
        shake(limits, &with(4)).1,
        Some(WireError::TooManyProperties { limit: 3 })
    );
}

#[test]
fn later_commands_have_a_longest_length() {
    let limit = MAX_COMMAND_AFTER_READY as u64;
    let mut body = b"\x05OTHER".to_vec();
    body.resize(MAX_COMMAND_AFTER_READY, 0);
    assert_eq!(
        decode(Messages::None, &[long(4, limit), body].concat()),
        (vec![], None)
    );
    let due = WireError::CommandTooLong {
        length: limit + 1,
        limit,
    };
    assert_eq!(decode(Messages::None, &long(4, limit + 1)).1, Some(due));
}

#[test]
fn reserved_flags_and_impossible_lengths_are_refused() {
    for flags in [8, 0x80, 0xff] {
        assert_eq!(
            decode(Messages::None, &[flags]).1,
            Some(WireError::ReservedFlags { flags })
        );
    }
    assert_eq!(
        decode(Messages::None, &[5]).1,
        Some(WireError::CommandWithMore)
    );
    for flags in [0, 1, 4] {
        let due = WireError::FrameLength { length: u64::MAX };
        assert_eq!(
            decode(Messages::Requests, &long(flags, u64::MAX)).1,
            Some(due)
        );
    }
}

#[test]
fn a_connection_that_carries_nothing_to_us_refuses_any_message() {
    assert_eq!(
        decode(Messages::None, &[0, 0]).1,
        Some(WireError::UnexpectedMessage)
    );
    let head = request_head(&HEADER, None);
    assert_eq!(
        decode(Messages::None, &head).1,
        Some(WireError::UnexpectedMessage)
    );
}

#[test]
fn row_23_message_of_many_frames_is_refused() {
    for (messages, most) in [(Messages::Requests, 5), (Messages::Responses, 6)] {
        for frames in [usize::from(most) + 1, 60, 1000, 100_000] {
            // Frames of no bytes, of sound length, and of a length that spoils the message.
            for length in [0, 4, 200] {
                let mut bytes = frame(true, &vec![0; length]).repeat(frames - 1);
                bytes.extend(frame(false, b""));
                let (seen, error) = decode(messages, &bytes);
                assert_eq!(error, Some(WireError::TooManyFrames { most }));
                assert!(!seen.iter().any(|event| matches!(event, Seen::End(..))));
            }
        }
        // Known from the flag of the last frame allowed, before a byte of it is taken in.
        let mut head = frame(true, b"").repeat(usize::from(most) - 1);
        assert_eq!(decode(messages, &head), (vec![], None));
        head.extend([1, 9]);
        assert_eq!(
            decode(messages, &head).1,
            Some(WireError::TooManyFrames { most })
        );
    }
}

#[test]
fn frames_other_than_data_have_a_longest_length() {
    let header = request_head(&HEADER, None);
    let before_result = response_head(&HEADER, 0);
    for (messages, before, field) in [
        (Messages::Requests, &[][..], Field::Id),
        (Messages::Requests, &header[..6], Field::Address),
        (Messages::Requests, &header[..16], Field::Size),
        (Messages::Requests, &header[..22], Field::Type),
        (Messages::Responses, &before_result[..], Field::Result),
    ] {
        let flags = u8::from(field != Field::Result && field != Field::Type);
        let body = vec![b'x'; MAX_FIELD_FRAME as usize];
        let most = [before, &long(flags, MAX_FIELD_FRAME), &body].concat();
        assert_eq!(decode(messages, &most).1, None, "{field}");
        let length = MAX_FIELD_FRAME + 1;
        let over = [before, &long(flags, length)].concat();
        let due = WireError::FrameTooLong {
            field,
            length,
            limit: MAX_FIELD_FRAME,
        };
        assert_eq!(decode(messages, &over).1, Some(due));
    }
}

#[test]
fn a_data_frame_over_4_gib_is_refused() {
    let limit = u64::from(u32::MAX);
    for length in [limit + 1, i64::MAX as u64] {
        let bytes = [&request_head(&HEADER, Some(0))[..28], &long(0, length)].concat();
        let due = WireError::FrameTooLong {
            field: Field::Data,
            length,
            limit,
        };
        assert_eq!(decode(Messages::Requests, &bytes).1, Some(due));
    }
    let bytes = [&request_head(&HEADER, Some(0))[..28], &long(0, limit)].concat();
    assert_eq!(
        decode(Messages::Requests, &bytes),
        (vec![Seen::Header(HEADER)], None)
    );
}

#[test]
fn row_8_data_over_the_limit_is_passed_over_and_reported() {
    let limits = Limits {
        max_data: 1000,
        ..Limits::default()
    };
    for length in [999, 1000, 1001, 300_000] {
        let mut decoder = ready_decoder(Messages::Requests, limits);
        let head = request_head(&HEADER, Some(length));
        let data = vec![7; length];
        let (seen, error) = feed(&mut decoder, [&head[..]]);
        assert_eq!((seen, error), (vec![Seen::Header(HEADER)], None));
        let skipped = length > 1000;
        assert_eq!(
            decoder.data_remaining(),
            if skipped { 0 } else { length as u64 }
        );
        if skipped {
            // There is nothing to be taken, so this must change nothing.
            decoder.data_taken(5);
        }
        assert!(decoder.mid_message());
        let (seen, error) = feed(&mut decoder, [&data[..]]);
        assert_eq!(error, None);
        let end = MessageEnd {
            header: HEADER,
            header_known: true,
            data_len: Some(length as u64),
            skipped,
            malformed: None,
        };
        let end = Seen::End(end, vec![]);
        assert_eq!(
            seen,
            if skipped {
                vec![end]
            } else {
                vec![Seen::Data(data), end]
            }
        );
        assert!(!decoder.mid_message());
    }
}

#[test]
fn a_result_is_kept_up_to_its_limit() {
    for length in [999, 1023, 1024, 1025, 60_000] {
        let text: Vec<u8> = (0..length).map(|i| b'a' + (i % 26) as u8).collect();
        let frame = [long(0, length as u64), text.clone()].concat();
        let bytes = [&response_head(&HEADER, 0)[..], &frame].concat();
        let (seen, error) = decode(Messages::Responses, &bytes);
        assert_eq!(error, None);
        let Some(Seen::End(end, result)) = seen.last() else {
            panic!("no end: {seen:?}")
        };
        assert_eq!(end.malformed, None);
        assert_eq!(result[..], text[..length.min(RESULT_KEPT)]);
        assert_eq!(
            decode_result(result).unwrap_err().len(),
            length.min(RESULT_KEPT)
        );
        // The same in pieces.
        let mut decoder = ready_decoder(Messages::Responses, Limits::default());
        let pieces = feed(&mut decoder, bytes.chunks(700));
        assert_eq!(pieces, (seen, None));
    }
}
