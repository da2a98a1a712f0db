//! Which level applies to which logger name. Pure data: no global state, no I/O.

use super::{normalize_name, ERROR};

/// The level for all names, and the filters for names that begin in a certain way.
#[derive(Debug)]
pub(super) struct Levels {
    global: u32,
    filters: Vec<(String, u32)>,
    /// What the environment says: filters that the program does not replace.
    environment: Vec<(String, u32)>,
}

impl Levels {
    /// Errors and worse, no filter.
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

    /// Sets the level for names that begin with `name`. The same name given again replaces the
    /// earlier level, so that a program which switches a filter on and off does not grow the list.
    pub(super) fn set_filter(&mut self, name: &str, level: u32) {
        let name = normalize_name(name);
        match self.filters.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = level,
            None => self.filters.push((name.into_owned(), level)),
        }
    }

    /// Adds levels that hold whatever the program sets; the one of the empty name is for all names.
    pub(super) fn add_environment(&mut self, levels: Vec<(String, u32)>) {
        self.environment
            .extend(levels.into_iter().map(|(name, level)| match name.as_str() {
                "" => (name, level),
                _ => (normalize_name(&name).into_owned(), level),
            }));
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
    use super::super::{DEBUG, INFO, WARNING};
    use super::*;

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
    fn the_lowest_of_global_and_all_matching_filters_counts() {
        let mut levels = Levels::new();
        levels.set_filter("memory", INFO);
        levels.set_filter("memory.Hub", WARNING);
        assert_eq!(levels.level_for("memory.Hub"), INFO);
        levels.set_global(DEBUG);
        assert_eq!(levels.level_for("memory.Hub"), DEBUG);
        assert_eq!(levels.level_for("other"), DEBUG);
    }

    #[test]
    fn the_same_filter_again_replaces() {
        let mut levels = Levels::new();
        levels.set_filter("memory.Hub", DEBUG);
        levels.set_filter("pyrogue.memory.Hub", WARNING);
        assert_eq!(levels.level_for("memory.Hub"), WARNING);
        assert_eq!(levels.filters.len(), 1);
    }

    #[test]
    fn what_the_environment_says_holds_whatever_the_program_sets() {
        let mut levels = Levels::new();
        levels.add_environment(vec![
            (String::new(), INFO),
            ("memory.Hub".to_owned(), DEBUG),
        ]);
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
