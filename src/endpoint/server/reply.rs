//! What a response holds, by what its client understands.

use crate::bus::{READ, VERIFY};
use crate::endpoint::outgoing::Chunk;
use crate::wire::{response_tail, Header, MAX_RESULT, PROBE};

/// The result frame of a response that fails with `text`.
pub(super) fn failure_tail(text: &str, legacy: bool) -> Vec<u8> {
    match legacy {
        // A legacy client takes the text for a printf format.
        true => response_tail(&printf_literal(text)),
        false => response_tail(text),
    }
}

/// The data of a response as it is sent. Rogue before 6.8.5 does not count an empty frame, and
/// drops a response that has one.
pub(super) fn sent_body(header: &Header, body: Chunk, legacy: bool) -> Chunk {
    if legacy && body.len() == 0 && header.kind != PROBE {
        Chunk::Zeros(1)
    } else {
        body
    }
}

/// The data of a response that fails, to a request of at most `max` bytes. A legacy client takes
/// the text only if a Read or Verify brings as many bytes as it asked for.
pub(super) fn filler(header: &Header, max: u32) -> Chunk {
    match header.kind {
        READ | VERIFY if header.size <= max => Chunk::Zeros(header.size as usize),
        _ => Chunk::Zeros(0),
    }
}

/// A format that makes `printf` print `text`, as far as that fits a result.
fn printf_literal(text: &str) -> String {
    let mut format = String::new();
    for c in text.chars() {
        // Half of a pair at the end would be a conversion again.
        if format.len() + c.len_utf8() + usize::from(c == '%') > MAX_RESULT {
            break;
        }
        if c == '%' {
            format.push('%');
        }
        format.push(c);
    }
    format
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_4_a_legacy_client_gets_no_conversion_to_run() {
        assert_eq!(printf_literal("50% of %s%n"), "50%% of %%s%%n");
        let text = "x".repeat(MAX_RESULT - 1) + "%s";
        assert_eq!(printf_literal(&text), "x".repeat(MAX_RESULT - 1));
        let text = "x".repeat(MAX_RESULT - 2) + "%s";
        assert_eq!(printf_literal(&text), "x".repeat(MAX_RESULT - 2) + "%%");
    }
}
