//! The system calls that write to a descriptor, and the signals that a write can raise.
//!
//! Descriptors 1 and 2 are not ours: the shell, the terminal and other processes share their open
//! file description, so `O_NONBLOCK` must not be set on it. `nowait.rs` chooses the call.
//!
//! The one module of the log with `unsafe`: `std` has no safe form of these calls.
#![allow(unsafe_code)]

use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use socket2::SockRef;

/// What a descriptor refers to.
pub(super) enum FileType {
    Socket,
    /// A regular file or a disk.
    File,
    Other,
}

pub(super) fn file_type(fd: BorrowedFd<'_>) -> io::Result<FileType> {
    let mut stat = MaybeUninit::<libc::stat>::uninit();
    // SAFETY: fstat writes to the struct, which is ours and large enough, and keeps no pointer.
    if unsafe { libc::fstat(fd.as_raw_fd(), stat.as_mut_ptr()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: fstat has succeeded, so it has filled in the struct.
    let mode = unsafe { stat.assume_init() }.st_mode;
    Ok(match mode & libc::S_IFMT {
        libc::S_IFSOCK => FileType::Socket,
        libc::S_IFREG | libc::S_IFBLK => FileType::File,
        _ => FileType::Other,
    })
}

/// `send` that neither waits nor raises a signal.
pub(super) fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(not(target_vendor = "apple"))]
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // `Quiet` blocks the signal there.
    #[cfg(target_vendor = "apple")]
    let flags = libc::MSG_DONTWAIT;
    SockRef::from(&fd).send_with_flags(bytes, flags)
}

/// `write`, repeated while a signal interrupts it.
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

/// `pwritev2` with `RWF_NOWAIT`.
#[cfg(target_os = "linux")]
pub(super) fn write_now(fd: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let part = libc::iovec {
        iov_base: bytes.as_ptr().cast_mut().cast(),
        iov_len: bytes.len(),
    };
    // -1 in both halves of the offset: write at the descriptor's own position.
    let here: libc::c_long = -1;
    // The raw system call: glibc has the function only since 2.26.
    // SAFETY: one part, which is that of a slice; the call only reads it.
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
pub(super) fn write_now(_: BorrowedFd<'_>, _: &[u8]) -> io::Result<usize> {
    Err(ErrorKind::Unsupported.into())
}

/// Whether the system lacks [`write_now`], in general or for this descriptor.
pub(super) fn is_unsupported(error: &io::Error) -> bool {
    // EPERM comes from a sandbox that does not know the call.
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

/// Writes through a new open file description. It is opened for each line: one that stayed open
/// would keep a reader from seeing the end after the program has closed its own. `None` if it
/// cannot be opened: there is no `/proc`, or another user owns the file (after `su`).
#[cfg(target_os = "linux")]
pub(super) fn reopened(fd: BorrowedFd<'_>, bytes: &[u8]) -> Option<io::Result<usize>> {
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

/// On other systems `/dev/fd` is the same open file description.
#[cfg(not(target_os = "linux"))]
pub(super) fn reopened(_: BorrowedFd<'_>, _: &[u8]) -> Option<io::Result<usize>> {
    None
}

/// Blocks the signals that a write can raise, for the calling thread until this is dropped:
/// `SIGPIPE` (no reader), `SIGXFSZ` (the file has reached `ulimit -f`), `SIGTTOU` (a terminal with
/// `tostop`, whose writer is in the background).
pub(super) struct Quiet {
    before: libc::sigset_t,
    /// Signals that were pending before; the thread must still receive these.
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
        // Only a signal that was blocked before can be pending.
        if RAISED.iter().any(|&signal| contains(&quiet.before, signal)) {
            // SAFETY: it points to a set that `set` has made.
            unsafe { libc::sigpending(&mut quiet.pending) };
        }
        quiet
    }

    /// Removes the pending signal that a write raised when it failed with `error`.
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
        // SAFETY: it points to the set that pthread_sigmask has filled in; NULL asks for no old
        // one.
        unsafe {
            libc::pthread_sigmask(libc::SIG_SETMASK, &self.before, std::ptr::null_mut());
        }
    }
}

/// Removes `signal` from this thread's pending ones, if it is there.
#[cfg(not(target_vendor = "apple"))]
fn take(signal: libc::c_int) {
    let at_once = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the set was made by `set`, the time is valid, and NULL asks for no details.
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

/// Runs `work` with every signal blocked on the calling thread: a thread that it starts inherits
/// that.
pub(super) fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    let mut quiet = Quiet::new();
    quiet.pending = set(&[]);
    let mut all = set(&[]);
    // SAFETY: the set was made by `set`. `quiet` has the mask from before, and restores it.
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
    use super::*;

    #[test]
    fn a_signal_that_was_pending_before_is_left() {
        // SAFETY: raises SIGPIPE for this thread while it is blocked; it is taken below.
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
