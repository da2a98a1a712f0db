//! Which process an object belongs to.
//!
//! A process that is forked off has a copy of every object, but none of the threads that work on
//! it, and it shares the sockets and their event loop: to end a copy would end the connections of the
//! parent, and wait for threads that do not exist. So a copy is left alone when it is freed.

/// The process that an object was made in.
#[derive(Debug)]
pub(crate) struct Home(u32);

impl Home {
    /// The calling process.
    pub(crate) fn here() -> Home {
        Home(std::process::id())
    }

    /// Whether the calling process is the one; false in one that was forked off since.
    pub(crate) fn is_here(&self) -> bool {
        self.0 == std::process::id()
    }
}
