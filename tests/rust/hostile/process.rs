//! The server or client under attack, in a process of its own: this program, started again. It is
//! asked by lines on its standard input and tells, by lines on its standard output, how it does. Its
//! allocator counts what is in use.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting the bytes in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

fn grow(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(live, Ordering::Relaxed);
}

// SAFETY: every call is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: `pointer` came from `System` by one of the functions here.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // As if both were there at a time, which they may be.
        grow(size);
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: as for `dealloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Bytes of the heap in use.
    pub bytes: usize,
    /// The most of them since this was asked last.
    pub most: usize,
    /// Open descriptors.
    pub descriptors: usize,
    /// Threads.
    pub threads: usize,
}

fn held() -> Held {
    let count = |folder| std::fs::read_dir(folder).map_or(0, Iterator::count);
    let bytes = LIVE.load(Ordering::Relaxed);
    let held = Held {
        bytes,
        most: MOST.load(Ordering::Relaxed),
        descriptors: count("/proc/self/fd"),
        threads: count("/proc/self/task"),
    };
    MOST.store(bytes, Ordering::Relaxed);
    held
}

/// Answers the questions of the test that has started this process, until it ends. `own` answers
/// those that are not asked of every process.
pub fn answer(first: &str, mut own: impl FnMut(&[&str]) -> String) {
    println!("\nready {first}");
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        if words == ["held"] {
            let held = held();
            println!(
                "{} {} {} {}",
                held.bytes, held.most, held.descriptors, held.threads
            );
        } else {
            println!("{}", own(&words));
        }
    }
}

/// A process that [`answer`]s.
pub struct Process {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    /// What it said when it was ready.
    pub first: String,
}

impl Process {
    /// Runs the ignored test `name` of this program, with `argument` in [`ARGUMENT`].
    pub fn run(name: &str, argument: &str) -> Process {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", name, "--ignored", "--test-threads=1"])
            .arg("--nocapture")
            .env(ARGUMENT, argument)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ask = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        // The test harness has something to say first.
        let mut line = String::new();
        while !line.starts_with("ready ") {
            line.clear();
            assert_ne!(answers.read_line(&mut line).unwrap(), 0, "{name} ended");
        }
        Process {
            child,
            ask,
            answers,
            first: line["ready ".len()..].trim().to_owned(),
        }
    }

    /// Asks, and waits for the answer.
    pub fn ask(&mut self, question: &str) -> String {
        self.begin(question);
        self.end()
    }

    /// Asks.
    pub fn begin(&mut self, question: &str) {
        let ask = self.ask.as_mut().unwrap();
        writeln!(ask, "{question}").expect("the process under attack has ended");
    }

    /// Waits for the answer to what was asked.
    pub fn end(&mut self) -> String {
        let mut line = String::new();
        let count = self.answers.read_line(&mut line).unwrap();
        assert_ne!(count, 0, "the process under attack has ended");
        line.trim().to_owned()
    }

    pub fn held(&mut self) -> Held {
        let line = self.ask("held");
        let mut numbers = line.split(' ').map(|word| word.parse().unwrap());
        let mut next = || numbers.next().unwrap();
        Held {
            bytes: next(),
            most: next(),
            descriptors: next(),
            threads: next(),
        }
    }

    /// Lets the process end, as it should.
    pub fn finish(mut self) {
        drop(self.ask.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.ask.is_some() {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The environment variable with the argument of a process.
pub const ARGUMENT: &str = "RIM_TEST_ARGUMENT";

/// The argument of this process, in words.
pub fn arguments() -> Vec<String> {
    let argument = std::env::var(ARGUMENT).unwrap();
    argument.split(' ').map(str::to_owned).collect()
}
