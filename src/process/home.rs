//! Which process an object belongs to.

use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

/// The process in which an object was made. The default is no process.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Home(u32);

/// Points to the number of this process, once it has made an object. A check costs two loads, where
/// `getpid` is a system call. The number is 0 in a child after `fork`, until the child makes an
/// object.
///
/// The place is a page that Linux zeroes in a child (`MADV_WIPEONFORK`, Linux 4.14): this sees
/// every kind of fork, also `clone` and `_Fork`, which run no handlers. Without such a page,
/// `pthread_atfork` resets the number. A child of `vfork` runs in its parent's memory and counts as
/// its parent; it may only call `exec` or `_exit`.
static NUMBER: AtomicPtr<AtomicU32> = AtomicPtr::new(std::ptr::null_mut());

/// The place if there is no such page.
static PLAIN: AtomicU32 = AtomicU32::new(0);

/// The last number that was given out. A child has a copy and counts on from it, so its number
/// differs from those of all inherited objects.
static LAST: AtomicU32 = AtomicU32::new(0);

impl Home {
    /// The calling process.
    pub(crate) fn here() -> Home {
        let place = NUMBER.load(Ordering::Acquire);
        let number = match place.is_null() {
            true => first(),
            // SAFETY: a place that is not null stays valid until the process ends.
            false => unsafe { &*place },
        };
        loop {
            let here = number.load(Ordering::Relaxed);
            if here != 0 {
                return Home(here);
            }
            let new = LAST.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            // The number is new, so no object and no entry in the table of sockets has it. If
            // another thread was first, the next round loads its number.
            let _ = number.compare_exchange(0, new, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether this is the calling process. False in a child that was forked off since.
    pub(crate) fn is_here(self) -> bool {
        self.0 != 0 && self.0 == number()
    }

    /// The process's number, which is never 0 for a process that has made an object.
    #[cfg(target_os = "linux")]
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// The number of this process; 0 if it has made no object yet.
pub(super) fn number() -> u32 {
    let place = NUMBER.load(Ordering::Acquire);
    if place.is_null() {
        return 0;
    }
    // SAFETY: as in `Home::here`.
    unsafe { &*place }.load(Ordering::Relaxed)
}

/// Makes the place for the number. It takes no lock, which another thread might hold when the
/// process forks.
#[cold]
fn first() -> &'static AtomicU32 {
    static WATCHED: AtomicBool = AtomicBool::new(false);
    // If there is no memory to register it, the page still detects a fork.
    run_in_children(&WATCHED, in_child);
    let place = wiped_page().unwrap_or_else(|| std::ptr::from_ref(&PLAIN).cast_mut());
    let null = std::ptr::null_mut();
    let place = match NUMBER.compare_exchange(null, place, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => place,
        // Another thread was first. The page is leaked, at most once for each thread.
        Err(first) => first,
    };
    // SAFETY: as in `Home::here`.
    unsafe { &*place }
}

/// Registers `in_child` to run in every child before `fork` returns there, unless it is `registered`
/// already. It may only do what is safe in a signal handler.
pub(super) fn run_in_children(registered: &AtomicBool, in_child: extern "C" fn()) {
    if !cfg!(miri) && !registered.swap(true, Ordering::AcqRel) {
        // SAFETY: `in_child` keeps to what is safe in a signal handler, so it may run in the child
        // of a process with several threads. glibc removes it when the library is unloaded.
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    }
}

/// Resets the number in a child: see [`run_in_children`].
pub(super) extern "C" fn in_child() {
    PLAIN.store(0, Ordering::Relaxed);
}

/// A page of zeros that the system zeroes again in a child.
#[cfg(all(target_os = "linux", not(miri)))]
fn wiped_page() -> Option<*mut AtomicU32> {
    // Rounded up to a page by the system.
    const SIZE: usize = 4096;
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: a new mapping at a place that the system chooses.
    let page = unsafe { libc::mmap(std::ptr::null_mut(), SIZE, protection, flags, -1, 0) };
    if page == libc::MAP_FAILED {
        return None;
    }
    // SAFETY: the mapping from above, which nobody uses yet.
    if unsafe { libc::madvise(page, SIZE, libc::MADV_WIPEONFORK) } != 0 {
        // SAFETY: as above.
        unsafe { libc::munmap(page, SIZE) };
        return None;
    }
    // Zeros are a valid number, and a page is aligned for it.
    Some(page.cast())
}

#[cfg(any(not(target_os = "linux"), miri))]
fn wiped_page() -> Option<*mut AtomicU32> {
    None
}

#[cfg(all(test, target_os = "linux", not(miri)))]
mod tests {
    use super::*;

    /// The result of `look` in a child made by the raw system call `clone`.
    fn in_a_child(look: impl FnOnce() -> bool) -> bool {
        let flags = libc::SIGCHLD as libc::c_long;
        // SAFETY: as `fork`, without its handlers; the child calls `look` and ends.
        let child = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) } as libc::pid_t;
        if child == 0 {
            let said = look();
            // SAFETY: ends the child. Not by `_exit`: under ThreadSanitizer that takes locks, which
            // a thread of the parent's may have held.
            unsafe { libc::syscall(libc::SYS_exit_group, if said { 10 } else { 11 }) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert!(libc::WIFEXITED(status), "{status:#x}");
        libc::WEXITSTATUS(status) == 10
    }

    #[test]
    fn inherited_objects_are_not_at_home_in_a_child_made_without_handlers() {
        let home = Home::here();
        assert!(home.is_here());
        assert!(in_a_child(|| !home.is_here() && !Home::default().is_here()));
        assert!(in_a_child(|| {
            let own = Home::here();
            own.is_here() && !home.is_here()
        }));
        // Nor are they in a child of a child.
        assert!(in_a_child(|| {
            let own = Home::here();
            in_a_child(|| Home::here().is_here() && !own.is_here() && !home.is_here())
        }));
        assert!(home.is_here());
    }
}
