//! The commands of ZMTP: READY, which ends the handshake, and PING with its answer. Where a command
//! may stand is the decoder's affair.

use super::error::{printable, WireError};
use super::frame::{self, COMMAND};
use super::{Limits, Role, SessionId};

const SOCKET_TYPE: &[u8] = b"Socket-Type";
const SESSION: &[u8] = b"X-Rogue-Session";

/// Most bytes of context that PING may carry (RFC 37).
const PING_CONTEXT: usize = 16;
/// Bytes of the PING command's TTL.
const PING_TTL: usize = 2;

/// Our READY as a whole frame: what we are and, from our client, which session both connections
/// belong to.
pub fn ready(role: Role, session: Option<&SessionId>) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    put_property(&mut body, SOCKET_TYPE, role.name().as_bytes());
    if let Some(session) = session {
        put_property(&mut body, SESSION, session.to_string().as_bytes());
    }
    let mut bytes = vec![0; frame::LONGEST];
    let head = frame::write(&mut bytes, COMMAND, body.len());
    bytes.truncate(head);
    bytes.extend_from_slice(&body);
    bytes
}

// Both names and both values are our own and shorter than 256 bytes.
fn put_property(body: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    body.push(name.len() as u8);
    body.extend_from_slice(name);
    body.extend_from_slice(&(value.len() as u32).to_be_bytes());
    body.extend_from_slice(value);
}

/// Our PING as a whole command frame, without a context, and with a TTL of 0: the peer need not close
/// the connection when no other follows. For peers that speak ZMTP 3.1 or later.
pub fn ping() -> [u8; 9] {
    *b"\x04\x07\x04PING\0\0"
}

/// The answer to a PING, as a whole command frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pong {
    bytes: [u8; 7 + PING_CONTEXT],
    len: u8,
}

impl Pong {
    /// The bytes to be sent.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len.into()]
    }

    // `context` has at most PING_CONTEXT bytes.
    fn new(context: &[u8]) -> Pong {
        let mut bytes = [0; 7 + PING_CONTEXT];
        // Never more than 7 + 16.
        let len = 7 + context.len();
        bytes[..2].copy_from_slice(&[COMMAND, (len - 2) as u8]);
        bytes[2..7].copy_from_slice(b"\x04PONG");
        bytes[7..len].copy_from_slice(context);
        Pong {
            bytes,
            len: len as u8,
        }
    }
}

/// Reads the one command that the handshake allows. `ours` is our own role.
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
        // libzmq sends this case and reads no other; being liberal here costs nothing.
        if name.eq_ignore_ascii_case(SOCKET_TYPE) {
            let expected = ours.peer();
            if value != expected.name().as_bytes() {
                return Err(WireError::SocketType {
                    theirs: printable(value),
                    expected,
                });
            }
        } else if name.eq_ignore_ascii_case(SESSION) {
            // A value that is not ours is some other program's affair, like any unknown property.
            session = session.or(SessionId::from_hex(value));
        }
    }
    Ok(session)
}

/// Reads a command that came after the handshake. `None`: it needs no answer.
pub(super) fn read_later(body: &[u8]) -> Result<Option<Pong>, WireError> {
    match split_name(body)? {
        (b"PING", rest) => match rest.get(PING_TTL..) {
            Some(context) if context.len() <= PING_CONTEXT => Ok(Some(Pong::new(context))),
            _ => Err(WireError::BadPing { length: body.len() }),
        },
        (b"READY", _) => Err(WireError::UnexpectedCommand {
            name: "READY".into(),
        }),
        (b"ERROR", rest) => Err(peer_error(rest)),
        _ => Ok(None),
    }
}

fn peer_error(rest: &[u8]) -> WireError {
    let reason = rest.split_first().map_or(&[][..], |(&length, text)| {
        // A reason that is cut off is still better than none.
        &text[..text.len().min(length.into())]
    });
    WireError::PeerError {
        reason: printable(reason),
    }
}

fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    body.split_first()
        .filter(|(&length, _)| length > 0)
        .and_then(|(&length, rest)| rest.split_at_checked(length.into()))
        .ok_or(WireError::BadCommand)
}

// Name, value, and what comes after; `None` when the property is not all there.
fn split_property(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(length.into())?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    let (value, rest) = rest.split_at_checked(length)?;
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
    fn ready_that_is_cut_anywhere_but_between_properties_is_refused() {
        let whole = ready(Role::Push, Some(&SessionId([7; 16])))[2..].to_vec();
        for n in 6..whole.len() {
            let due = match n {
                6 | 26 => Ok(None),
                7..26 => Err(WireError::BadReady { offset: 6 }),
                _ => Err(WireError::BadReady { offset: 26 }),
            };
            assert_eq!(read(&whole[..n]), due, "{n} bytes");
        }
    }

    #[test]
    fn a_value_length_of_four_gigabytes_is_no_more_than_a_bad_property() {
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
        let due = |reason: &str| WireError::PeerError {
            reason: reason.into(),
        };
        assert_eq!(error(b"\x05ERROR\x03why"), due("why"));
        assert_eq!(error(b"\x05ERROR\xffwhy"), due("why"));
        assert_eq!(error(b"\x05ERROR"), due(""));
    }
}
