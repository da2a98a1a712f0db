//! Levels, logger names, and which level applies to which name. Pure data: no global state, no I/O.

use std::borrow::Cow;

use ::log::{Level, LevelFilter};

/// Level of a failure that ends the program's usefulness.
pub const CRITICAL: u32 = 50;
/// Level of a failure. The default level of every logger.
pub const ERROR: u32 = 40;
/// Level of messages about the identity of threads.
pub const THREAD: u32 = 35;
/// Level of an unexpected event that does no harm.
pub const WARNING: u32 = 30;
/// Level of the rare events of normal operation.
pub const INFO: u32 = 20;
/// Level of each step, down to single transactions.
pub const DEBUG: u32 = 10;
/// Level of the `log` crate's `trace!`, for which Rogue has none.
pub(super) const TRACE: u32 = 5;

/// The root of all logger names.
const ROOT: &str = "pyrogue";

/// The full form of a logger name: `memory.Hub` becomes `pyrogue.memory.Hub`. A name that begins
/// with `pyrogue.`, and `pyrogue` itself, stay as they are.
pub fn normalize_name(name: &str) -> Cow<'_, str> {
    if is_rogue_name(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(format!("{ROOT}.{name}"))
    }
}

/// Whether `name` is the full name of a logger.
pub(super) fn is_rogue_name(name: &str) -> bool {
    match name.strip_prefix(ROOT) {
        Some(rest) => rest.is_empty() || rest.starts_with('.'),
        None => false,
    }
}

/// The level of the `log` crate that stands for one of ours.
pub(super) fn facade_level(level: u32) -> Level {
    match level {
        ERROR.. => Level::Error,
        WARNING.. => Level::Warn,
        INFO.. => Level::Info,
        DEBUG.. => Level::Debug,
        _ => Level::Trace,
    }
}

/// Our level for a record of the `log` crate. None stands for `CRITICAL` and `THREAD`.
pub(super) fn rogue_level(level: Level) -> u32 {
    match level {
        Level::Error => ERROR,
        Level::Warn => WARNING,
        Level::Info => INFO,
        Level::Debug => DEBUG,
        Level::Trace => TRACE,
    }
}

/// The maximum level of the `log` crate when `lowest` is the lowest level that is emitted.
pub(super) fn facade_filter(lowest: u32) -> LevelFilter {
    Level::iter()
        .filter(|level| rogue_level(*level) >= lowest)
        .last()
        .map_or(LevelFilter::Off, |level| level.to_level_filter())
}

// The `match` arms of `facade_level` rely on this order.
const _: () = assert!(CRITICAL > ERROR && ERROR > WARNING && WARNING > INFO && INFO > DEBUG);

/// The level for all names, and the filters for names with a certain prefix.
#[derive(Clone, Debug)]
pub(super) struct Levels {
    global: u32,
    filters: Vec<(String, u32)>,
    /// Filters from the environment, which the program cannot replace.
    environment: Vec<(String, u32)>,
}

impl Levels {
    /// `ERROR` for every name.
    pub(super) const fn new() -> Levels {
        Levels {
            global: ERROR,
            filters: Vec::new(),
            environment: Vec::new(),
        }
    }

    /// Sets the level for all names.
    pub(super) fn set_global(&mut self, level: u32) {
        self.global = level;
    }

