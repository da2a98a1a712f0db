//! The session id: our client sends it on both its connections, so that our server can tell which
//! two belong together. The endpoint chooses it at random.

use std::fmt;
use std::str::FromStr;

/// Value of the `X-Rogue-Session` property: 16 bytes, written as 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct SessionId(pub [u8; 16]);

/// The text of a session id is not 32 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ParseSessionIdError;

impl fmt::Display for ParseSessionIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a session id is 32 hex digits")
    }
}

impl std::error::Error for ParseSessionIdError {}

impl SessionId {
    /// Reads 32 hex digits of either case.
    pub(super) fn from_hex(text: &[u8]) -> Option<SessionId> {
        if text.len() != 32 {
            return None;
        }
        let mut id = [0u8; 16];
        for (byte, pair) in id.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(SessionId(id))
    }
}

fn digit(character: u8) -> Option<u8> {
    // A digit in base 16 is below 16, so the cast loses nothing.
    char::from(character).to_digit(16).map(|value| value as u8)
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for SessionId {
    type Err = ParseSessionIdError;

    fn from_str(text: &str) -> Result<SessionId, ParseSessionIdError> {
        SessionId::from_hex(text.as_bytes()).ok_or(ParseSessionIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let id = SessionId([
            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa0, 0xb1, 0xc2, 0xd3, 0xe4, 0xff,
        ]);
        assert_eq!(id.to_string(), "00010203040506070809a0b1c2d3e4ff");
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn anything_but_32_hex_digits_is_refused() {
        let good = "00010203040506070809a0b1c2d3e4ff";
        for bad in ["", &good[1..], &format!("{good}0"), &good.replace('f', "g")] {
            assert_eq!(bad.parse::<SessionId>(), Err(ParseSessionIdError), "{bad}");
        }
        let text = ParseSessionIdError.to_string();
        assert_eq!(text, "a session id is 32 hex digits");
        // 32 bytes, but not 32 characters.
        assert_eq!(
            "é".repeat(16).parse::<SessionId>(),
            Err(ParseSessionIdError)
        );
    }
}
