//! Shows that ThreadSanitizer sees what it should: `planted race` has a data race, `planted lock` has
//! none, since a contended lock of the standard library guards the same accesses.

use std::cell::UnsafeCell;
use std::sync::Mutex;
use std::thread;

struct Number(UnsafeCell<u64>);

// SAFETY: not so for `planted race`, which is the point.
unsafe impl Sync for Number {}

impl Number {
    fn add(&self) {
        // SAFETY: see above.
        unsafe { *self.0.get() += 1 }
    }
}

static NUMBER: Number = Number(UnsafeCell::new(0));
static LOCK: Mutex<()> = Mutex::new(());

fn main() {
    let locks = std::env::args().nth(1).as_deref() == Some("lock");
    let add = move || {
        for _ in 0..10_000 {
            let _guard = locks.then(|| LOCK.lock().unwrap());
            NUMBER.add();
        }
    };
    let threads = [(); 4].map(|()| thread::spawn(add));
    threads.map(|thread| thread.join().unwrap());
}
