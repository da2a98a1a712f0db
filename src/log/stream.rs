//! stdout and stderr as destinations of lines. A line that a stream does not take at once is
//! dropped and counted, and a notice with the count precedes the next line that it takes.
//!
//! There are no locks here: a program that is stuck in a write of its own does not stop a thread
//! that logs, and a child after `fork` finds nothing locked.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::descriptor::Quiet;
use super::nowait::put;

/// A destination of lines.
pub(super) struct Stream {
    /// Its name in the notice about dropped lines.
    name: &'static str,
    enabled: AtomicBool,
    dropped: AtomicU64,
    /// Dropped lines that no notice has counted yet.
    unreported: AtomicU64,
    /// The last line was written in part, without its end.
    torn: AtomicBool,
}

impl Stream {
    pub(super) const fn new(name: &'static str, enabled: bool) -> Stream {
        Stream {
            name,
            enabled: AtomicBool::new(enabled),
            dropped: AtomicU64::new(0),
            unreported: AtomicU64::new(0),
            torn: AtomicBool::new(false),
        }
    }

    pub(super) fn enable(&self, enable: bool) {
        self.enabled.store(enable, Relaxed);
    }

    pub(super) fn is_enabled(&self) -> bool {
        self.enabled.load(Relaxed)
    }

    /// Lines that were dropped since the process began.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    /// Writes `line` with a single write, so that the lines of several threads and processes do not
    /// mix. `notice` makes a line of the text about dropped lines.
    pub(super) fn write(
        &self,
        fd: BorrowedFd<'_>,
        line: &[u8],
        notice: impl FnOnce(&str) -> Vec<u8>,
    ) {
        let quiet = Quiet::new();
        let unreported = self.unreported.swap(0, Relaxed);
        let torn = self.torn.swap(false, Relaxed);
        if unreported > 0 || torn {
            let text = format!(
                "{} did not take lines of the log: {unreported} dropped",
                self.name
            );
            let mut report = notice(&text);
            if torn {
                report.insert(0, b'\n');
            }
            if !self.put(&quiet, fd, &report) {
                self.torn.fetch_or(torn, Relaxed);
                self.drop_one(unreported);
                return;
            }
        }
        if !self.put(&quiet, fd, line) {
            self.drop_one(0);
        }
    }

    /// Counts a dropped line, and `before` earlier ones whose notice was dropped too.
    fn drop_one(&self, before: u64) {
        self.dropped.fetch_add(1, Relaxed);
        self.unreported.fetch_add(before + 1, Relaxed);
    }

    /// Whether all of `line` was taken.
    fn put(&self, quiet: &Quiet, fd: BorrowedFd<'_>, line: &[u8]) -> bool {
        let mut done = 0;
        // A terminal, or a disk that is nearly full, may take a part: the rest is tried at once.
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
    fn dropped_lines_are_counted_and_reported_with_the_next_line() {
        let (mut reader, writer) = pipe().unwrap();
        let stream = Stream::new("it", true);
        let mut taken = 0;
        // Whole pages, so that no room is left for a short line.
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
    fn a_line_that_was_cut_off_gets_its_end_first() {
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
