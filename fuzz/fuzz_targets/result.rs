//! The result of a transaction, in all dialects, and as we send it: what is an error stays one, has a
//! text that no legacy client stumbles over, and what is read of it is not longer than was sent.
#![no_main]

use fuzzing::reference::frame;
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::wire::{decode_result, response_tail, response_tail_ok, MAX_RESULT};

fuzz_target!(|data: &[u8]| {
    let outcome = decode_result(data);
    let text = data.split(|byte| *byte == 0).next().unwrap_or_default();
    let number = <[u8; 4]>::try_from(data).ok().map(u32::from_le_bytes);
    // Rogue compares as a C string; numbers are what the simulation model sends.
    let fine = text == b"OK" || number == Some(0) || (number.is_none() && text.is_empty());
    assert_eq!(outcome.is_ok(), fine, "{outcome:?}");
    if let (Err(said), Some(number)) = (&outcome, number) {
        assert!(said.contains(&number.to_string()), "{said}");
    } else if let Err(said) = &outcome {
        assert_eq!(*said, String::from_utf8_lossy(text));
    }

    let given = String::from_utf8_lossy(data);
    let tail = response_tail(&given);
    let body = body(&tail);
    assert!(
        (1..=MAX_RESULT).contains(&body.len()),
        "{} bytes",
        body.len()
    );
    assert!(!body.contains(&0));
    let sent = std::str::from_utf8(body).expect("whole characters");
    assert_eq!(decode_result(body), Err(sent.to_owned()));
    // All of it, or as much as there is room for.
    let shown = given.replace('\0', "?");
    if shown.len() <= MAX_RESULT {
        assert!(sent.ends_with(&shown) && sent.len() <= shown.len() + 16);
    } else {
        assert!(shown.starts_with(sent) && sent.len() > MAX_RESULT - 4);
    }
    assert_eq!(decode_result(self::body(response_tail_ok())), Ok(()));
});

/// The body of the one frame that this is.
fn body(tail: &[u8]) -> &[u8] {
    match frame(tail) {
        Ok((frame, [])) if frame.whole && !frame.more && !frame.command => frame.body,
        _ => panic!("not the last frame of a message: {tail:02x?}"),
    }
}
