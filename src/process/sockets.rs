//! The sockets of this process that a child must not keep: its copy of a listening socket holds the
//! port when the parent has gone, as after `daemon(3)`, and its copy of a connection keeps the peer
//! from noticing that the parent has ended. They are closed in the child before `fork` returns.
//!
//! The table is indexed by descriptor, has no locks, and needs not be told when a socket is closed:
//! an entry names the socket that the descriptor was, and counts only if it still is.

use std::os::fd::{AsFd, AsRawFd};
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

/// Descriptors in one part of the table.
#[cfg(target_os = "linux")]
const PART: usize = 1024;
/// Parts, for descriptors up to a million; those above are not closed in a child.
#[cfg(target_os = "linux")]
const PARTS: usize = 1024;

/// For each descriptor: the number of the process that made the socket (see `super::NUMBER`) above
/// 32 bits of the socket's inode; 0 is none.
#[cfg(target_os = "linux")]
static TABLE: [AtomicPtr<[AtomicU64; PART]>; PARTS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; PARTS];

/// Takes note of `socket`, which the process has made: a child closes its copy.
#[cfg(target_os = "linux")]
pub(crate) fn own(socket: &impl AsFd) {
    let fd = socket.as_fd().as_raw_fd();
    let (Some(inode), Ok(index)) = (inode(fd), usize::try_from(fd)) else {
        return;
    };
    let Some(slot) = TABLE.get(index / PART) else {
        return;
    };
    let super::Home(here) = super::Home::here();
    let mut part = slot.load(Ordering::Acquire);
    if part.is_null() {
        let new = Box::into_raw(Box::new([const { AtomicU64::new(0) }; PART]));
        let null = std::ptr::null_mut();
        part = match slot.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => new,
            Err(first) => {
                // SAFETY: made above, and nobody else has it.
                drop(unsafe { Box::from_raw(new) });
                first
            }
        };
    }
    // SAFETY: a part stays until the process ends.
    let entry = &unsafe { &*part }[index % PART];
    entry.store(u64::from(here) << 32 | u64::from(inode), Ordering::Release);
}

/// Other systems do not tell sockets apart by their inodes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn own(socket: &impl AsFd) {
    let _ = socket.as_fd().as_raw_fd();
}

/// Closes what another process has made; `here` is the number of this one, which may have sockets of
/// its own already. Safe in a signal handler: it makes two system calls and allocates nothing.
pub(super) fn close_inherited(here: u32) {
    #[cfg(target_os = "linux")]
    for (index, part) in TABLE.iter().enumerate() {
        let part = part.load(Ordering::Acquire);
        if part.is_null() {
            continue;
        }
        // SAFETY: as in `own`.
        for (offset, entry) in unsafe { &*part }.iter().enumerate() {
            let known = entry.load(Ordering::Acquire);
            if known == 0 || (known >> 32) as u32 == here {
                continue;
            }
            entry.store(0, Ordering::Relaxed);
            let fd = (index * PART + offset) as libc::c_int;
            if inode(fd) == Some(known as u32) {
                // SAFETY: it is this process's copy of a socket of the bridge. What owns it here is a
                // copy too, and is never dropped (`Home`).
                unsafe { libc::close(fd) };
            }
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = here;
}

/// Half of the inode of a socket, which tells those apart that are open; `None` if it is no socket.
#[cfg(target_os = "linux")]
fn inode(fd: libc::c_int) -> Option<u32> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for a `stat`; a descriptor that is not open is an error.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: `fstat` has succeeded, and so filled it in.
    let stat = unsafe { stat.assume_init() };
    (stat.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(stat.st_ino as u32)
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn is_open(fd: libc::c_int) -> bool {
        // SAFETY: a question about a number.
        unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
    }

    #[test]
    fn a_child_has_none_of_the_sockets_and_all_that_is_not_the_bridges() {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (ours, theirs, changed) = (socket(), socket(), socket());
        own(&ours);
        own(&changed);
        // Its descriptor is another socket's now.
        let place = changed.as_raw_fd();
        let other = socket();
        // SAFETY: both are open; `changed` goes on owning the descriptor, whatever it is.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), place) }, place);
        // SAFETY: the child looks, makes one socket and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let kept = is_open(theirs.as_raw_fd()) && is_open(place);
            let fine = kept && !is_open(ours.as_raw_fd());
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(if fine { 10 } else { 11 }) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 10);
        assert!(is_open(ours.as_raw_fd()));
    }
}
