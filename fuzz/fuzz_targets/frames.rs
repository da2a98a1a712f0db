//! Frames after a handshake: the decoder makes of them what the reference does, however the stream
//! is cut, also where data bypasses the decoder, and takes no memory for them.
//!
//! Input: three bytes of setting, a piece with the lengths to cut the stream by, the stream.
#![no_main]

use fuzzing::heap::most_during;
use fuzzing::input::Input;
use fuzzing::reference::expected;
use fuzzing::seen::{drain, feed, feed_around, pieces, Seen, Setting};
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::wire::{Limits, MAX_COMMAND_AFTER_READY};

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let mut setting = Setting::read(&mut input);
    // The handshake is to succeed.
    setting.limits = Limits {
        max_data: setting.limits.max_data,
        ..Limits::default()
    };
    let pattern = input.piece();
    let stream = input.rest();

    let whole = feed(&mut setting.ready_decoder(), [stream]);
    let mut expected = expected(&setting, &[&setting.handshake(), stream].concat());
    let handshake: Vec<_> = expected.seen.drain(..2).collect();
    assert_eq!(handshake, [Seen::Greeting(3, 1), Seen::Ready(None)]);
    assert!(expected == whole, "{whole:?}\ninstead of\n{expected:?}");

    let cut = feed(&mut setting.ready_decoder(), pieces(stream, pattern));
    assert_eq!(cut, whole, "in pieces");
    let bytes = feed(&mut setting.ready_decoder(), stream.chunks(1));
    assert_eq!(bytes, whole, "byte by byte");
    let step = pattern
        .first()
        .map_or(usize::MAX, |step| 1 + usize::from(*step));
    let around = feed_around(&mut setting.ready_decoder(), stream, step);
    assert_eq!(around, whole, "around the decoder");

    // Nothing but a command takes any, and the error, which is kept and given.
    let mut decoder = setting.ready_decoder();
    let ((), used) = most_during(|| drain(&mut decoder, pieces(stream, pattern)));
    assert!(used <= 3 * MAX_COMMAND_AFTER_READY + 1024, "{used} bytes");
});
