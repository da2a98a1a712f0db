//! Requests and responses, ours and those of peers in the field. A sound one, written by our own
//! encoder, is the same again, byte by byte if its frames had the shortest form; and a message put
//! together by hand, in any peer's dialect, is decoded as what it was meant to be.
//!
//! Input: two bytes that choose requests or responses, and raw or built; then a stream that follows
//! a handshake, or descriptions of messages.
#![no_main]

use fuzzing::input::Input;
use fuzzing::reference::frame;
use fuzzing::seen::{feed, Seen, Setting};
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::wire::{
    decode_result, request_head, response_head, response_tail, response_tail_ok, Header, Limits,
    MessageEnd, Messages, MAX_RESULT, POST, PROBE, READ, RESULT_KEPT, VERIFY, WRITE,
};

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let messages = match input.u8() % 2 {
        0 => Messages::Requests,
        _ => Messages::Responses,
    };
    // Whatever there is is delivered.
    let limits = Limits {
        max_data: u64::MAX,
        ..Limits::default()
    };
    let setting = Setting::new(messages, limits);
    if input.u8().is_multiple_of(2) {
        raw(&setting, input.rest());
    } else {
        built(&setting, &mut input);
    }
});

/// A message as it was decoded.
#[derive(Debug, Default, PartialEq)]
struct Message {
    header: Header,
    data: Option<Vec<u8>>,
    /// Of a response.
    result: Option<Vec<u8>>,
}

impl Message {
    fn put_together(end: &MessageEnd, data: Vec<u8>, result: &[u8], messages: Messages) -> Message {
        Message {
            header: end.header,
            data: end.data_len.map(|_| data),
            result: (messages == Messages::Responses).then(|| result.to_vec()),
        }
    }

    /// As our encoder writes it. Our own results are `OK` and text; others are written here.
    fn encode(&self) -> Vec<u8> {
        let Some(result) = &self.result else {
            let data = self.data.as_deref();
            let head = request_head(&self.header, data.map(<[u8]>::len));
            return [head.as_bytes(), data.unwrap_or_default()].concat();
        };
        let data = self.data.as_deref().unwrap_or_default();
        let plain = put_frame(0, result, false);
        let tail = match (result.as_slice(), std::str::from_utf8(result)) {
            (b"OK", _) => response_tail_ok().to_vec(),
            // A text that we would send as it is.
            (_, Ok(text))
                if (1..=MAX_RESULT).contains(&text.len())
                    && decode_result(result) == Err(text.to_owned()) =>
            {
                response_tail(text)
            }
            _ => plain,
        };
        [
            response_head(&self.header, data.len()).as_bytes(),
            data,
            &tail,
        ]
        .concat()
    }
}

/// A stream from who knows whom: each sound message in it is encoded again.
fn raw(setting: &Setting, stream: &[u8]) {
    let mut decoder = setting.ready_decoder();
    let (mut begin, mut data) = (0, Vec::new());
    // Byte by byte, so as to know where each message ends.
    for at in 0..stream.len() {
        let outcome = feed(&mut decoder, [&stream[at..=at]]);
        for seen in outcome.seen {
            match seen {
                Seen::Data(piece) => data.extend(piece),
                Seen::End(end, result) => {
                    let data = std::mem::take(&mut data);
                    if end.malformed.is_none() && !end.skipped && result.len() < RESULT_KEPT {
                        let message = Message::put_together(&end, data, &result, setting.messages);
                        again(setting, &message, &stream[begin..=at]);
                    }
                    begin = at + 1;
                }
                _ => {}
            }
        }
        if outcome.error.is_some() {
            return;
        }
    }
}

fn again(setting: &Setting, message: &Message, original: &[u8]) {
    let encoded = message.encode();
    let outcome = feed(&mut setting.ready_decoder(), [&encoded[..]]);
    assert_eq!(outcome.error, None, "{encoded:02x?}");
    assert_eq!(decoded(setting, outcome.seen), [message], "{encoded:02x?}");
    assert_eq!(encoded, shortest(original), "of {original:02x?}");
}

