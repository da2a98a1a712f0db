//! Reads the environment variable `RIM_LOG`: `info`, or `memory.TcpServer=debug`, or several of
//! these separated by commas. Pure data.

use super::levels::WARNING;
use super::line::NAMES;

/// The name of the variable.
pub(super) const VARIABLE: &str = "RIM_LOG";

/// The contents of the variable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LevelRequest {
    /// Levels for names with a certain prefix. The empty prefix stands for all names.
    pub(super) levels: Vec<(String, u32)>,
    /// A text about entries that were not understood.
    pub(super) complaint: Option<String>,
}

/// Reads the value of the variable.
pub(super) fn read(value: &str) -> LevelRequest {
    let mut request = LevelRequest::default();
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
                request.levels.push((name.to_owned(), level));
            }
            _ => unknown.push(entry),
        }
    }
    if !unknown.is_empty() {
        request.complaint = Some(format!(
            "{VARIABLE} is not understood at \"{}\", which is ignored. Write a level (critical, \
             error, warning, info, debug, or a number) or name=level; separate several by commas.",
            unknown.join(",")
        ));
    }
    request
}

fn level_of(text: &str) -> Option<u32> {
    let named = NAMES
        .iter()
        .find(|(name, _)| text.eq_ignore_ascii_case(name));
    match named {
        Some((_, level)) => Some(*level),
        None if text.eq_ignore_ascii_case("warn") => Some(WARNING),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::levels::{DEBUG, ERROR, INFO};
    use super::*;

    fn levels(value: &str) -> Vec<(String, u32)> {
        let request = read(value);
        assert_eq!(request.complaint, None, "{value}");
        request.levels
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
    fn commas_separate_several_entries() {
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
    fn bad_entries_are_named_and_the_rest_holds() {
        let request = read("info,loud,=debug,memory.Hub=-3,a=b=debug");
        assert_eq!(request.levels, [row("", INFO)]);
        let complaint = request.complaint.unwrap();
        assert!(
            complaint.contains("\"loud,=debug,memory.Hub=-3,a=b=debug\""),
            "{complaint}"
        );
    }
}
