//! Lines that others can cause, limited in rate: a few at once, then one a second with the count of
//! those that were left out. Each kind of line has a limit of its own, so that a storm of one kind
//! hides no other.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::log::Level;

/// How many lines of a kind are written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// As many at once, after a time without any.
    pub(crate) at_once: u32,
    /// Then one each time that this is over.
    pub(crate) pause: Duration,
}

impl Rate {
    /// For what anybody can cause who reaches a port.
    pub(crate) const STRANGERS: Rate = Rate {
        at_once: 5,
        pause: Duration::from_secs(1),
    };
    /// For what clients do in normal operation, many of them at the same time.
    pub(crate) const CLIENTS: Rate = Rate {
        at_once: 100,
        pause: Duration::from_millis(200),
    };
    /// For a state that lasts, and that is met again and again.
    pub(crate) const STATE: Rate = Rate {
        at_once: 1,
        pause: Duration::from_secs(10),
    };
}

/// The limits of one logger; `K` is the kind of a line, of which there must be few.
pub(crate) struct Repeated<K> {
    kinds: Mutex<HashMap<K, Kind>>,
    /// Something was left out of which nobody has been told.
    waiting: AtomicBool,
}

/// The lines of a kind.
struct Kind {
    rate: Rate,
    /// How many may be written now, as of `at`.
    left: u32,
    at: Instant,
    /// Lines that were not written, and the last of them.
    left_out: u64,
    last: Option<(Level, String)>,
}

impl<K> Default for Repeated<K> {
    fn default() -> Repeated<K> {
        Repeated {
            kinds: Mutex::default(),
            waiting: AtomicBool::new(false),
        }
    }
}

impl<K: Copy + Eq + Hash> Repeated<K> {
    /// Logs `text` by the logger `name`, or leaves it out. True if it is the first that was left out, so
    /// that whoever calls [`Repeated::tell`] should do so now, to hear when that is due.
    pub(crate) fn say(
        &self,
        name: &str,
        level: Level,
        (kind, rate): (K, Rate),
        text: fmt::Arguments<'_>,
    ) -> bool {
        if !::log::log_enabled!(target: name, level) {
            return false;
        }
        let now = Instant::now();
        let mut kinds = self.lock();
        let kind = kinds.entry(kind).or_insert_with(|| Kind::new(rate, now));
        let line = kind.add(now, level, text.to_string());
        let first = kind.left_out == 1;
        if first {
            self.waiting.store(true, Relaxed);
        }
        // Not under the lock: a sink may cause a line.
        drop(kinds);
        if let Some(line) = line {
            ::log::log!(target: name, level, "{line}");
            return false;
        }
        first
    }

    /// Logs the last of what was left out, with the count, for each kind whose pause is over. Returns
    /// when to call again, if there is more. Costs a load while there is nothing.
    pub(crate) fn tell(&self, name: &str, now: Instant) -> Option<Instant> {
        if !self.waiting.load(Relaxed) {
            return None;
        }
        let mut kinds = self.lock();
        let lines = kinds
            .values_mut()
            .filter_map(|kind| kind.due(now))
            .collect();
        let next = kinds.values().filter_map(Kind::next).min();
        self.waiting.store(next.is_some(), Relaxed);
        drop(kinds);
        log_all(name, lines);
        next
    }

