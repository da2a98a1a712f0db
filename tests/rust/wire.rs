//! The protocol, byte by byte, through the crate's public interface. No sockets: what libzmq makes of
//! these bytes is shown under `tests/interop`.

use rogue_memory_bridge::wire::{
    greeting, ready, Decoder, Event, Header, Limits, MessageEnd, Messages, Role, SessionId,
    WireError,
};

#[path = "wire/allocation.rs"]
mod allocation;
#[path = "wire/bytes.rs"]
mod bytes;
#[path = "wire/garbage.rs"]
mod garbage;
#[path = "wire/handshake.rs"]
mod handshake;
#[path = "wire/limits.rs"]
mod limits;
#[path = "wire/messages.rs"]
mod messages;
#[path = "wire/pieces.rs"]
mod pieces;
#[path = "wire/whole.rs"]
mod whole;

/// An event that outlives its input; adjacent pieces of data are one.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Greeting(u8, u8),
    Ready(Option<SessionId>),
    Ping(Vec<u8>),
    Header(Header),
    Data(Vec<u8>),
    /// With the result frame that the decoder had at that moment.
    End(MessageEnd, Vec<u8>),
}

/// What came of a stream: the events, and the error that ended it.
type Outcome = (Vec<Seen>, Option<WireError>);

/// Feeds `pieces` one after the other, and checks the decoder's promises at each call.
fn feed<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut seen = Vec::new();
    for mut input in pieces {
        loop {
            let before = input.len();
            match decoder.decode(&mut input) {
                Ok(None) => {
                    assert!(input.is_empty(), "stopped with {} bytes left", input.len());
                    break;
                }
                Ok(Some(event)) => {
                    let owes_nothing = matches!(event, Event::End(_));
                    assert!(
                        input.len() < before || owes_nothing,
                        "{event:?} out of nothing"
                    );
                    note(&mut seen, event, decoder);
                }
                Err(error) => {
                    assert_eq!(
                        decoder.decode(&mut &[0][..]),
                        Err(error.clone()),
                        "forgotten"
                    );
                    return (seen, Some(error));
                }
            }
        }
    }
    (seen, None)
}

/// As [`feed`], for one piece, but messages are taken whole where the decoder lets them; with how
/// many were.
fn feed_whole(decoder: &mut Decoder, mut input: &[u8]) -> (Outcome, usize) {
    let (mut seen, mut taken) = (Vec::new(), 0);
    loop {
        while let Some(message) = decoder.take_message(&mut input) {
            taken += 1;
            seen.push(Seen::Header(message.header));
            let data = message.data.filter(|data| !data.is_empty());
            seen.extend(data.map(|data| Seen::Data(data.to_vec())));
            let end = MessageEnd {
                header: message.header,
                header_known: true,
                data_len: message.data.map(|data| data.len() as u64),
                ..MessageEnd::default()
            };
            seen.push(Seen::End(end, message.result.to_vec()));
        }
        match decoder.decode(&mut input) {
            Ok(None) => return ((seen, None), taken),
            Ok(Some(event)) => note(&mut seen, event, decoder),
            Err(error) => {
                assert_eq!(decoder.take_message(&mut input), None, "after {error}");
                return ((seen, Some(error)), taken);
            }
        }
    }
}

fn note(seen: &mut Vec<Seen>, event: Event, decoder: &Decoder) {
    let event = match event {
        Event::Greeting { major, minor } => Seen::Greeting(major, minor),
        Event::Ready { session } => Seen::Ready(session),
        Event::Ping { pong } => Seen::Ping(pong.as_bytes().to_vec()),
        Event::Header(header) => Seen::Header(header),
        Event::End(end) => Seen::End(end, decoder.result().to_vec()),
        Event::Data(piece) => {
            assert!(!piece.is_empty());
            if let Some(Seen::Data(data)) = seen.last_mut() {
                data.extend_from_slice(piece);
                return;
            }
            Seen::Data(piece.to_vec())
        }
    };
    seen.push(event);
}

/// The role that goes with what may be received.
fn role_for(messages: Messages) -> Role {
    match messages {
        Messages::None => Role::Push,
        Messages::Requests | Messages::Responses => Role::Pull,
    }
}

fn new_decoder(messages: Messages, limits: Limits) -> Decoder {
    Decoder::new(role_for(messages), messages, limits)
}

/// What a peer sends before its first message.
fn handshake_bytes(messages: Messages) -> Vec<u8> {
    let mut bytes = greeting().to_vec();
    bytes.extend(ready(role_for(messages).peer(), None));
    bytes
}

/// A decoder whose handshake is over.
fn ready_decoder(messages: Messages, limits: Limits) -> Decoder {
    let mut decoder = new_decoder(messages, limits);
    let (seen, error) = feed(&mut decoder, [&handshake_bytes(messages)[..]]);
    assert_eq!(seen, [Seen::Greeting(3, 1), Seen::Ready(None)]);
    assert_eq!(error, None);
    assert!(decoder.is_ready());
    decoder
}

/// What a ready decoder with the usual limits makes of `bytes`.
fn decode(messages: Messages, bytes: &[u8]) -> Outcome {
    feed(&mut ready_decoder(messages, Limits::default()), [bytes])
}

/// One frame with a message's flags; the short form of the length.
fn frame(more: bool, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![
        u8::from(more),
        u8::try_from(body.len()).expect("a short frame"),
    ];
    bytes.extend_from_slice(body);
    bytes
}

/// One command frame.
fn command(body: &[u8]) -> Vec<u8> {
    let mut bytes = frame(false, body);
    bytes[0] = 4;
    bytes
}

/// The bytes that `text` spells in hex digits and blanks.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).expect("a hex digit"))
        .collect();
    assert_eq!(digits.len() % 2, 0, "half a byte in {text}");
    digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect()
}

/// The header used wherever its values do not matter.
const HEADER: Header = Header {
    id: 0x0403_0201,
    address: 0x1817_1615_1413_1211,
    size: 0x2423_2221,
    kind: 0x3433_3231,
};
