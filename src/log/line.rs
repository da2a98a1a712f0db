//! The format of one line of the log.

use std::borrow::Cow;
use std::time::Duration;

use super::levels::{CRITICAL, DEBUG, ERROR, INFO, THREAD, TRACE, WARNING};

/// Most bytes in a line, with its end. A pipe takes this many at once (`PIPE_BUF` of Linux), so a
/// line is written whole or not at all.
pub(super) const MAX_LINE: usize = 4096;

/// The end of a line that was cut.
const CUT: &str = "...\n";

/// The names of levels in lines, and in `RIM_LOG`, where case does not matter.
pub(super) const NAMES: [(&str, u32); 7] = [
    ("Critical", CRITICAL),
    ("Error", ERROR),
    ("Thread", THREAD),
    ("Warning", WARNING),
    ("Info", INFO),
    ("Debug", DEBUG),
    ("Trace", TRACE),
];

/// `text` with every control character written as an escape. Text may come from the network: a line
/// feed would forge a line of the log, and an escape sequence would control the terminal.
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

/// A line in Rogue's format: `<seconds>.<microseconds>:<name>: <text>` and a line feed. With a
/// `level`: `<seconds>.<microseconds>:<name>: <level>: <text>`. `now` is the time since the Unix
/// epoch.
pub(super) fn line(now: Duration, name: &str, level: Option<u32>, text: &str) -> Vec<u8> {
    let (seconds, micros) = (now.as_secs(), now.subsec_micros());
    let mut line = format!("{seconds}.{micros:06}:{name}: ");
    if let Some(level) = level {
        match NAMES.iter().find(|(_, known)| *known == level) {
            Some((name, _)) => line.push_str(name),
            None => line.push_str(&format!("Level {level}")),
        }
        line.push_str(": ");
    }
    if line.len() + text.len() < MAX_LINE {
        line.push_str(text);
        line.push('\n');
    } else {
        line.push_str(text);
        let mut end = MAX_LINE - CUT.len();
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.truncate(end);
        line.push_str(CUT);
    }
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_micros(1_700_000_000_000_042);

    #[test]
    fn a_line_is_rogues() {
        assert_eq!(
            line(NOW, "pyrogue.memory.Hub", None, "100% done"),
            b"1700000000.000042:pyrogue.memory.Hub: 100% done\n"
        );
    }

    #[test]
    fn a_level_comes_before_the_text() {
        let text = |level| String::from_utf8(line(NOW, "pyrogue.a", Some(level), "x")).unwrap();
        assert_eq!(text(30), "1700000000.000042:pyrogue.a: Warning: x\n");
        assert_eq!(text(33), "1700000000.000042:pyrogue.a: Level 33: x\n");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        for extra in 0..8 {
            let text = "x".repeat(extra) + &"ü".repeat(3000);
            let line = line(NOW, "pyrogue.a", None, &text);
            assert!(line.len() <= MAX_LINE && line.len() > MAX_LINE - 2);
            let line = String::from_utf8(line).unwrap();
            assert!(line.ends_with("ü...\n"));
        }
        let head = line(NOW, "pyrogue.a", None, "").len();
        let whole = line(NOW, "pyrogue.a", None, &"x".repeat(MAX_LINE - head));
        assert!(whole.len() == MAX_LINE && whole.ends_with(b"xx\n"));
        let cut = line(NOW, "pyrogue.a", None, &"x".repeat(MAX_LINE - head + 1));
        assert!(cut.len() == MAX_LINE && cut.ends_with(b"x...\n"));
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(
            escape("a\nb\r\t\x1b[31m\0\u{85}"),
            "a\\nb\\r\\t\\u{1b}[31m\\u{0}\\u{85}"
        );
    }

    #[test]
    fn text_without_control_characters_is_not_copied() {
        assert!(matches!(
            escape("Zeitüberschreitung: %s {}"),
            Cow::Borrowed(_)
        ));
    }
}
