//! Descriptors 0, 1 and 2 are the program's, also while they are closed. The system gives the lowest
//! free number, so a socket of a daemon that has closed them would be its `stdout`, and what it
//! prints would go to the peer.
//!
//! What is made by the library is made while those of the three that are closed are taken by
//! something that can be neither read nor written, so that a `printf` fails as it did before. They are
//! free again at once: a daemon may open its own. Nothing can rule out that another thread closes one
//! of them just now; what got such a number all the same is moved (`above_stdio`).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, IntoRawFd, OwnedFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;

/// The first descriptor that is not the program's.
const FIRST: RawFd = 3;

/// Those of the descriptors 0 to 2 that are closed, taken until this is dropped.
pub(crate) struct Stdio([Option<File>; FIRST as usize]);

impl Stdio {
    pub(crate) fn hold() -> Stdio {
        let mut held = [const { None }; FIRST as usize];
        for (place, fd) in held.iter_mut().zip(0..FIRST) {
            if is_open(fd) {
                continue;
            }
            match nothing() {
                // It has the lowest number that is free, which may be another of the three.
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
                // Another thread has put something else in its place: that is the program's.
                let _ = file.into_raw_fd();
            }
        }
    }
}

/// `made` with a descriptor of 3 or more.
pub(crate) fn above_stdio<T: From<OwnedFd> + Into<OwnedFd>>(made: T) -> io::Result<T> {
    let made = made.into();
    if made.as_raw_fd() >= FIRST {
        return Ok(made.into());
    }
    // The standard library duplicates to numbers of 3 or more.
    made.try_clone().map(T::from)
}

fn is_open(fd: RawFd) -> bool {
    // SAFETY: a question about a number.
    unsafe { libc::fcntl(fd, libc::F_GETFD) != -1 }
}

/// A descriptor that can be neither read nor written: a place in the file system.
fn nothing() -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(any(target_os = "linux", target_os = "android"))]
    options.custom_flags(libc::O_PATH);
    options.read(true).open("/")
}

/// Whether the descriptor is still what [`nothing`] has made. A program that opens its standard
/// streams opens no folder.
fn is_nothing(file: &File) -> bool {
    file.metadata().is_ok_and(|what| what.is_dir())
}