    /// The same for all kinds, at once: the last chance to tell of them.
    pub(crate) fn tell_all(&self, name: &str) {
        let lines = self.lock().values_mut().filter_map(Kind::take).collect();
        log_all(name, lines);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Kind>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_all(name: &str, lines: Vec<(Level, String)>) {
    for (level, line) in lines {
        ::log::log!(target: name, level, "{line}");
    }
}

impl Kind {
    fn new(rate: Rate, now: Instant) -> Kind {
        Kind {
            rate,
            left: rate.at_once,
            at: now,
            left_out: 0,
            last: None,
        }
    }

    /// A line that comes at `now`: what is to be written, if anything.
    fn add(&mut self, now: Instant, level: Level, text: String) -> Option<String> {
        if self.may_write(now) {
            let line = with_count(text, self.left_out);
            self.left_out = 0;
            self.last = None;
            return Some(line);
        }
        self.left_out += 1;
        self.last = Some((level, text));
        None
    }

    /// What is to be written at `now` of what was left out.
    fn due(&mut self, now: Instant) -> Option<(Level, String)> {
        (self.last.is_some() && self.may_write(now))
            .then(|| self.take())
            .flatten()
    }

    fn take(&mut self) -> Option<(Level, String)> {
        let (level, text) = self.last.take()?;
        let before = std::mem::take(&mut self.left_out) - 1;
        Some((level, with_count(text, before)))
    }

    /// When something that was left out may be written.
    fn next(&self) -> Option<Instant> {
        self.last.as_ref().map(|_| self.at + self.rate.pause)
    }

    fn may_write(&mut self, now: Instant) -> bool {
        let Rate { at_once, pause } = self.rate;
        let pauses = now.saturating_duration_since(self.at).as_nanos() / pause.as_nanos();
        let missing = at_once - self.left;
        match u32::try_from(pauses) {
            Ok(pauses) if pauses < missing => {
                self.left += pauses;
                self.at += pause * pauses;
            }
            _ => {
                self.left = at_once;
                self.at = now;
            }
        }
        let may = self.left > 0;
        self.left -= u32::from(may);
        may
    }
}

fn with_count(text: String, left_out: u64) -> String {
    match left_out {
        0 => text,
        1 => text + " (1 line like this was left out before it)",
        n => format!("{text} ({n} lines like this were left out before it)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLISECOND: Duration = Duration::from_millis(1);
    const RATE: Rate = Rate::STRANGERS;

    #[test]
    fn a_storm_gives_a_few_lines_and_the_count() {
        let begin = Instant::now();
        let mut kind = Kind::new(RATE, begin);
        let mut lines = Vec::new();
        // Ten thousand within 2.5 seconds.
        for n in 0..10_000u32 {
            let now = begin + MILLISECOND * n / 4;
            lines.extend(kind.add(now, Level::Warn, format!("stranger {n}")));
            lines.extend(kind.due(now).map(|(_, line)| line));
        }
        let at = kind.next().unwrap();
        assert_eq!(kind.due(at - MILLISECOND), None);
        lines.extend(kind.due(at).map(|(_, line)| line));
        assert_eq!(kind.next(), None);
        let expected = [
            "stranger 0",
            "stranger 1",
            "stranger 2",
            "stranger 3",
            "stranger 4",
            "stranger 4000 (3995 lines like this were left out before it)",
            "stranger 8000 (3999 lines like this were left out before it)",
            "stranger 9999 (1998 lines like this were left out before it)",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_comes_now_and_then_is_written() {
        let begin = Instant::now();
        let mut kind = Kind::new(RATE, begin);
        for n in 0..100 {
            let line = kind.add(begin + RATE.pause * n, Level::Warn, "x".to_owned());
            assert_eq!(line.as_deref(), Some("x"));
        }
        // A pause gives back what may come at once, and no more.
        let later = begin + RATE.pause * 1000;
        let written = (0..20)
            .filter_map(|_| kind.add(later, Level::Warn, "x".to_owned()))
            .count();
        assert_eq!(written, RATE.at_once as usize);
    }

    #[test]
    fn nothing_is_left_untold_at_the_end() {
        let begin = Instant::now();
        let mut kind = Kind::new(RATE, begin);
        for n in 0..RATE.at_once + 2 {
            kind.add(begin, Level::Warn, format!("line {n}"));
        }
        let (_, line) = kind.take().unwrap();
        assert_eq!(line, "line 6 (1 line like this was left out before it)");
        assert_eq!(kind.take(), None);
    }
}
