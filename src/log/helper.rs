//! A thread that writes lines for descriptors to which nothing else can write without the risk of
//! waiting. It is started by the first such line.
//!
//! The caller waits until its line is written, so that lines keep their order with the program's own
//! output and are there when the process ends right after them, but only for [`PATIENCE`]. While the
//! thread is stuck in a line, all others are refused at once.

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::sync::{Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::descriptor::{with_signals_blocked, write};

/// How long a caller waits for the thread.
const PATIENCE: Duration = Duration::from_millis(20);

struct Writer {
    work: Mutex<Work>,
    changed: Condvar,
}

#[derive(Default)]
struct Work {
    started: bool,
    /// The line that is to be written.
    given: Option<(RawFd, Vec<u8>)>,
    /// Since when the thread has had a line in its hands, or one to take.
    since: Option<Instant>,
    /// The number of the line, and what came of the last one.
    number: u64,
    outcome: Option<(u64, io::Result<usize>)>,
}

/// The writer of a process. A child after `fork` has a copy of its parent's, without the thread and
/// with a lock in whatever state; it makes one of its own behind that.
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
                    work: Mutex::default(),
                    changed: Condvar::new(),
                },
                next: OnceLock::new(),
            };
            // Another thread may have been faster: then that one's is taken.
            let _ = place.set(Box::new(node));
            continue;
        };
        if node.process == process {
            return &node.writer;
        }
        place = &node.next;
    }
}

/// Has the thread write `bytes` to `fd`. `WouldBlock` if it is stuck; a line in which it gets stuck
/// now counts as written, since it will be.
pub(super) fn put(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    let writer = writer();
    let mut work = writer.lock();
    while let Some(since) = work.since {
        work = writer.wait_until(work, since + PATIENCE)?;
    }
    if !work.started {
        let thread = thread::Builder::new().name("rim-log".to_owned());
        // The program's signals are for its own threads.
        with_signals_blocked(|| thread.spawn(|| writer.run()))?;
        work.started = true;
    }
    let begun = Instant::now();
    work.given = Some((fd, bytes.to_vec()));
    work.since = Some(begun);
    work.number += 1;
    let number = work.number;
    writer.changed.notify_all();
    loop {
        if let Some((_, outcome)) = work.outcome.take_if(|(of, _)| *of == number) {
            return outcome;
        }
        if work.number != number {
            // Others went on before this thread ran again.
            return Ok(bytes.len());
        }
        work = match writer.wait_until(work, begun + PATIENCE) {
            Ok(work) => work,
            Err(_) => return Ok(bytes.len()),
        };
    }
}

impl Writer {
    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change; `WouldBlock` when it is `end`.
    fn wait_until<'a>(
        &'a self,
        work: MutexGuard<'a, Work>,
        end: Instant,
    ) -> io::Result<MutexGuard<'a, Work>> {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(ErrorKind::WouldBlock.into());
        }
        let (work, _) = self
            .changed
            .wait_timeout(work, left)
            .unwrap_or_else(PoisonError::into_inner);
        Ok(work)
    }

    fn run(&self) {
        let mut work = self.lock();
        loop {
            let Some((fd, bytes)) = work.given.take() else {
                work = self
                    .changed
                    .wait(work)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let number = work.number;
            drop(work);
            let outcome = write_all(fd, &bytes);
            work = self.lock();
            work.outcome = Some((number, outcome));
            work.since = None;
            self.changed.notify_all();
        }
    }
}

/// The thread has time: it writes the rest too.
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

    /// The thread is one for the process, and these tests get it stuck: one after the other.
    #[test]
    fn lines_are_written_when_this_returns_and_nobody_waits_for_long() {
        let (mut reader, writer) = io::pipe().unwrap();
        let fd = writer.as_raw_fd();
        for n in 0..10 {
            let line = format!("line {n}\n");
            assert_eq!(put(fd, line.as_bytes()).unwrap(), 7);
            let mut got = [0; 7];
            reader.read_exact(&mut got).unwrap();
            assert_eq!(got, line.as_bytes());
        }
        // Until it is stuck.
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
        // Whatever was taken comes.
        let mut lines = vec![0; 4096 * count];
        reader.read_exact(&mut lines).unwrap();
        let end = Instant::now() + Duration::from_secs(10);
        while put(fd, b"again\n").is_err() {
            assert!(Instant::now() < end);
        }
        let mut got = [0; 6];
        reader.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"again\n");
        // One that fails says so.
        drop(reader);
        let error = put(fd, b"to nobody\n").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
    }
}
