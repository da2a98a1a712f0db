//! Descriptors 0, 1 and 2 belong to the program, also while they are closed. The system gives the
//! lowest free number, so a daemon that has closed them would get a socket as its `stdout`, and
//! what it prints would go to the peer.
//!
//! While the library makes a descriptor, it fills those of the three that are closed with a file
//! that can be neither read nor written, so that a `printf` fails as before. It frees them at once,
//! since a daemon may open its own. Another thread may still close one of the three at that moment;
//! `above_stdio` moves a descriptor that got such a number.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

/// The lowest descriptor that the library may use.
const FIRST: RawFd = 3;

/// Keeps those of the descriptors 0 to 2 taken that are closed, until this is dropped.
pub(crate) struct Stdio([Option<File>; FIRST as usize]);

impl Stdio {
    pub(crate) fn hold() -> Stdio {
        let mut held = [const { None }; FIRST as usize];
        for (place, fd) in held.iter_mut().zip(0..FIRST) {
            if is_open(fd) {
                continue;
            }
            match nothing() {
                // It has the lowest free number, which may be any of the three.
                Ok(file) if file.as_raw_fd() < FIRST => *place = Some(file),
                _ => break,
            }
        }
        Stdio(held)
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        for file in self.0.iter_mut().filter_map(Option::take) {
            if !is_nothing(&file) {
                // Another thread has replaced it: the descriptor is the program's now.
                let _ = file.into_raw_fd();
            }
        }
    }
}

/// `made`, moved to a descriptor of 3 or more if necessary.
pub(crate) fn above_stdio<T: From<OwnedFd> + Into<OwnedFd>>(made: T) -> io::Result<T> {
    let made = made.into();
    if made.as_raw_fd() >= FIRST {
        return Ok(made.into());
    }
    // The standard library duplicates to numbers of 3 or more.
    made.try_clone().map(T::from)
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: F_GETFD only asks about the descriptor.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// A file that can be neither read nor written: `O_PATH` only names a place in the file system.
fn nothing() -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    options.custom_flags(libc::O_PATH);
    options.read(true).open("/")
}

/// Whether the descriptor is still the one that [`nothing`] has made. A program does not open a
/// folder as a standard stream.
fn is_nothing(file: &File) -> bool {
    file.metadata().is_ok_and(|what| what.is_dir())
}
