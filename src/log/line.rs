//! The shape of one line of the log, and how it gets out in one piece. Knows nothing of levels.

use std::borrow::Cow;
use std::io::{self, Write};
use std::time::Duration;

/// `text` with every control character written as an escape. Texts come from the network; a line
/// feed in one would forge a line of the log, an escape sequence would drive the terminal.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if c.is_control() {
            escaped.extend(c.escape_default());
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

/// Writes `<seconds>.<microseconds>:<name>: <text>` and a line feed with a single write, so that the
/// lines of several threads and processes do not mix. `now` is the time since the Unix epoch.
pub(super) fn write(to: &mut impl Write, now: Duration, name: &str, text: &str) -> io::Result<()> {
    let line = format!(
        "{}.{:06}:{name}: {text}\n",
        now.as_secs(),
        now.subsec_micros()
    );
    to.write_all(line.as_bytes())?;
    to.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts the writes.
    #[derive(Default)]
    struct Writes(Vec<Vec<u8>>);

    impl Write for Writes {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.push(bytes.to_vec());
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_rogues_and_one_write() {
        let mut writes = Writes::default();
        let now = Duration::from_micros(1_700_000_000_000_042);
        write(&mut writes, now, "pyrogue.memory.Hub", "100% done").unwrap();
        let expected = b"1700000000.000042:pyrogue.memory.Hub: 100% done\n".to_vec();
        assert_eq!(writes.0, [expected]);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            escape("a\nb\r\t\x1b[31m\0\u{85}"),
            "a\\nb\\r\\t\\u{1b}[31m\\u{0}\\u{85}"
        );
    }

    #[test]
    fn other_text_stays_and_is_not_copied() {
        assert!(matches!(
            escape("Zeitüberschreitung: %s {}"),
            Cow::Borrowed(_)
        ));
    }
}
