//! What is sent, compared with bytes written down by hand from RFC 23, RFC 37 and the frame layout.

use rogue_memory_bridge::wire::{
    decode_result, request_head, response_head, response_tail, response_tail_ok, MAX_RESULT, POST,
    PROBE, READ, VERIFY, WRITE,
};

use super::*;

const SESSION: SessionId =
    SessionId(*b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x1b\x2c\x3d\x4e\xff");

#[test]
fn greeting_is_zmtp_3_1_with_null() {
    let due = hex("ff 0000000000000000 7f 03 01 4e554c4c
         00000000000000000000000000000000 00
         00000000000000000000000000000000000000000000000000000000000000");
    assert_eq!(greeting()[..], due);
}

#[test]
fn ready_without_session() {
    let head = "04 1a 05 5245414459 0b 536f636b65742d54797065 00000004";
    assert_eq!(ready(Role::Push, None), hex(&format!("{head} 50555348")));
    assert_eq!(ready(Role::Pull, None), hex(&format!("{head} 50554c4c")));
}

#[test]
fn ready_with_session() {
    for (role, name) in [(Role::Push, "50555348"), (Role::Pull, "50554c4c")] {
        let due = hex(&format!(
            "04 4e 05 5245414459 0b 536f636b65742d54797065 00000004 {name}
             0f 582d526f6775652d53657373696f6e 00000020
             3030303130323033303430353036303730383039306131623263336434656666"
        ));
        assert_eq!(ready(role, Some(&SESSION)), due);
    }
}

fn header(kind: u32) -> Header {
    Header {
        id: 0x1234_5678,
        address: 0x0102_0304_0506_0708,
        size: 4,
        kind,
    }
}

/// The frames id, address and size, and the type's with its flags.
fn fields(flags: &str, kind: &str) -> String {
    format!("01 04 78563412  01 08 0807060504030201  01 04 04000000  {flags} 04 {kind}")
}

#[test]
fn requests_without_data() {
    for (kind, bytes) in [
        (READ, "01000000"),
        (VERIFY, "04000000"),
        (PROBE, "feffffff"),
    ] {
        assert_eq!(
            request_head(&header(kind), None).as_bytes(),
            hex(&fields("00", bytes))
        );
    }
}

#[test]
fn requests_with_data() {
    for (kind, bytes) in [(WRITE, "02000000"), (POST, "03000000")] {
        for (length, frame) in [
            (0, "00 00"),
            (4, "00 04"),
            (255, "00 ff"),
            (256, "02 0000000000000100"),
            (0xffff_ffff, "02 00000000ffffffff"),
        ] {
            let due = hex(&format!("{} {frame}", fields("01", bytes)));
            assert_eq!(request_head(&header(kind), Some(length)).as_bytes(), due);
        }
    }
}

#[test]
fn responses() {
    for (length, frame) in [
        (0, "01 00"),
        (255, "01 ff"),
        (65_536, "03 0000000000010000"),
    ] {
        let due = hex(&format!("{} {frame}", fields("01", "01000000")));
        assert_eq!(response_head(&header(READ), length)[..], due);
    }
    assert_eq!(response_tail_ok(), hex("00 02 4f4b"));
    assert_eq!(response_tail("no"), hex("00 02 6e6f"));
}

#[test]
fn row_5_error_text_is_cut_to_999_bytes() {
    assert_eq!(MAX_RESULT, 999);
    for length in [998, 999, 1000, 100_000] {
        let tail = response_tail(&"x".repeat(length));
        let kept = length.min(999);
        assert_eq!(tail[0], 2);
        assert_eq!(tail[1..9], (kept as u64).to_be_bytes());
        assert_eq!(tail[9..], vec![b'x'; kept]);
    }
}

#[test]
fn row_5_error_text_is_cut_between_characters() {
    for character in ["é", "€", "𝄞"] {
        for shift in 0..4 {
            let text = "x".repeat(shift) + &character.repeat(600);
            let tail = response_tail(&text);
            let kept = std::str::from_utf8(&tail[9..]).expect("whole characters");
            assert!(text.starts_with(kept));
            assert!(
                kept.len() <= 999 && kept.len() + character.len() > 999,
                "{}",
                kept.len()
            );
        }
    }
}

/// What a client reads from the frame that `text` is sent as.
fn arrives(text: &str) -> Result<(), String> {
    let tail = response_tail(text);
    assert_eq!(tail[0], 0, "short, and the last frame");
    assert_eq!(usize::from(tail[1]), tail.len() - 2);
    decode_result(&tail[2..])
}

#[test]
fn row_4_error_text_is_data() {
    for text in [
        "%s%s%n%x",
        "100% of 4 bytes",
        "{} \\n $(x)",
        "tab\t and line\n",
        "Grüße",
        "OK ",
    ] {
        assert_eq!(arrives(text), Err(text.to_string()));
    }
}

#[test]
fn an_error_is_never_read_as_success_or_as_a_number() {
    assert_eq!(arrives(""), Err("unknown error".into()));
    assert_eq!(arrives("OK"), Err("error: OK".into()));
    for text in ["fail", "ab%d", "éé", "𝄞", "    "] {
        assert_eq!(arrives(text), Err(format!("error: {text}")));
    }
    assert_eq!(arrives("\0\0\0\0"), Err("error: ????".into()));
    assert_eq!(arrives("\0"), Err("?".into()));
    assert_eq!(arrives("OK\0"), Err("OK?".into()));
    assert_eq!(arrives("be\0fore"), Err("be?fore".into()));
    assert_eq!(arrives("OK\0\0"), Err("error: OK??".into()));
}

#[test]
fn results_are_read_in_all_dialects() {
    // Rogue 4 and later.
    assert_eq!(decode_result(b"OK"), Ok(()));
    assert_eq!(decode_result(b"OK\0"), Ok(()));
    assert_eq!(decode_result(b"bus error"), Err("bus error".into()));
    assert_eq!(
        decode_result(b"bus error\0 and what lay behind it"),
        Err("bus error".into())
    );
    assert_eq!(decode_result(b"ok"), Err("ok".into()));
    assert_eq!(decode_result(b"OKAY!"), Err("OKAY!".into()));
    assert_eq!(
        decode_result(b"caf\xe9 closed"),
        Err("caf\u{fffd} closed".into())
    );
    // Nothing, or a string that ends where it begins.
    for nothing in [&b""[..], b"\0", b"\0\0", b"\0\0\0\0\0", b"\0text"] {
        assert_eq!(decode_result(nothing), Ok(()), "{nothing:?}");
    }
    // The simulation model, and Rogue before 4.0.
    assert_eq!(decode_result(&[0, 0, 0, 0]), Ok(()));
    assert_eq!(
        decode_result(&[2, 0, 0, 0]),
        Err("AXI response 2 (SLVERR)".into())
    );
    assert_eq!(
        decode_result(&[3, 0, 0, 0]),
        Err("AXI response 3 (DECERR)".into())
    );
    assert_eq!(
        decode_result(&[0, 0, 0, 2]),
        Err("AXI response 33554432".into())
    );
}
