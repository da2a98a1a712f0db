//! What the bridge needs to know about its process and threads: which process an object belongs to
//! (`home.rs`), which sockets a child must not keep (`sockets.rs`), that a thread is not cancelled
//! inside a call (`cancel.rs`), and that descriptors 0 to 2 belong to the program (`stdio.rs`).
//!
//! A child after `fork` has a copy of every object, but none of the threads that work on it, and it
//! shares the sockets and their event loop with its parent. A lock that another thread held stays
//! locked in the copy forever. So every call with a copied object is refused before any lock is
//! taken, and freeing the copy does nothing.
//!
//! `unsafe` is needed since `std` knows neither `fork` nor the cancellation of threads.
#![allow(unsafe_code)]

mod cancel;
mod home;
mod sockets;
mod stdio;

pub(crate) use cancel::{never_cancel, Uncancelled};
pub(crate) use home::Home;
pub(crate) use sockets::own;
pub(crate) use stdio::{above_stdio, Stdio};
