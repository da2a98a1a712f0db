//! The lines of a client's log that come again and again while a server is not well. They are limited
//! in rate, each kind by itself.

use std::fmt;

use ::log::Level;

use super::link::Shared;
use crate::log::Rate;

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum About {
    Connected,
    Disconnected,
    NoConnection,
    /// A response for which no transaction waits.
    Stray,
}

impl Shared {
    /// Logs a line at level Info, unless there were too many like it.
    pub(super) fn say(&self, about: About, text: fmt::Arguments<'_>) {
        if self
            .lines
            .say(&self.name, Level::Info, (about, Rate::STRANGERS), text)
        {
            self.control.notify_one();
        }
    }
}
