//! stdout and stderr as the lines go there: none is waited for, and what a stream does not take is
//! dropped, counted, and told when it takes lines again.
//!
//! There are no locks here: a program that is stuck in a write of its own holds up nobody who logs, and
//! a child after `fork` finds nothing locked.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::descriptor::{put, Quiet};

/// Where lines go.
pub(super) struct Stream {
    /// In the line about what was dropped.
    name: &'static str,
    enabled: AtomicBool,
    dropped: AtomicU64,
    /// Those of them that no line has told of yet.
    untold: AtomicU64,
    /// The last line that went there has no end.
    torn: AtomicBool,
}

impl Stream {
    pub(super) const fn new(name: &'static str, enabled: bool) -> Stream {
        Stream {
            name,
            enabled: AtomicBool::new(enabled),
            dropped: AtomicU64::new(0),
            untold: AtomicU64::new(0),
            torn: AtomicBool::new(false),
        }
    }

    pub(super) fn enable(&self, enable: bool) {
        self.enabled.store(enable, Relaxed);
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Lines that were dropped since the beginning.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Writes `line` with a single write, so that the lines of several threads and processes do not
    /// mix. `notice` makes a line of a text; it is used for the one that tells how many were dropped.
    pub(super) fn write(
        &self,
        fd: BorrowedFd<'_>,
        line: &[u8],
        notice: impl FnOnce(&str) -> Vec<u8>,
    ) {
        let quiet = Quiet::new();
        let untold = self.untold.swap(0, Relaxed);
        let torn = self.torn.swap(false, Relaxed);
        if untold > 0 || torn {
            let text = format!(
                "{} did not take lines of the log: {untold} dropped",
                self.name
            );
            let mut told = notice(&text);
            if torn {
                told.insert(0, b'\n');
            }
            if !self.put(&quiet, fd, &told) {
                self.torn.fetch_or(torn, Relaxed);
                self.drop_one(untold);
                return;
            }
        }
        if !self.put(&quiet, fd, line) {
            self.drop_one(0);
        }
    }

    /// A line is dropped; `before` others were, of which nobody has been told.
    fn drop_one(&self, before: u64) {
        self.dropped.fetch_add(1, Relaxed);
        self.untold.fetch_add(before + 1, Relaxed);
    }

    /// Whether all of `line` was taken.
    fn put(&self, quiet: &Quiet, fd: BorrowedFd<'_>, line: &[u8]) -> bool {
        let mut done = 0;
        // A terminal, or a disk that is nearly full, may take a part: it is asked for the rest at once.
        while done < line.len() {
            match put(fd, &line[done..]) {
                Ok(0) => break,
                Ok(count) => done += count,
                Err(error) => {
                    quiet.take_back(&error);
                    break;
                }
            }
        }
        let whole = done == line.len();
        self.torn.fetch_or(done > 0 && !whole, Relaxed);
        whole
    }
}

#[cfg(test)]
mod tests {
    use std::io::{pipe, Read};
    use std::os::fd::AsFd;

    use super::*;

    fn notice(text: &str) -> Vec<u8> {
        format!("[{text}]\n").into_bytes()
    }

    #[test]
    fn what_is_dropped_is_counted_and_told_when_lines_are_taken_again() {
        let (mut reader, writer) = pipe().unwrap();
        let stream = Stream::new("it", true);
        let mut taken = 0;
        // Whole pages, so that no short line has room behind them.
        while stream.dropped() == 0 {
            stream.write(writer.as_fd(), &[b'x'; 4096], notice);
            taken += 1;
        }
        taken -= 1;
        assert!(taken > 0);
        for _ in 0..4 {
            stream.write(writer.as_fd(), b"lost\n", notice);
        }
        assert_eq!(stream.dropped(), 5);
        let mut lines = vec![0; 4096 * taken];
        reader.read_exact(&mut lines).unwrap();
        stream.write(writer.as_fd(), b"first\n", notice);
        stream.write(writer.as_fd(), b"second\n", notice);
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(
            text,
            "[it did not take lines of the log: 5 dropped]\nfirst\nsecond\n"
        );
        assert_eq!(stream.dropped(), 5);
    }

    #[test]
    fn a_line_that_was_cut_off_is_ended_first() {
        let (mut reader, writer) = pipe().unwrap();
        let stream = Stream::new("it", true);
        stream.torn.store(true, Relaxed);
        stream.write(writer.as_fd(), b"next\n", notice);
        drop(writer);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        assert_eq!(
            text,
            "\n[it did not take lines of the log: 0 dropped]\nnext\n"
        );
    }

    #[test]
    fn without_a_reader_lines_are_counted_and_no_signal_comes() {
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let stream = Stream::new("it", true);
        for _ in 0..3 {
            stream.write(writer.as_fd(), b"to nobody\n", notice);
        }
        assert_eq!(stream.dropped(), 3);
    }
}
