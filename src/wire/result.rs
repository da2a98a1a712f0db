//! The last frame of a response, which reports success or failure. We write one dialect and read
//! all that servers use.

use bytes::BufMut;

use super::frame::put_header;

/// Most bytes of result text that a legacy client accepts. It ignores a response with more.
pub const MAX_RESULT: usize = 999;

/// Most bytes of a result frame that the decoder keeps. The rest is read and discarded.
pub const RESULT_KEPT: usize = 1024;

const NO_TEXT: &str = "unknown error";

/// The result frame of a response that reports success.
pub fn response_tail_ok() -> &'static [u8] {
    b"\x00\x02OK"
}

/// The result frame of a response that reports a failure, with `text` as the reason.
///
/// The text is changed where a client would not read it as an error:
///
/// - More than [`MAX_RESULT`] bytes are cut, between two characters.
/// - NUL, which would end the text for a legacy client, is sent as `?`.
/// - An empty text is sent as `unknown error`.
/// - `OK`, and any text of 4 bytes, which could be a number, get the prefix `error: `.
pub fn response_tail(text: &str) -> Vec<u8> {
    let (prefix, text) = match cut(text) {
        "" => ("", NO_TEXT),
        text if text == "OK" || text.len() == 4 => ("error: ", text),
        text => ("", text),
    };
    let mut tail = Vec::new();
    put_header(&mut tail, 0, prefix.len() + text.len());
    tail.put_slice(prefix.as_bytes());
    tail.extend(text.bytes().map(|byte| if byte == 0 { b'?' } else { byte }));
    tail
}

/// The longest prefix of `text` that has whole characters and at most `MAX_RESULT` bytes.
fn cut(text: &str) -> &str {
    // A character has at most 4 bytes, so this takes at most 4 steps.
    let end = (0..=text.len().min(MAX_RESULT))
        .rev()
        .find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

/// Reads a result frame: success, or the reason for the failure.
///
/// - Success is `OK` (also with NULs after it), an empty frame, or text that begins with NUL.
/// - Exactly 4 other bytes are a number, sent by the SURF simulation model and by Rogue before 4.0:
///   0 is success, any other value an AXI response code.
/// - Everything else is text up to the first NUL. Bytes that are not UTF-8 are replaced.
///
/// # Errors
/// The text of the failure, never empty.
pub fn decode_result(result: &[u8]) -> Result<(), String> {
    let end = result
        .iter()
        .position(|&byte| byte == 0)
        .unwrap_or(result.len());
    let text = &result[..end];
    // Rogue's client compares C strings: "OK" with NULs after it is a success there too.
    if text == b"OK" {
        return Ok(());
    }
    if let Ok(number) = <[u8; 4]>::try_from(result) {
        return decode_number(u32::from_le_bytes(number), text);
    }
    if text.is_empty() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(text).into_owned())
}

/// The names are those of ARM IHI 0022, "AMBA AXI and ACE protocol specification", A3.4.4.
fn decode_number(number: u32, text: &[u8]) -> Result<(), String> {
    let name = match number {
        0 => return Ok(()),
        1 => "EXOKAY",
        2 => "SLVERR",
        3 => "DECERR",
        // Rogue sends text: a reason of exactly 4 characters must stay readable.
        _ => match std::str::from_utf8(text) {
            Ok(word) if text.len() == 4 && !word.contains(char::is_control) => word,
            _ => return Err(format!("AXI response {number}")),
        },
    };
    Err(format!("AXI response {number} ({name})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_named() {
        let text = |number: u32| decode_result(&number.to_le_bytes()).unwrap_err();
        assert_eq!(text(1), "AXI response 1 (EXOKAY)");
        assert_eq!(text(2), "AXI response 2 (SLVERR)");
        assert_eq!(text(3), "AXI response 3 (DECERR)");
        assert_eq!(text(0x0100), "AXI response 256");
        assert_eq!(text(0xffff_ffff), "AXI response 4294967295");
        assert_eq!(decode_result(&[0; 4]), Ok(()));
        let word = u32::from_le_bytes(*b"FAIL");
        assert_eq!(
            decode_result(b"FAIL"),
            Err(format!("AXI response {word} (FAIL)"))
        );
    }

    #[test]
    fn a_number_whose_first_byte_is_nul_is_still_a_number() {
        assert_eq!(
            decode_result(&[0, 0, 0, 1]),
            Err("AXI response 16777216".into())
        );
    }
}
