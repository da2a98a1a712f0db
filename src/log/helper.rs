//! A thread that writes lines to descriptors for which every system call may wait. The first such
//! line starts it.
//!
//! The caller waits until its line is written, for at most [`MAX_WAIT`]: so lines keep their order
//! with the program's own output, and are not lost when the process ends right after them. While
//! the thread is stuck in a line, all others are refused at once.

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::descriptor::{with_signals_blocked, write};

/// The longest time that a caller waits for the thread.
const MAX_WAIT: Duration = Duration::from_millis(20);

struct Writer {
    job: Mutex<Job>,
    changed: Condvar,
}

#[derive(Default)]
struct Job {
    started: bool,
    /// The line to write.
    given: Option<(RawFd, Vec<u8>)>,
    /// When the current line was given to the thread; `None` while the thread is idle.
    since: Option<Instant>,
    /// The number of the last line given.
    number: u64,
    /// The number of the last line that is finished, and its outcome.
    outcome: Option<(u64, io::Result<usize>)>,
}

/// The writer of a process. A child after `fork` has a copy of its parent's writer, without the
/// thread and perhaps with a locked mutex. It never uses that one, and appends a writer of its own.
struct Node {
    process: u32,
    writer: Writer,
    next: OnceLock<Box<Node>>,
}

static FIRST: OnceLock<Box<Node>> = OnceLock::new();

fn writer() -> &'static Writer {
    let process = std::process::id();
    let mut place = &FIRST;
    loop {
        let Some(node) = place.get() else {
            let node = Node {
                process,
                writer: Writer {
                    job: Mutex::default(),
                    changed: Condvar::new(),
                },
                next: OnceLock::new(),
            };
            // If another thread was faster, its node is used.
            let _ = place.set(Box::new(node));
            continue;
        };
        if node.process == process {
            return &node.writer;
        }
        place = &node.next;
    }
}

/// Has the thread write `bytes` to `fd`. `WouldBlock` if the thread is stuck. If it gets stuck in
/// these bytes, they count as written, since they will be.
pub(super) fn put(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let writer = writer();
    let mut job = writer.lock();
    while let Some(since) = job.since {
        job = writer.wait_until(job, since + MAX_WAIT)?;
    }
    if !job.started {
        let thread = thread::Builder::new().name("rim-log".to_owned());
        // The thread must not receive the program's signals.
        with_signals_blocked(|| thread.spawn(|| writer.run()))?;
        job.started = true;
    }
    let begun = Instant::now();
    job.given = Some((fd, bytes.to_vec()));
    job.since = Some(begun);
    job.number += 1;
    let number = job.number;
    writer.changed.notify_all();
    loop {
        if let Some((_, outcome)) = job.outcome.take_if(|(of, _)| *of == number) {
            return outcome;
        }
        if job.number != number {
            // Another caller has given the next line, so this one is finished.
            return Ok(bytes.len());
        }
        job = match writer.wait_until(job, begun + MAX_WAIT) {
            Ok(job) => job,
            Err(_) => return Ok(bytes.len()),
        };
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, Job> {
        self.job.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change; `WouldBlock` at `end`.
    fn wait_until<'a>(
        &'a self,
        job: MutexGuard<'a, Job>,
        end: Instant,
    ) -> io::Result<MutexGuard<'a, Job>> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (job, _) = self
            .changed
            .wait_timeout(job, left)
            .unwrap_or_else(PoisonError::into_inner);
        Ok(job)
    }

    fn run(&self) {
        let mut job = self.lock();
        loop {
            let Some((fd, bytes)) = job.given.take() else {
                job = self
                    .changed
                    .wait(job)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let number = job.number;
            drop(job);
            let outcome = write_all(fd, &bytes);
            job = self.lock();
            job.outcome = Some((number, outcome));
            job.since = None;
            self.changed.notify_all();
        }
    }
}

/// Writes all of `bytes`, however long that takes.
fn write_all(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < bytes.len() {
        match write(fd, &bytes[done..]) {
            Ok(0) => break,
            Ok(count) => done += count,
            Err(error) if done == 0 => return Err(error),
            Err(_) => break,
        }
    }
    Ok(done)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsRawFd;

    use super::*;

    /// One test, since the process has one such thread, and this gets it stuck.
    #[test]
    fn a_line_is_written_when_put_returns_and_no_caller_waits_for_long() {
        let (mut reader, writer) = io::pipe().unwrap();
        let fd = writer.as_raw_fd();
        for n in 0..10 {
            let line = format!("line {n}\n");
            assert_eq!(put(fd, line.as_bytes()).unwrap(), 7);
            let mut got = [0; 7];
            reader.read_exact(&mut got).unwrap();
            assert_eq!(got, line.as_bytes());
        }
        // Until the thread is stuck.
        let begun = Instant::now();
        let mut count = 0;
        while put(fd, &[b'x'; 4096]).is_ok() {
            count += 1;
        }
        assert!(begun.elapsed() < Duration::from_secs(10));
        // Nobody waits for the stuck thread: a thousand lines take no time.
        let begun = Instant::now();
        for _ in 0..1000 {
            let error = put(fd, b"no\n").unwrap_err();
            assert_eq!(error.kind(), ErrorKind::WouldBlock);
        }
        assert!(begun.elapsed() < Duration::from_secs(2));
        // Every line that was taken arrives.
        let mut lines = vec![0; 4096 * count];
        reader.read_exact(&mut lines).unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while put(fd, b"again\n").is_err() {
            assert!(Instant::now() < end);
        }
        let mut got = [0; 6];
        reader.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"again\n");
        // A failure is reported.
        drop(reader);
        let error = put(fd, b"to nobody\n").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    }
}
