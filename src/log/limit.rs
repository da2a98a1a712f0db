//! Rate limits for lines that others can cause: a few at once, then one per pause with the count of
//! the lines left out. Each kind of line has its own limit, so that many lines of one kind do not
//! hide the others.

use std::collections::HashMap;
use std::fmt;
use std::hash::Hash;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ::log::Level;

/// The rate limit of a kind of line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Most lines at once, after a time without any.
    pub(crate) at_once: u32,
    /// Then one line per pause.
    pub(crate) pause: Duration,
}

impl Rate {
    /// For lines that any program which can reach the port may cause.
    pub(crate) const STRANGERS: Rate = Rate {
        at_once: 5,
        pause: Duration::from_secs(1),
    };
    /// For normal events of clients, of which many may happen at the same time.
    pub(crate) const CLIENTS: Rate = Rate {
        at_once: 100,
        pause: Duration::from_millis(200),
    };
    /// For a lasting state that is found again and again.
    pub(crate) const STATE: Rate = Rate {
        at_once: 1,
        pause: Duration::from_secs(10),
    };
}

/// The rate limits of one logger. `K` is the kind of a line; there must be few kinds.
pub(crate) struct Repeated<K> {
    kinds: Mutex<HashMap<K, Bucket>>,
    /// Lines were left out and not reported yet.
    waiting: AtomicBool,
}

/// A token bucket: the rate limit of one kind of line.
struct Bucket {
    rate: Rate,
    /// Lines that may be written now, as of `at`.
    left: u32,
    at: Instant,
    /// The number of lines left out since the last one that was written.
    left_out: u64,
    /// The last of them.
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
    /// Logs `text` by the logger `name`, or leaves it out. True if it is the first line left out:
    /// the caller must then arrange for a call of [`Repeated::tell`], which says when the line is
    /// due.
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
        let kind = kinds.entry(kind).or_insert_with(|| Bucket::new(rate, now));
        let line = kind.add(now, level, text.to_string());
        let first = kind.left_out == 1;
        if first {
            self.waiting.store(true, Relaxed);
        }
        // Without the lock: a sink may cause another line.
        drop(kinds);
        if let Some(line) = line {
            ::log::log!(target: name, level, "{line}");
            return false;
        }
        first
    }

    /// Logs the last line left out, with the count, for each kind whose pause is over. Returns when
    /// to call again, if more lines are left out. Costs one load if none are.
    pub(crate) fn tell(&self, name: &str, now: Instant) -> Option<Instant> {
        if !self.waiting.load(Relaxed) {
            return None;
        }
        let mut kinds = self.lock();
        let lines = kinds
            .values_mut()
            .filter_map(|kind| kind.due(now))
            .collect();
        let next = kinds.values().filter_map(Bucket::next).min();
        self.waiting.store(next.is_some(), Relaxed);
        drop(kinds);
        log_all(name, lines);
        next
    }

    /// Logs the last line left out of every kind at once. For the end of an endpoint.
    pub(crate) fn tell_all(&self, name: &str) {
        let lines = self.lock().values_mut().filter_map(Bucket::take).collect();
        log_all(name, lines);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Bucket>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn log_all(name: &str, lines: Vec<(Level, String)>) {
    for (level, line) in lines {
        ::log::log!(target: name, level, "{line}");
    }
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Bucket {
        Bucket {
            rate,
            left: rate.at_once,
            at: now,
            left_out: 0,
            last: None,
        }
    }

    /// Adds a line at `now`. Returns the text to write, or `None` if the line is left out.
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

    /// The last line left out, if it may be written at `now`.
    fn due(&mut self, now: Instant) -> Option<(Level, String)> {
        (self.last.is_some() && self.may_write(now))
            .then(|| self.take())
            .flatten()
    }

    /// The last line left out, with the count of those before it.
    fn take(&mut self) -> Option<(Level, String)> {
        let (level, text) = self.last.take()?;
        let before = std::mem::take(&mut self.left_out) - 1;
        Some((level, with_count(text, before)))
    }

    /// When the last line left out may be written.
    fn next(&self) -> Option<Instant> {
        self.last.as_ref().map(|_| self.at + self.rate.pause)
    }

    /// Takes a token, if there is one at `now`.
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
    fn many_lines_become_a_few_with_the_count() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(RATE, begin);
        let mut lines = Vec::new();
        // Ten thousand within 2.5 seconds.
        for n in 0..10_000u32 {
            let now = begin + MILLISECOND * n / 4;
            lines.extend(bucket.add(now, Level::Warn, format!("stranger {n}")));
            lines.extend(bucket.due(now).map(|(_, line)| line));
        }
        let at = bucket.next().unwrap();
        assert_eq!(bucket.due(at - MILLISECOND), None);
        lines.extend(bucket.due(at).map(|(_, line)| line));
        assert_eq!(bucket.next(), None);
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
    fn lines_with_a_pause_between_them_are_all_written() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(RATE, begin);
        for n in 0..100 {
            let line = bucket.add(begin + RATE.pause * n, Level::Warn, "x".to_owned());
            assert_eq!(line.as_deref(), Some("x"));
        }
        // A long pause allows the burst again, and no more.
        let later = begin + RATE.pause * 1000;
        let written = (0..20)
            .filter_map(|_| bucket.add(later, Level::Warn, "x".to_owned()))
            .count();
        assert_eq!(written, RATE.at_once as usize);
    }

    #[test]
    fn the_last_line_left_out_is_written_at_the_end() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(RATE, begin);
        for n in 0..RATE.at_once + 2 {
            bucket.add(begin, Level::Warn, format!("line {n}"));
        }
        let (_, line) = bucket.take().unwrap();
        assert_eq!(line, "line 6 (1 line like this was left out before it)");
        assert_eq!(bucket.take(), None);
    }
}
