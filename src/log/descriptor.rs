//! Writing to a descriptor that the program shares with others, without waiting and without a signal.
//!
//! Descriptors 1 and 2 are not ours: the shell, the terminal and other processes share their open
//! file description, so `O_NONBLOCK` must not be set on it. What is done instead depends on what the
//! descriptor is: see `put`.
//!
//! The one module of the log with `unsafe`: there is no safe form of these calls in `std`.
#![allow(unsafe_code)]

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::os::fd::{AsRawFd, RawFd};

use socket2::SockRef;

use super::helper;

/// Writes `bytes` to `fd`, as far as it takes them at once: the count, or `WouldBlock`.
///
/// | what it is | how | why it does not wait |
/// |---|---|---|
/// | socket | `send` with `MSG_DONTWAIT` | by its definition |
/// | file | `write` | a page cache takes it (a file system that hangs holds up the program anyway) |
/// | pipe, `/dev/null` | `pwritev2` with `RWF_NOWAIT` | by its definition |
/// | terminal, pipe of an older Linux | `write` to the same thing, opened anew with `O_NONBLOCK` | the new open file description is ours alone |
/// | what cannot be opened, other systems | a thread writes ([`helper`]) | the caller waits for it for some milliseconds at most |
///
/// Measured on Linux 6.18, for 100 bytes: 0.6 us into a pipe, 7.5 us if it is opened anew; 12 us into a
/// terminal, of which 3.6 are the write; 0.6 us for [`Quiet`].
///
/// `poll` and then `write` is not among them: another process that shares a pipe may fill it in
/// between, and a terminal says that it takes something when it has room for one byte. A queue and a
/// thread would do for all of them, but then a line is lost when the process ends right after it, and
/// changes places with what the program writes itself; and a child after `fork` has no threads.
pub(super) fn put(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    match kind(fd)? {
        Kind::Socket => send(fd, bytes),
        Kind::File => write(fd.as_raw_fd(), bytes),
        Kind::Other => match write_now(fd, bytes) {
            Err(error) if is_unsupported(&error) => match reopened(fd, bytes) {
                Some(result) => result,
                None => helper::put(fd.as_raw_fd(), bytes),
            },
            result => result,
        },
    }
}

enum Kind {
    Socket,
    /// A regular file or a disk.
    File,
    Other,
}

fn kind(fd: BorrowedFd<'_>) -> io::Result<Kind> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes to the struct, which is ours and large enough, and keeps no pointer.
    if unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fstat has succeeded, so it has filled in the struct.
    let mode = unsafe { stat.assume_init() }.st_mode;
    Ok(match mode & libc::S_IFMT {
        libc::S_IFSOCK => Kind::Socket,
        libc::S_IFREG | libc::S_IFBLK => Kind::File,
        _ => Kind::Other,
    })
}

fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(not(target_vendor = "apple"))]
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // `Quiet` is enough there.
    #[cfg(target_vendor = "apple")]
    let flags = libc::MSG_DONTWAIT;
    SockRef::from(&fd).send_with_flags(bytes, flags)
}

