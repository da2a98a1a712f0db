//! A child after `fork` can log, and change levels and sink, whatever other threads of its parent
//! were at. A program of its own, since it forks while threads are at work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;

use rogue_memory_bridge::log;

const CHILDREN: usize = 500;

/// All that takes something which another thread may hold.
fn use_the_log(level: u32) {
    log::init();
    log::set_filter("test.fork", level);
    log::set_sink(Some(Arc::new(|_, _: &str, _: &str| {})));
    log::submit("test.fork", log::ERROR, "a line");
    log::set_sink(None);
}

#[test]
fn a_child_finds_nothing_locked() {
    log::set_emit_stdout(false);
    static DONE: AtomicBool = AtomicBool::new(false);
    let threads: Vec<_> = (0..2)
        .map(|n| {
            thread::spawn(move || {
                while !DONE.load(Ordering::Relaxed) {
                    use_the_log(log::DEBUG + n);
                }
            })
        })
        .collect();
    for number in 0..CHILDREN {
        // SAFETY: the child logs and ends. It takes no lock but those of the log and of malloc,
        // which works in a child of glibc's `fork`.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: ends a child that waits for ever.
            unsafe { libc::alarm(10) };
            use_the_log(log::WARNING);
            // SAFETY: ends the child without running anything of the parent's.
            unsafe { libc::_exit(0) };
        }
        assert!(child > 0);
        let mut status = 0;
        // SAFETY: `status` outlives the call.
        assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
        assert_eq!(status, 0, "child {number} got stuck or failed");
    }
    DONE.store(true, Ordering::Relaxed);
    threads.into_iter().for_each(|t| t.join().unwrap());
}
