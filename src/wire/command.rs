//! The commands of ZMTP: READY, which ends the handshake, and PING with its answer PONG. The
//! decoder decides where a command is allowed.

use arrayvec::ArrayVec;
use bytes::{Buf, BufMut};

use super::error::{printable, WireError};
use super::frame::{put_header, COMMAND};
use super::limits::{Limits, Role};
use super::session::SessionId;

const SOCKET_TYPE: &[u8] = b"Socket-Type";
const SESSION: &[u8] = b"X-Rogue-Session";

/// Most bytes of context in a PING (ZeroMQ RFC 37).
const MAX_PING_CONTEXT: usize = 16;
/// Size of the PING command's TTL in bytes.
const PING_TTL: usize = 2;
/// The beginning of the PONG command's body.
const PONG: &[u8; 5] = b"\x04PONG";
/// Capacity of a [`Pong`]: frame header, command name, context.
const MAX_PONG: usize = 2 + PONG.len() + MAX_PING_CONTEXT;

/// Our READY as a complete frame. `session` is sent by our client, so that the server can tell
/// which two connections belong together.
pub fn ready(role: Role, session: Option<&SessionId>) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    put_property(&mut body, SOCKET_TYPE, role.name().as_bytes());
    if let Some(session) = session {
        put_property(&mut body, SESSION, session.to_string().as_bytes());
    }
    let mut frame = Vec::new();
    put_header(&mut frame, COMMAND, body.len());
    frame.put_slice(&body);
    frame
}

/// Appends a property. Both `name` and `value` are ours and shorter than 256 bytes.
fn put_property(out: &mut impl BufMut, name: &[u8], value: &[u8]) {
    out.put_u8(name.len() as u8);
    out.put_slice(name);
    out.put_u32(value.len() as u32);
    out.put_slice(value);
}

/// Our PING as a complete frame, for peers that speak ZMTP 3.1 or later. It has no context, and a
/// TTL of 0: the peer need not close the connection if no other PING follows.
pub fn ping() -> [u8; 9] {
    *b"\x04\x07\x04PING\0\0"
}

/// The answer to a PING, as a complete frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pong(ArrayVec<u8, MAX_PONG>);

impl Pong {
    /// The bytes to send.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// `None` if `context` is longer than a PING allows.
    fn new(context: &[u8]) -> Option<Pong> {
        if context.len() > MAX_PING_CONTEXT {
            return None;
        }
        let mut bytes = ArrayVec::new();
        bytes.extend([COMMAND, (PONG.len() + context.len()) as u8]);
        bytes.extend(*PONG);
        bytes.extend(context.iter().copied());
        Some(Pong(bytes))
    }
}

/// Reads the command that ends the handshake. `ours` is our own role.
pub(super) fn read_ready(
    body: &[u8],
    ours: Role,
    limits: &Limits,
) -> Result<Option<SessionId>, WireError> {
    let (name, properties) = split_name(body)?;
    match name {
        b"READY" => {}
        b"ERROR" => return Err(peer_error(properties)),
        _ => {
            return Err(WireError::UnexpectedCommand {
                name: printable(name),
            })
        }
    }
    let mut session = None;
    let mut rest = properties;
    let mut count = 0;
    while !rest.is_empty() {
        if count == limits.max_properties {
            return Err(WireError::TooManyProperties { limit: count });
        }
        count += 1;
        let Some((name, value, after)) = split_property(rest) else {
            return Err(WireError::BadReady {
                offset: body.len() - rest.len(),
            });
        };
        rest = after;
        // libzmq sends the names in this case and accepts no other; we accept any case.
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            let expected = ours.peer();
            if value != expected.name().as_bytes() {
                return Err(WireError::SocketType {
                    theirs: printable(value),
                    expected,
                });
            }
        } else if name.eq_ignore_ascii_case(SESSION) {
            // A value of another form is ignored, like any unknown property.
            session = session.or(SessionId::from_hex(value));
        }
    }
    Ok(session)
}