/// `write`, for as long as it is only a signal that stops it.
pub(super) fn write(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    loop {
        // SAFETY: the pointer and the length are those of a slice, of which write only reads.
        let count = unsafe { libc::write(fd, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(count) {
            Ok(count) => return Ok(count),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == ErrorKind::Interrupted => {}
                error => return Err(error),
            },
        }
    }
}

#[cfg(target_os = "linux")]
fn write_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    let here: libc::c_long = -1;
    // The system call, since the function came with glibc 2.26. The position, in two halves, is where
    // the descriptor is.
    // SAFETY: one part, which is that of a slice, of which the call only reads.
    let count = unsafe {
        libc::syscall(
            libc::SYS_pwritev2,
            fd.as_raw_fd() as libc::c_long,
            &raw const part,
            1 as libc::c_long,
            here,
            here,
            libc::RWF_NOWAIT as libc::c_long,
        )
    };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

#[cfg(not(target_os = "linux"))]
fn write_now(_: BorrowedFd<'_>, _: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether the system does not know that way to write, or not for this descriptor.
fn is_unsupported(error: &io::Error) -> bool {
    // The last one: a sandbox that does not know the call.
    let codes = [
        libc::EOPNOTSUPP,
        libc::ENOSYS,
        libc::EINVAL,
        libc::ESPIPE,
        libc::EPERM,
    ];
    error.kind() == ErrorKind::Unsupported
        || error
            .raw_os_error()
            .is_some_and(|code| codes.contains(&code))
}

/// Writes by an open file description of its own. Opened for each line: one that stayed open would
/// keep a reader from seeing the end when the program has closed its own. `None` if it cannot be
/// opened: there is no `/proc`, or another user owns it (after `su`).
#[cfg(target_os = "linux")]
fn reopened(fd: BorrowedFd<'_>, bytes: &[u8]) -> Option<io::Result<usize>> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(format!("/proc/self/fd/{}", fd.as_raw_fd()));
    match file {
        Ok(file) => Some(write(file.as_raw_fd(), bytes)),
        // A pipe without a reader.
        Err(error) if error.raw_os_error() == Some(libc::ENXIO) => Some(Err(error)),
        Err(_) => None,
    }
}

/// Elsewhere `/dev/fd` is the same open file description.
#[cfg(not(target_os = "linux"))]
fn reopened(_: BorrowedFd<'_>, _: &[u8]) -> Option<io::Result<usize>> {
    None
}

/// While this lives, the calling thread gets none of the signals that a write can raise: `SIGPIPE`
/// (no reader), `SIGXFSZ` (the file has reached `ulimit -f`), `SIGTTOU` (a terminal with `tostop`,
/// whose writer is in the background).
pub(super) struct Quiet {
    before: libc::sigset_t,
    /// Those that waited for the thread already, and are to reach it.
    pending: libc::sigset_t,
}

const RAISED: [libc::c_int; 2] = [libc::SIGPIPE, libc::SIGXFSZ];

impl Quiet {
    pub(super) fn new() -> Quiet {
        let blocked = set(&[libc::SIGPIPE, libc::SIGXFSZ, libc::SIGTTOU]);
        let mut quiet = Quiet {
            before: set(&[]),
            pending: set(&[]),
        };
        // SAFETY: both point to sets that `set` has made.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &blocked, &mut quiet.before) };
        // Only a signal that was blocked before can be waiting.
        if RAISED.iter().any(|&signal| contains(&quiet.before, signal)) {
            // SAFETY: it points to a set that `set` has made.
            unsafe { libc::sigpending(&mut quiet.pending) };
        }
        quiet
    }

    /// Takes back what a write may have raised when it failed with `error`.
    pub(super) fn take_back(&self, error: &io::Error) {
        let signal = match error.raw_os_error() {
            Some(libc::EPIPE) => libc::SIGPIPE,
            Some(libc::EFBIG) => libc::SIGXFSZ,
            _ => return,
        };
        if !contains(&self.pending, signal) {
            take(signal);
        }
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // SAFETY: it points to the set that pthread_sigmask has filled in; no other is asked for.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
        }
    }
}

/// Takes a signal that waits for this thread, if there is one.
#[cfg(not(target_vendor = "apple"))]
fn take(signal: libc::c_int) {
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set was made by `set`, the time is a whole one; what is told of the signal is not
    // asked for.
    unsafe { libc::sigtimedwait(&set(&[signal]), std::ptr::null_mut(), &at_once) };
}

/// The same without sigtimedwait. The signal was raised by this thread's own write, so no other can
/// take it between the two calls.
#[cfg(target_vendor = "apple")]
fn take(signal: libc::c_int) {
    let mut pending = set(&[]);
    let mut taken = 0;
    // SAFETY: sets that `set` has made, and an integer of ours.
    unsafe {
        if libc::sigpending(&mut pending) == 0 && contains(&pending, signal) {
            libc::sigwait(&set(&[signal]), &mut taken);
        }
    }
}

/// Blocks every signal on the calling thread, so that what it starts has them blocked; gives back
/// what was blocked before.
pub(super) fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    let mut quiet = Quiet::new();
    quiet.pending = set(&[]);
    let mut all = set(&[]);
    // SAFETY: the set was made by `set`; the mask from before is in `quiet`, which puts it back.
    unsafe {
        libc::sigfillset(&mut all);
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, std::ptr::null_mut());
    }
    work()
}