/// The messages among these events.
fn decoded(setting: &Setting, seen: Vec<Seen>) -> Vec<Message> {
    let (mut messages, mut data) = (Vec::new(), Vec::new());
    for seen in seen {
        match seen {
            Seen::Data(piece) => data = piece,
            Seen::End(end, result) => {
                assert_eq!(end.malformed, None);
                let data = std::mem::take(&mut data);
                messages.push(Message::put_together(&end, data, &result, setting.messages));
            }
            _ => {}
        }
    }
    messages
}

impl PartialEq<&Message> for Message {
    fn eq(&self, other: &&Message) -> bool {
        self == *other
    }
}

/// The same frames, each with the shortest form of its length; without commands.
fn shortest(mut stream: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Ok((frame, rest)) = frame(stream) {
        assert!(frame.whole);
        if !frame.command {
            out.extend(put_frame(u8::from(frame.more), frame.body, false));
        }
        stream = rest;
    }
    out
}

fn put_frame(flags: u8, body: &[u8], long: bool) -> Vec<u8> {
    let mut out = match u8::try_from(body.len()) {
        Ok(length) if !long => vec![flags, length],
        _ => [&[flags | 2][..], &(body.len() as u64).to_be_bytes()].concat(),
    };
    out.extend_from_slice(body);
    out
}

/// Messages as the input describes them, in the dialects of the field.
fn built(setting: &Setting, input: &mut Input) {
    let (mut stream, mut due) = (Vec::new(), Vec::new());
    while !input.is_empty() && due.len() < 100 {
        let style = input.u8();
        if style == 0xff {
            stream.extend(b"\x04\x08\x04PING\0\x01c");
            continue;
        }
        let message = describe(setting, style, input);
        let Header {
            id,
            address,
            size,
            kind,
        } = message.header;
        let mut frames = vec![
            id.to_le_bytes().to_vec(),
            address.to_le_bytes().to_vec(),
            size.to_le_bytes().to_vec(),
            kind.to_le_bytes().to_vec(),
        ];
        frames.extend(message.data.clone());
        frames.extend(message.result.clone());
        let last = frames.len() - 1;
        for (at, frame) in frames.iter().enumerate() {
            // Any frame may say its length the long way.
            let long = style >> 2 & 7 == at as u8;
            stream.extend(put_frame(u8::from(at < last), frame, long));
        }
        due.push(message);
    }
    let outcome = feed(&mut setting.ready_decoder(), [&stream[..]]);
    assert_eq!(outcome.error, None);
    assert!(!outcome.mid_message);
    assert_eq!(decoded(setting, outcome.seen), due);
    // And so are all of them as we send them.
    let ours: Vec<u8> = due.iter().flat_map(Message::encode).collect();
    let outcome = feed(&mut setting.ready_decoder(), [&ours[..]]);
    assert_eq!(outcome.error, None);
    assert_eq!(decoded(setting, outcome.seen), due);
}

fn describe(setting: &Setting, style: u8, input: &mut Input) -> Message {
    let header = Header {
        id: input.u32(),
        address: input.u64(),
        size: input.u32(),
        kind: match input.u8() {
            0 => READ,
            1 => WRITE,
            2 => POST,
            3 => VERIFY,
            4 => PROBE,
            other => other.into(),
        },
    };
    let response = setting.messages == Messages::Responses;
    let data = (response || style & 1 == 1).then(|| input.piece().to_vec());
    let result = response.then(|| match input.u8() {
        0 => b"OK".to_vec(),
        1 => Vec::new(),
        2 => vec![0],
        3 => vec![0; 4],
        4 => input.u32().to_le_bytes().to_vec(),
        // As much as is kept, and less than that.
        _ => {
            let length = usize::from(input.u16()) % RESULT_KEPT;
            input.bytes(length).to_vec()
        }
    });
    Message {
        header,
        data,
        result,
    }
}
