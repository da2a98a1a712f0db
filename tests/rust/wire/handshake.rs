//! What a peer may and may not send before its first message.

use super::*;

/// What a PULL end that takes requests makes of a peer's first bytes.
fn shake(bytes: &[u8]) -> Outcome {
    feed(
        &mut new_decoder(Messages::Requests, Limits::default()),
        [bytes],
    )
}

/// What comes of `body` as the command after the greeting.
fn after_greeting(body: &[u8]) -> Outcome {
    shake(&[&greeting()[..], &command(body)].concat())
}

fn refused(outcome: Outcome) -> WireError {
    outcome.1.expect("an error")
}

fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = (value.len() as u32).to_be_bytes();
    [&[name.len() as u8], name, &length, value].concat()
}

fn ready_with(properties: &[&[u8]]) -> Outcome {
    after_greeting(&[b"\x05READY", &properties.concat()[..]].concat())
}

const ACCEPTED: fn(Option<SessionId>) -> Outcome =
    |session| (vec![Seen::Greeting(3, 1), Seen::Ready(session)], None);

#[test]
fn libzmqs_own_bytes_are_accepted() {
    // Recorded from a PUSH socket of libzmq 4.3.5: the last byte of the padding is 1.
    let whole = hex("ff 0000000000000001 7f 03 01 4e554c4c
         00000000000000000000000000000000 00
         00000000000000000000000000000000000000000000000000000000000000
         04 1a 05 5245414459 0b 536f636b65742d54797065 00000004 50555348");
    assert_eq!(shake(&whole), ACCEPTED(None));
}

#[test]
fn minor_version_0_and_higher_majors_are_accepted() {
    for (major, minor) in [(3, 0), (3, 9), (4, 0), (255, 255)] {
        let mut bytes = greeting();
        bytes[10..12].copy_from_slice(&[major, minor]);
        assert_eq!(shake(&bytes), (vec![Seen::Greeting(major, minor)], None));
    }
}

#[test]
fn padding_as_server_and_filler_are_not_looked_at() {
    let mut bytes = greeting();
    bytes[1..9].fill(0xa5);
    bytes[9] = 0x01;
    bytes[32..].fill(0xa5);
    assert_eq!(shake(&bytes), (vec![Seen::Greeting(3, 1)], None));
}

#[test]
fn old_and_foreign_peers_are_refused_by_their_first_bytes() {
    // ZeroMQ 2.x without and with an identity of 254 bytes, and a web browser.
    assert_eq!(
        refused(shake(&[1])),
        WireError::NotZmtp { offset: 0, byte: 1 }
    );
    let long_identity = hex("ff 00000000000000ff 00");
    assert_eq!(
        refused(shake(&long_identity)),
        WireError::NotZmtp { offset: 9, byte: 0 }
    );
    let error = refused(shake(b"G"));
    assert_eq!(
        error,
        WireError::NotZmtp {
            offset: 0,
            byte: b'G'
        }
    );
    assert!(error.to_string().contains("ZMTP 1"), "{error}");
    // The signature alone is no reason to refuse.
    let mut bytes = greeting()[..10].to_vec();
    assert_eq!(shake(&bytes), (vec![], None));
    for (revision, version) in [(0, "1.0"), (1, "2.0"), (2, "2.1")] {
        bytes.truncate(10);
        bytes.push(revision);
        let error = refused(shake(&bytes));
        assert_eq!(error, WireError::OldVersion { revision });
        assert!(
            error.to_string().contains(&format!("ZMTP {version} ")),
            "{error}"
        );
    }
}

#[test]
fn another_mechanism_is_named() {
    for name in ["PLAIN", "CURVE", "GSSAPI", "NULLX", "ABCDEFGHIJKLMNOPQRST"] {
        let mut bytes = greeting();
        bytes[12..32].fill(0);
        bytes[12..12 + name.len()].copy_from_slice(name.as_bytes());
        // As soon as the name is there.
        let error = refused(shake(&bytes[..32]));
        assert_eq!(error, WireError::Mechanism { name: name.into() });
        assert!(error.to_string().contains(name), "{error}");
    }
    let mut bytes = greeting();
    bytes[12] = 0;
    assert_eq!(
        refused(shake(&bytes)),
        WireError::Mechanism {
            name: String::new()
        }
    );
}

#[test]
fn socket_types_must_be_counterparts() {
    let pairs = [Role::Push, Role::Pull].map(|ours| [(ours, Role::Push), (ours, Role::Pull)]);
    for (ours, theirs) in pairs.into_iter().flatten() {
        let mut decoder = Decoder::new(ours, Messages::None, Limits::default());
        let (_, error) = feed(&mut decoder, [&greeting()[..], &ready(theirs, None)]);
        let due = (ours == theirs).then(|| WireError::SocketType {
            theirs: theirs.name().into(),
            expected: ours.peer(),
        });
        assert_eq!(error, due, "{ours:?} and {theirs:?}");
        assert_eq!(decoder.is_ready(), due.is_none());
    }
    for bad in ["PUB", "push", "PUSH\0", "", "PUSHPUSH"] {
        let error = refused(ready_with(&[&property(b"Socket-Type", bad.as_bytes())]));
        assert!(
            matches!(error, WireError::SocketType { .. }),
            "{bad:?}: {error}"
        );
    }
    // Twice, and one of them wrong.
    let [good, bad] = [b"PUSH", b"PULL"].map(|value| property(b"Socket-Type", value));
    assert!(matches!(
        refused(ready_with(&[&good, &bad])),
        WireError::SocketType { .. }
    ));
}

#[test]
fn properties_are_read_liberally() {
    let id = SessionId([0xab; 16]);
    let session = property(b"X-Rogue-Session", "ab".repeat(16).as_bytes());
    assert_eq!(ready_with(&[]), ACCEPTED(None), "no Socket-Type");
    assert_eq!(
        ready_with(&[&property(b"socket-TYPE", b"PUSH")]),
        ACCEPTED(None)
    );
    assert_eq!(ready_with(&[&session]), ACCEPTED(Some(id)));
    assert_eq!(
        ready_with(&[&property(b"X-Other", &[0; 99]), &session]),
        ACCEPTED(Some(id))
    );
    assert_eq!(
        ready_with(&[&property(b"Identity", b""), &property(b"", b"")]),
        ACCEPTED(None)
    );
}

#[test]
fn a_bad_session_is_ignored() {
    let good = property(b"X-Rogue-Session", "ab".repeat(16).as_bytes());
    for bad in [
        "",
        "ab",
        &"ab".repeat(17),
        &"xy".repeat(16),
        &"é".repeat(16),
    ] {
        let bad = property(b"X-Rogue-Session", bad.as_bytes());
        assert_eq!(ready_with(&[&bad]), ACCEPTED(None));
        assert_eq!(
            ready_with(&[&bad, &good]),
            ACCEPTED(Some(SessionId([0xab; 16])))
        );
    }
}

#[test]
fn bytes_after_the_last_property_are_refused() {
    let good = property(b"Socket-Type", b"PUSH");
    for trailing in [
        &b"\0"[..],
        b"\x01",
        b"\x01a\0\0\0",
        b"\x01a\0\0\0\x02b",
        b"\xff",
    ] {
        let error = refused(ready_with(&[&good, trailing]));
        assert_eq!(error, WireError::BadReady { offset: 26 }, "{trailing:?}");
    }
}

#[test]
fn nothing_but_ready_is_allowed_before_ready() {
    let message = [&greeting()[..], &frame(false, b"abcd")].concat();
    assert_eq!(refused(shake(&message)), WireError::MessageBeforeReady);
    assert_eq!(
        refused(shake(&message[..66])),
        WireError::MessageBeforeReady,
        "its header will do"
    );
    // Nor is a whole one of the usual form, which has a short cut of its own.
    let head = rogue_memory_bridge::wire::request_head(&HEADER, None);
    let request = [&greeting()[..], &head].concat();
    assert_eq!(refused(shake(&request)), WireError::MessageBeforeReady);
    for name in ["PING", "HELLO", "ready", "READYY"] {
        let body = [&[name.len() as u8], name.as_bytes(), b"\0\0"].concat();
        let due = WireError::UnexpectedCommand { name: name.into() };
        assert_eq!(refused(after_greeting(&body)), due);
    }
    assert_eq!(refused(after_greeting(b"")), WireError::BadCommand);
}

#[test]
fn a_peers_error_is_quoted_safely() {
    let error = refused(after_greeting(b"\x05ERROR\x0bno \x1b[2J%s\n\0"));
    assert_eq!(
        error,
        WireError::PeerError {
            reason: "no ?[2J%s??".into()
        }
    );
    assert!(error.to_string().ends_with(": no ?[2J%s??"), "{error}");
    let mut body = b"\x05ERROR\xff".to_vec();
    body.extend([b'x'; 240]);
    assert_eq!(
        refused(after_greeting(&body)),
        WireError::PeerError {
            reason: "x".repeat(240)
        }
    );
}

#[test]
fn ready_comes_once() {
    let twice = [handshake_bytes(Messages::Requests), ready(Role::Push, None)].concat();
    let (seen, error) = shake(&twice);
    assert_eq!(seen, ACCEPTED(None).0);
    assert_eq!(
        error,
        Some(WireError::UnexpectedCommand {
            name: "READY".into()
        })
    );
}

#[test]
fn ready_may_have_a_long_length() {
    let body = &ready(Role::Push, None)[2..];
    let length = (body.len() as u64).to_be_bytes();
    let bytes = [&greeting()[..], &[6], &length, body].concat();
    assert_eq!(shake(&bytes), ACCEPTED(None));
}

#[test]
fn the_first_good_session_counts() {
    let session = |digits: &str| property(b"X-Rogue-Session", digits.repeat(16).as_bytes());
    let first = ACCEPTED(Some(SessionId([0xab; 16])));
    assert_eq!(ready_with(&[&session("ab"), &session("cd")]), first);
    assert_eq!(ready_with(&[&session("ab"), &session("xy")]), first);
}