    /// Sets the level for names that begin with `name`. It replaces an earlier level for the same
    /// `name`, so that the list does not grow when a program switches a filter on and off.
    pub(super) fn set_filter(&mut self, name: &str, level: u32) {
        let name = normalize_name(name);
        match self.filters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = level,
            None => self.filters.push((name.into_owned(), level)),
        }
    }

    /// Sets the filters from the environment. An empty name stands for all names.
    pub(super) fn set_environment(&mut self, levels: &[(String, u32)]) {
        let full_name = |name: &str| match name {
            "" => String::new(),
            name => normalize_name(name).into_owned(),
        };
        self.environment = levels
            .iter()
            .map(|(name, level)| (full_name(name), *level))
            .collect();
    }

    /// The lowest level that a logger named `name` emits.
    pub(super) fn level_for(&self, name: &str) -> u32 {
        let name = normalize_name(name);
        self.all()
            .filter(|(prefix, _)| name.starts_with(prefix.as_str()))
            .fold(self.global, |level, (_, filter)| level.min(*filter))
    }

    /// The lowest level that any logger could emit.
    pub(super) fn lowest(&self) -> u32 {
        self.all()
            .fold(self.global, |level, (_, filter)| level.min(*filter))
    }

    fn all(&self) -> impl Iterator<Item = &(String, u32)> {
        self.filters.iter().chain(&self.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_get_their_root_once() {
        assert_eq!(normalize_name("memory.Hub"), "pyrogue.memory.Hub");
        assert_eq!(normalize_name("pyrogue.memory.Hub"), "pyrogue.memory.Hub");
        assert_eq!(normalize_name("pyrogue"), "pyrogue");
        assert_eq!(normalize_name("pyrogueish"), "pyrogue.pyrogueish");
        assert_eq!(normalize_name(""), "pyrogue.");
    }

    #[test]
    fn starts_at_error() {
        let levels = Levels::new();
        assert_eq!(levels.level_for("pyrogue.memory.Hub"), ERROR);
        assert_eq!(levels.lowest(), ERROR);
    }

    #[test]
    fn filter_matches_by_prefix_with_or_without_root() {
        let mut levels = Levels::new();
        levels.set_filter("memory.TcpServer", DEBUG);
        levels.set_filter("pyrogue.memory.Hub", INFO);
        assert_eq!(levels.level_for("pyrogue.memory.TcpServer.*.8000"), DEBUG);
        assert_eq!(levels.level_for("memory.TcpServer.*.8000"), DEBUG);
        assert_eq!(levels.level_for("pyrogue.memory.Hub"), INFO);
        assert_eq!(levels.level_for("pyrogue.memory.TcpClient.::1.8000"), ERROR);
        assert_eq!(levels.lowest(), DEBUG);
    }

    #[test]
    fn the_lowest_of_all_matching_levels_counts() {
        let mut levels = Levels::new();
        levels.set_filter("memory", INFO);
        levels.set_filter("memory.Hub", WARNING);
        assert_eq!(levels.level_for("memory.Hub"), INFO);
        levels.set_global(DEBUG);
        assert_eq!(levels.level_for("memory.Hub"), DEBUG);
        assert_eq!(levels.level_for("other"), DEBUG);
    }

    #[test]
    fn a_filter_replaces_an_earlier_one_for_the_same_name() {
        let mut levels = Levels::new();
        levels.set_filter("memory.Hub", DEBUG);
        levels.set_filter("pyrogue.memory.Hub", WARNING);
        assert_eq!(levels.level_for("memory.Hub"), WARNING);
        assert_eq!(levels.filters.len(), 1);
    }

    #[test]
    fn the_program_cannot_raise_levels_of_the_environment() {
        let mut levels = Levels::new();
        levels.set_environment(&[(String::new(), INFO), ("memory.Hub".to_owned(), DEBUG)]);
        levels.set_global(ERROR);
        levels.set_filter("memory.Hub", WARNING);
        assert_eq!(levels.level_for("memory.Hub"), DEBUG);
        assert_eq!(levels.level_for("memory.Master"), INFO);
        assert_eq!(levels.lowest(), DEBUG);
        levels.set_global(5);
        assert_eq!(levels.level_for("memory.Master"), 5);
    }

    #[test]
    fn any_number_is_a_level() {
        let mut levels = Levels::new();
        levels.set_global(u32::MAX);
        levels.set_filter("memory.Hub", 0);
        assert_eq!(levels.level_for("memory.Hub"), 0);
        assert_eq!(levels.level_for("memory.Master"), u32::MAX);
    }
}
