//! The sockets of this process, which a child closes before `fork` returns there. Otherwise its
//! copy of a listening socket would hold the port after the parent has ended, as after `daemon(3)`,
//! and its copy of a connection would keep the peer from noticing the parent's end.
//!
//! The table is indexed by descriptor and has no locks. An entry holds the socket's inode, and
//! counts only if the descriptor still refers to it, so a socket need not be removed when it is
//! closed.

use std::os::fd::{AsFd, AsRawFd};
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering};

#[cfg(target_os = "linux")]
use super::home::{self, Home};

/// Descriptors in one part of the table.
#[cfg(target_os = "linux")]
const PART: usize = 1024;
/// Parts of the table, for descriptors up to a million. A child does not close those above.
#[cfg(target_os = "linux")]
const PARTS: usize = 1024;

/// For each descriptor: in the upper 32 bits the number of the process that made the socket
/// (`Home::number`), in the lower ones half of the socket's inode. 0: no entry.
#[cfg(target_os = "linux")]
static TABLE: [AtomicPtr<[AtomicU64; PART]>; PARTS] =
    [const { AtomicPtr::new(std::ptr::null_mut()) }; PARTS];

/// Records `socket`, which the process has made: a child closes its copy.
#[cfg(target_os = "linux")]
pub(crate) fn own(socket: &impl AsFd) {
    let fd = socket.as_fd().as_raw_fd();
    let (Some(inode), Ok(index)) = (inode(fd), usize::try_from(fd)) else {
        return;
    };
    let Some(slot) = TABLE.get(index / PART) else {
        return;
    };
    let here = Home::here().number();
    static WATCHED: AtomicBool = AtomicBool::new(false);
    home::run_in_children(&WATCHED, in_child);
    let mut part = slot.load(Ordering::Acquire);
    if part.is_null() {
        let new = Box::into_raw(Box::new([const { AtomicU64::new(0) }; PART]));
        let null = std::ptr::null_mut();
        part = match slot.compare_exchange(null, new, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => new,
            Err(first) => {
                // SAFETY: made above, and no other thread has seen it.
                drop(unsafe { Box::from_raw(new) });
                first
            }
        };
    }
    // SAFETY: a part stays valid until the process ends.
    let entry = &unsafe { &*part }[index % PART];
    entry.store(u64::from(here) << 32 | u64::from(inode), Ordering::Release);
}

/// Other systems do not tell sockets apart by their inodes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn own(socket: &impl AsFd) {
    let _ = socket.as_fd().as_raw_fd();
}

/// Closes the sockets that a child inherits: see [`home::run_in_children`].
#[cfg(target_os = "linux")]
extern "C" fn in_child() {
    // Its own handler may come later, if two threads made their first objects at the same time.
    home::in_child();
    close_inherited(home::number());
}

/// Closes the sockets that another process has made. `here` is the number of this one, which may
/// have sockets already. Safe in a signal handler: it makes two system calls for each and allocates
/// nothing.
#[cfg(target_os = "linux")]
fn close_inherited(here: u32) {
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
                // SAFETY: it is this process's copy of a socket of the bridge. Its owner here is a
                // copy too, and is never dropped (see `Home`).
                unsafe { libc::close(fd) };
            }
        }
    }
}

/// Half of the inode of a socket, which differs between open sockets. `None` if `fd` is no socket.
#[cfg(target_os = "linux")]
fn inode(fd: libc::c_int) -> Option<u32> {
    let mut stat = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: there is room for a `stat`. A descriptor that is not open gives an error.
    if unsafe { libc::fstat(fd, stat.as_mut_ptr()) } != 0 {
        return None;
    }
    // SAFETY: `fstat` has succeeded, so it has filled in the struct.
    let stat = unsafe { stat.assume_init() };
    (stat.st_mode & libc::S_IFMT == libc::S_IFSOCK).then_some(stat.st_ino as u32)
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn is_open(fd: libc::c_int) -> bool {
        // SAFETY: F_GETFD only asks about the descriptor.
        unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
    }

    #[test]
    fn a_child_has_none_of_the_recorded_sockets_and_keeps_all_others() {
        let socket = || TcpListener::bind("127.0.0.1:0").unwrap();
        let (ours, theirs, changed) = (socket(), socket(), socket());
        own(&ours);
        own(&changed);
        // Its descriptor becomes that of another socket.
        let place = changed.as_raw_fd();
        let other = socket();
        // SAFETY: both are open; `changed` still owns the descriptor.
        assert_eq!(unsafe { libc::dup2(other.as_raw_fd(), place) }, place);
        // SAFETY: the child looks, makes one socket and ends.
        let child = unsafe { libc::fork() };
        if child == 0 {
            let kept = is_open(theirs.as_raw_fd()) && is_open(place);
            let fine = kept && !is_open(ours.as_raw_fd());
            // SAFETY: ends the child without running the parent's exit handlers.
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