fn set(signals: &[libc::c_int]) -> libc::sigset_t {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset makes a set of whatever is there; the others change one that is made.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for &signal in signals {
            libc::sigaddset(set.as_mut_ptr(), signal);
        }
        set.assume_init()
    }
}

fn contains(set: &libc::sigset_t, signal: libc::c_int) -> bool {
    // SAFETY: the set was made by `set` or filled in by the system.
    unsafe { libc::sigismember(set, signal) == 1 }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;
    use std::time::{Duration, Instant};

    use super::*;

    type Way = fn(BorrowedFd<'_>, &[u8]) -> io::Result<usize>;

    /// Puts lines until one is not taken; how many were.
    fn fill(put: Way, fd: BorrowedFd<'_>) -> usize {
        let begun = Instant::now();
        let mut count = 0;
        let error = loop {
            match put(fd, &[b'x'; 100]) {
                Ok(100) => count += 1,
                Ok(part) => panic!("{part} bytes of a line"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        assert!(begun.elapsed() < Duration::from_secs(10));
        count
    }

    fn is_blocking(fd: BorrowedFd<'_>) -> bool {
        // SAFETY: this only asks for the flags.
        let flags = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) };
        flags & libc::O_NONBLOCK == 0
    }

    /// A pipe that is full takes nothing, whole lines when it is read again, and says at once that
    /// nobody reads it.
    fn a_pipe(put: Way) {
        let (mut reader, writer) = io::pipe().unwrap();
        let count = fill(put, writer.as_fd());
        assert!(is_blocking(writer.as_fd()));
        let mut lines = vec![0; 100 * count];
        reader.read_exact(&mut lines).unwrap();
        assert!(lines.iter().all(|&byte| byte == b'x'));
        assert_eq!(put(writer.as_fd(), b"again\n").unwrap(), 6);
        drop(reader);
        let quiet = Quiet::new();
        let error = put(writer.as_fd(), b"to nobody\n").unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::EPIPE));
        quiet.take_back(&error);
    }

    #[test]
    fn a_pipe_does_not_make_its_writer_wait() {
        a_pipe(put);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn nor_does_one_that_is_opened_anew() {
        a_pipe(|fd, bytes| reopened(fd, bytes).unwrap());
    }

    #[test]
    fn nor_does_a_socket() {
        let (_reader, writer) = UnixStream::pair().unwrap();
        assert!(fill(put, writer.as_fd()) > 10);
        assert!(is_blocking(writer.as_fd()));
    }

    #[test]
    fn a_file_and_the_null_device_take_everything() {
        let null = std::fs::File::create("/dev/null").unwrap();
        assert_eq!(put(null.as_fd(), b"line\n").unwrap(), 5);
        let path = std::env::temp_dir().join(format!("rim-log-{}", std::process::id()));
        let file = std::fs::File::create(&path).unwrap();
        assert_eq!(put(file.as_fd(), b"line\n").unwrap(), 5);
        assert_eq!(std::fs::read(&path).unwrap(), b"line\n");
        std::fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_signal_that_waited_before_is_left() {
        // SAFETY: raises SIGPIPE for this thread while it is blocked there; it is taken below.
        let outer = Quiet::new();
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGPIPE) };
        let inner = Quiet::new();
        inner.take_back(&io::Error::from_raw_os_error(libc::EPIPE));
        drop(inner);
        let mut pending = set(&[]);
        // SAFETY: it points to a set that `set` has made.
        unsafe { libc::sigpending(&mut pending) };
        assert!(contains(&pending, libc::SIGPIPE));
        outer.take_back(&io::Error::from_raw_os_error(libc::EPIPE));
        // SAFETY: as above.
        unsafe { libc::sigpending(&mut pending) };
        assert!(!contains(&pending, libc::SIGPIPE));
    }
}
