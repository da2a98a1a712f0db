//! What a decoder makes of a stream, however that is cut into pieces. Each call is held to the
//! decoder's promises.

use rogue_memory_bridge::wire::{
    greeting, ready, Decoder, Event, Header, Limits, Message, MessageEnd, Messages, Role,
    SessionId, WireError,
};

use crate::input::Input;

/// An event that outlives its input; adjacent pieces of data are one.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Greeting(u8, u8),
    Ready(Option<SessionId>),
    Ping(Vec<u8>),
    Header(Header),
    Data(Vec<u8>),
    /// With the result frame that the decoder had at that moment.
    End(MessageEnd, Vec<u8>),
}

/// What came of a stream.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    pub seen: Vec<Seen>,
    pub error: Option<WireError>,
    /// An end of the connection now would cut a message off.
    pub mid_message: bool,
}

/// A decoder, as an input wants it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub role: Role,
    pub messages: Messages,
    pub limits: Limits,
}

impl Setting {
    /// As three bytes of the input say.
    pub fn read(input: &mut Input) -> Setting {
        let (messages, commands, data) = (input.u8(), input.u8(), input.u8());
        let messages = match messages % 3 {
            0 => Messages::Requests,
            1 => Messages::Responses,
            _ => Messages::None,
        };
        let usual = Limits::default();
        let limits = Limits {
            max_data: match data {
                0 => usual.max_data,
                255 => u64::MAX,
                few => u64::from(few) * 4,
            },
            max_command: match commands % 4 {
                0 => usual.max_command,
                few => usize::from(few) * 40,
            },
            max_properties: match commands / 4 % 4 {
                0 => usual.max_properties,
                few => usize::from(few) - 1,
            },
        };
        Setting::new(messages, limits)
    }

    pub fn new(messages: Messages, limits: Limits) -> Setting {
        let role = match messages {
            Messages::None => Role::Push,
            Messages::Requests | Messages::Responses => Role::Pull,
        };
        Setting {
            role,
            messages,
            limits,
        }
    }

    pub fn decoder(&self) -> Decoder {
        Decoder::new(self.role, self.messages, self.limits)
    }

    /// What the peer sends before its first message.
    pub fn handshake(&self) -> Vec<u8> {
        [&greeting()[..], &ready(self.role.peer(), None)].concat()
    }

    /// A decoder whose handshake is over.
    pub fn ready_decoder(&self) -> Decoder {
        // The limits may be too tight even for a handshake of ours.
        let mut decoder = self.decoder();
        let outcome = feed(&mut decoder, [&self.handshake()[..]]);
        assert_eq!(outcome.error.is_none(), decoder.is_ready());
        decoder
    }
}

/// Feeds `pieces` one after the other.
pub fn feed<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
    let mut outcome = Outcome::default();
    for piece in pieces {
        feed_one(decoder, piece, false, &mut outcome);
        if outcome.error.is_some() {
            break;
        }
    }
    outcome.mid_message = decoder.mid_message();
    outcome
}

/// As [`feed`], but data frames bypass the decoder as far as it lets them, `step` bytes at a time,
/// and messages are taken whole where it lets them.
pub fn feed_around(decoder: &mut Decoder, mut stream: &[u8], step: usize) -> Outcome {
    let mut outcome = Outcome::default();
    while !stream.is_empty() && outcome.error.is_none() {
        let remaining = decoder.data_remaining();
        let left = usize::try_from(remaining).unwrap_or(usize::MAX);
        let (taken, rest) = stream.split_at(step.min(left.max(1)).min(stream.len()));
        stream = rest;
        if remaining == 0 {
            feed_one(decoder, taken, true, &mut outcome);
            continue;
        }
        decoder.data_taken(taken.len() as u64);
        assert_eq!(decoder.data_remaining(), remaining - taken.len() as u64);
        add_data(&mut outcome.seen, taken);
        feed_one(decoder, &[], true, &mut outcome);
    }
    outcome.mid_message = decoder.mid_message();
    outcome
}

fn feed_one(decoder: &mut Decoder, mut input: &[u8], whole: bool, outcome: &mut Outcome) {
    loop {
        while let Some(message) = whole.then(|| decoder.take_message(&mut input)).flatten() {
            assert_eq!(outcome.error, None);
            note_whole(&mut outcome.seen, &message);
        }
        let before = input.len();
        match decoder.decode(&mut input) {
            Ok(None) => {
                assert!(input.is_empty(), "stopped with {} bytes left", input.len());
                return;
            }
            Ok(Some(event)) => {
                let owes_nothing = matches!(event, Event::End(_));
                assert!(input.len() < before || owes_nothing, "{event:?} of nothing");
                note(&mut outcome.seen, event, decoder);
            }
            Err(error) => {
                let again = decoder.decode(&mut &[0xff][..]);
                assert_eq!(again, Err(error.clone()), "forgotten");
                // It is shown to people: one line, not as long as the peer likes.
                let text = error.to_string();
                assert!(text.len() < 1000 && !text.contains(char::is_control));
                outcome.error.get_or_insert(error);
                return;
            }
        }
    }
}

fn note(seen: &mut Vec<Seen>, event: Event, decoder: &Decoder) {
    seen.push(match event {
        Event::Greeting { major, minor } => Seen::Greeting(major, minor),
        Event::Ready { session } => Seen::Ready(session),
        Event::Ping { pong } => Seen::Ping(pong.as_bytes().to_vec()),
        Event::Header(header) => Seen::Header(header),
        Event::End(end) => Seen::End(end, decoder.result().to_vec()),
        Event::Data(piece) => {
            assert!(!piece.is_empty());
            add_data(seen, piece);
            return;
        }
    });
}

/// A message that was taken whole, as its events.
fn note_whole(seen: &mut Vec<Seen>, message: &Message) {
    seen.push(Seen::Header(message.header));
    if let Some(data) = message.data.filter(|data| !data.is_empty()) {
        add_data(seen, data);
    }
    let end = MessageEnd {
        header: message.header,
        header_known: true,
        data_len: message.data.map(|data| data.len() as u64),
        ..MessageEnd::default()
    };
    seen.push(Seen::End(end, message.result.to_vec()));
}

fn add_data(seen: &mut Vec<Seen>, piece: &[u8]) {
    if let Some(Seen::Data(data)) = seen.last_mut() {
        data.extend_from_slice(piece);
    } else {
        seen.push(Seen::Data(piece.to_vec()));
    }
}

/// Decodes a stream without keeping anything of it.
pub fn drain<'a>(decoder: &mut Decoder, pieces: impl IntoIterator<Item = &'a [u8]>) {
    for mut piece in pieces {
        while let Ok(Some(event)) = decoder.decode(&mut piece) {
            std::hint::black_box(event);
        }
    }
}

/// `stream` in pieces whose lengths are told by `pattern`, byte after byte and over again.
pub fn pieces<'a>(stream: &'a [u8], pattern: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut lengths = pattern.iter().copied().cycle();
    let mut rest = stream;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        // An empty piece now and then, too.
        let length = lengths.next().map_or(rest.len(), usize::from);
        let some = if pattern.iter().all(|length| *length == 0) {
            rest.len()
        } else {
            length
        };
        let (piece, after) = rest.split_at(some.min(rest.len()));
        rest = after;
        Some(piece)
    })
}
