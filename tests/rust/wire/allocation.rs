//! Once the handshake is over no message takes memory from the heap, whatever it claims to be.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

use rogue_memory_bridge::wire::{
    request_head, response_head, response_tail, response_tail_ok, Malformed,
};

use super::*;

/// The system's allocator, counting each thread's calls, since tests run beside each other.
struct Counting;

thread_local! {
    static CALLS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is passed on unchanged, and counting neither allocates nor panics: the cell is
// initialised at compile time and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.with(|calls| calls.set(calls.get() + 1));
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System` by the function above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Decodes `bytes` without keeping anything, and returns how many events there were.
fn drain(decoder: &mut Decoder, mut bytes: &[u8]) -> usize {
    let mut events = 0;
    while let Some(event) = decoder.decode(&mut bytes).expect("a sound stream") {
        black_box(event);
        events += 1;
    }
    events
}

#[test]
fn the_counter_counts() {
    let before = CALLS.get();
    black_box(vec![0u8; 10]);
    assert_eq!(CALLS.get(), before + 1);
}

#[test]
fn messages_take_no_memory() {
    let ping = command(b"\x04PING\0\0context");
    let requests = [
        &request_head(&HEADER, None)[..],
        &request_head(&HEADER, Some(1000)),
        &[7; 1000],
        &ping,
        &frame(false, b"spoilt"),
    ];
    let responses = [
        &response_head(&HEADER, 300)[..],
        &[7; 300],
        response_tail_ok(),
        &response_head(&HEADER, 0),
        &response_tail(&"long ".repeat(200)),
        &ping,
    ];
    for (messages, stream, events) in [
        (Messages::Requests, requests.concat(), 7),
        (Messages::Responses, responses.concat(), 6),
    ] {
        let mut decoder = ready_decoder(messages, Limits::default());
        // The first command may take the buffer that the later ones use.
        drain(&mut decoder, &ping);
        let before = CALLS.get();
        for _ in 0..100 {
            assert_eq!(drain(&mut decoder, &stream), events);
        }
        assert_eq!(CALLS.get(), before, "{messages:?}");
    }
}

#[test]
fn heads_take_no_memory() {
    let before = CALLS.get();
    black_box(request_head(&HEADER, Some(70_000)).as_bytes());
    black_box(response_head(&HEADER, 4).as_bytes());
    black_box(response_tail_ok());
    assert_eq!(CALLS.get(), before);
}

#[test]
fn row_8_a_claimed_length_takes_no_memory() {
    let mut decoder = ready_decoder(
        Messages::Requests,
        Limits {
            max_data: u64::MAX,
            ..Limits::default()
        },
    );
    let head = request_head(&HEADER, Some(0xf000_0000));
    let before = CALLS.get();
    assert_eq!(drain(&mut decoder, &head), 1);
    assert_eq!(CALLS.get(), before);
    assert_eq!(decoder.data_remaining(), 0xf000_0000);
    // And a spoilt message ends as cheaply.
    let mut decoder = ready_decoder(Messages::Requests, Limits::default());
    let spoilt = frame(false, b"abc");
    let before = CALLS.get();
    let mut bytes = &spoilt[..];
    let event = decoder.decode(&mut bytes);
    assert_eq!(CALLS.get(), before);
    let Ok(Some(Event::End(end))) = event else {
        panic!("no end")
    };
    assert!(matches!(
        end.malformed,
        Some(Malformed::FieldLength { length: 3, .. })
    ));
}
