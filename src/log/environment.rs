//! What `RIM_LOG` in the environment says: `info`, or `memory.TcpServer=debug`, or several of these
//! with commas between them. Pure data.

use super::line::NAMES;

/// The variable.
pub(super) const VARIABLE: &str = "RIM_LOG";

/// What was understood, and a text about what was not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// Levels for names that begin in a certain way; the empty one is that of all names.
    pub(super) levels: Vec<(String, u32)>,
    pub(super) complaint: Option<String>,
}

/// Reads the value of the variable.
pub(super) fn read(value: &str) -> Wish {
    let mut wish = Wish::default();
    let mut unknown = Vec::new();
    for entry in value.split(',').map(str::trim) {
        if entry.is_empty() {
            continue;
        }
        let (name, level) = match entry.split_once('=') {
            Some((name, level)) => (name.trim(), level.trim()),
            None => ("", entry),
        };
        match level_of(level) {
            Some(level) if !name.is_empty() || !entry.contains('=') => {
                wish.levels.push((name.to_owned(), level));
            }
            _ => unknown.push(entry),
        }
    }
    if !unknown.is_empty() {
        wish.complaint = Some(format!(
            "{VARIABLE} is not understood at \"{}\", which is ignored. Write a level (critical, error, \
             warning, info, debug, or a number) or name=level, with commas between several.",
            unknown.join(",")
        ));
    }
    wish
}

fn level_of(text: &str) -> Option<u32> {
    let named = NAMES
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    match named {
        Some((_, level)) => Some(*level),
        None if text.eq_ignore_ascii_case("warn") => Some(super::WARNING),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DEBUG, ERROR, INFO, WARNING};
    use super::*;

    fn levels(value: &str) -> Vec<(String, u32)> {
        let wish = read(value);
        assert_eq!(wish.complaint, None, "{value}");
        wish.levels
    }

    fn row(name: &str, level: u32) -> (String, u32) {
        (name.to_owned(), level)
    }

    #[test]
    fn a_level_is_for_all_names() {
        assert_eq!(levels("info"), [row("", INFO)]);
        assert_eq!(levels(" Debug "), [row("", DEBUG)]);
        assert_eq!(levels("warn"), [row("", WARNING)]);
        assert_eq!(levels("25"), [row("", 25)]);
        assert_eq!(levels(""), []);
    }

    #[test]
    fn several_stand_with_commas() {
        assert_eq!(
            levels("error, memory.TcpServer=debug,pyrogue.memory.TcpClient.::1 = INFO,"),
            [
                row("", ERROR),
                row("memory.TcpServer", DEBUG),
                row("pyrogue.memory.TcpClient.::1", INFO),
            ]
        );
    }

    #[test]
    fn what_is_not_understood_is_named_and_the_rest_holds() {
        let wish = read("info,loud,=debug,memory.Hub=-3,a=b=debug");
        assert_eq!(wish.levels, [row("", INFO)]);
        let complaint = wish.complaint.unwrap();
        assert!(
            complaint.contains("\"loud,=debug,memory.Hub=-3,a=b=debug\""),
            "{complaint}"
        );
    }
}
