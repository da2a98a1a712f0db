//! What the bridge needs to know of the process and the thread that it runs in: which process an
//! object belongs to, which sockets a child must not keep (`sockets.rs`), that a thread is not
//! cancelled inside a call (`cancel.rs`), and that descriptors 0 to 2 are the program's (`stdio.rs`).
//!
//! A process that is forked off has a copy of every object, but none of the threads that work on
//! it, and it shares the sockets and their event loop. A lock that another thread held is held in
//! the copy for ever. So a copy of an object is refused before any lock is taken, and left alone
//! when it is freed.
//!
//! `unsafe`, since `std` knows neither `fork` nor the cancellation of threads.
#![allow(unsafe_code)]

mod cancel;
mod sockets;
mod stdio;

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

pub(crate) use cancel::{never_cancel, Uncancelled};
pub(crate) use sockets::own;
pub(crate) use stdio::{above_stdio, Stdio};

/// The process that an object was made in. The default is none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home(u32);

/// Where the number of this process is kept, once there is an object: two loads answer whether an
/// object is at home, where `getpid` is a system call. The number is 0 in a process that was forked
/// off, until it makes objects of its own.
///
/// The place is a page that Linux wipes in a child (`MADV_WIPEONFORK`, Linux 4.14), so that each kind
/// of fork is seen, also `clone` and `_Fork`, which run no handlers. Where there is no such page,
/// `pthread_atfork` has to do. A child of `vfork` runs in its parent's memory and is taken for it; it
/// may do nothing but `exec` or `_exit`.
static NUMBER: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

/// The place, if there is no such page.
static PLAIN: AtomicU32 = AtomicU32::new(0);

/// The last number that was given out. A child has a copy and counts on, so its number is none that
/// an inherited object may have.
static LAST: AtomicU32 = AtomicU32::new(0);

impl Home {
    /// The calling process.
    pub(crate) fn here() -> Home {
        let place = NUMBER.load(Ordering::Acquire);
        let number = match place.is_null() {
            true => first(),
            // SAFETY: not null it is a place that stays until the process ends.
            false => unsafe { &*place },
        };
        loop {
            let here = number.load(Ordering::Relaxed);
            if here != 0 {
                return Home(here);
            }
            let new = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            // Not in the child's table of sockets, nor anywhere else, is there anything of this number.
            let _ = number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether the calling process is the one; false in one that was forked off since.
    pub(crate) fn is_here(self) -> bool {
        self.0 != 0 && self.0 == number()
    }
}

/// The number of this process; 0 if it has been forked off, or has none, and has made no objects yet.
fn number() -> u32 {
    let place = NUMBER.load(Ordering::Acquire);
    if place.is_null() {
        return 0;
    }
    // SAFETY: as in `Home::here`.
    unsafe { &*place }.load(Ordering::Relaxed)
}

/// Finds a place for the number. There is no lock in this, which another thread might hold when the
/// process is forked.
#[cold]
fn first() -> &'static AtomicU32 {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    if !cfg!(miri) && !WATCHED.swap(true, Ordering::AcqRel) {
        // SAFETY: `in_child` may run in the child of a process with several threads, see there. It
        // goes with the library: glibc forgets it when the library is unloaded. Without memory for it,
        // the page still tells of a fork.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
    let place = wiped_page().unwrap_or_else(|| std::ptr::from_ref(&PLAIN).cast_mut());
    let null = std::ptr::null_mut();
    let place = match NUMBER.compare_exchange(null, place, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => place,
        // Another thread was first. A page is lost, which happens once at most for each thread.
        Err(first) => first,
    };
    // SAFETY: as in `Home::here`.
    unsafe { &*place }
}

/// Runs in a child, before `fork` returns there: only what is safe in a signal handler.
extern "C" fn in_child() {
    PLAIN.store(0, Ordering::Relaxed);
    sockets::close_inherited(number());
}

/// A page of zeros that is one of zeros again in a child.
#[cfg(all(target_os = "linux", not(miri)))]
fn wiped_page() -> Option<*mut AtomicU32> {
    // As much as a page has anywhere; what is less is rounded up.
    const SIZE: usize = 4096;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping, at a place that the system chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping from above, which nobody uses yet.
    if unsafe { libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: likewise.
        unsafe { libc::munmap(page, SIZE) };
        return None;
    }
    // Zeros are a number, and a page is aligned for it.
    Some(page.cast())
}

#[cfg(any(not(target_os = "linux"), miri))]
fn wiped_page() -> Option<*mut AtomicU32> {
    None
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// What `look` says in a child that is made by `clone`, as a raw system call.
    fn in_a_child(look: impl FnOnce() -> bool) -> bool {
        let flags = libc::SIGCHLD as libc::c_long;
        // SAFETY: as `fork`, without its handlers; the child does next to nothing and ends.
        let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } as libc::pid_t;
        if child == 0 {
            let said = look();
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(if said { 10 } else { 11 }) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        libc::WEXITSTATUS(status) == 10
    }

    #[test]
    fn a_child_made_without_handlers_is_not_the_home_of_what_it_inherits() {
        let home = Home::here();
        assert!(home.is_here());
        assert!(in_a_child(|| !home.is_here() && !Home::default().is_here()));
        assert!(in_a_child(|| {
            let own = Home::here();
            own.is_here() && !home.is_here()
        }));
        // A child of a child takes neither for its own.
        assert!(in_a_child(|| {
            let own = Home::here();
            in_a_child(|| Home::here().is_here() && !own.is_here() && !home.is_here())
        }));
        assert!(home.is_here());
    }
}