/// Reads a command that came after the handshake. `None`: no answer is needed.
pub(super) fn read_later(body: &[u8]) -> Result<Option<Pong>, WireError> {
    match split_name(body)? {
        (b"PING", rest) => rest
            .get(PING_TTL..)
            .and_then(Pong::new)
            .map(Some)
            .ok_or(WireError::BadPing { length: body.len() }),
        (b"READY", _) => Err(WireError::UnexpectedCommand {
            name: "READY".into(),
        }),
        (b"ERROR", rest) => Err(peer_error(rest)),
        _ => Ok(None),
    }
}

fn peer_error(rest: &[u8]) -> WireError {
    let reason = rest.split_first().map_or(&[][..], |(&length, text)| {
        // A reason that is cut off still helps.
        &text[..text.len().min(length.into())]
    });
    WireError::PeerError {
        reason: printable(reason),
    }
}

/// The command's name, and the bytes after it.
fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    body.split_first()
        .filter(|(&length, _)| length > 0)
        .and_then(|(&length, rest)| rest.split_at_checked(length.into()))
        .ok_or(WireError::BadCommand)
}

/// Name and value of the first property, and the bytes after it. `None`: it is incomplete.
fn split_property(mut bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let length = bytes.try_get_u8().ok()?;
    let (name, mut bytes) = bytes.split_at_checked(length.into())?;
    let length = usize::try_from(bytes.try_get_u32().ok()?).ok()?;
    let (value, rest) = bytes.split_at_checked(length)?;
    Some((name, value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: &[u8]) -> Result<Option<SessionId>, WireError> {
        read_ready(body, Role::Pull, &Limits::default())
    }

    #[test]
    fn our_own_ready_is_read_back() {
        let id = SessionId([7; 16]);
        assert_eq!(read(&ready(Role::Push, Some(&id))[2..]), Ok(Some(id)));
        assert_eq!(read(&ready(Role::Push, None)[2..]), Ok(None));
    }

    #[test]
    fn a_ready_that_is_cut_inside_a_property_is_refused() {
        let whole = ready(Role::Push, Some(&SessionId([7; 16])))[2..].to_vec();
        for n in 6..whole.len() {
            let expected = match n {
                6 | 26 => Ok(None),
                7..26 => Err(WireError::BadReady { offset: 6 }),
                _ => Err(WireError::BadReady { offset: 26 }),
            };
            assert_eq!(read(&whole[..n]), expected, "{n} bytes");
        }
    }

    #[test]
    fn a_value_length_of_four_gigabytes_is_a_bad_property() {
        let body = b"\x05READY\x01a\xff\xff\xff\xffvalue";
        assert_eq!(read(body), Err(WireError::BadReady { offset: 6 }));
    }

    #[test]
    fn our_own_ping_is_answered() {
        let ping = ping();
        assert_eq!(ping[..2], [COMMAND, (ping.len() - 2) as u8]);
        let pong = read_later(&ping[2..]).unwrap().unwrap();
        assert_eq!(pong.as_bytes(), b"\x04\x05\x04PONG");
        assert_eq!(read_later(&pong.as_bytes()[2..]), Ok(None));
    }

    #[test]
    fn a_command_needs_a_name() {
        for body in [&b""[..], b"\0", b"\0abc", b"\x06READY"] {
            assert_eq!(read(body), Err(WireError::BadCommand), "{body:?}");
            assert_eq!(read_later(body), Err(WireError::BadCommand), "{body:?}");
        }
    }

    #[test]
    fn an_error_command_with_a_bad_length_still_gives_its_reason() {
        let error = |body: &[u8]| read(body).unwrap_err();
        let expected = |reason: &str| WireError::PeerError {
            reason: reason.into(),
        };
        assert_eq!(error(b"\x05ERROR\x03why"), expected("why"));
        assert_eq!(error(b"\x05ERROR\xffwhy"), expected("why"));
        assert_eq!(error(b"\x05ERROR"), expected(""));
    }
}
