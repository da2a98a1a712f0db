//! A connection from its first byte: greeting, READY, and what follows. The decoder makes of it what
//! the reference does, however the stream is cut, and in memory that its limits allow.
//!
//! Input: three bytes of setting, a piece with the lengths to cut the stream by, the stream.
#![no_main]

use fuzzing::heap::most_during;
use fuzzing::input::Input;
use fuzzing::reference::expected;
use fuzzing::seen::{drain, feed, pieces, Seen, Setting};
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::wire::{ready, MAX_COMMAND_AFTER_READY};

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let setting = Setting::read(&mut input);
    let pattern = input.piece();
    let stream = input.rest();

    let mut decoder = setting.decoder();
    let whole = feed(&mut decoder, [stream]);
    let expected = expected(&setting, stream);
    assert!(expected == whole, "{whole:?}\ninstead of\n{expected:?}");
    let came = whole.seen.iter().any(|seen| matches!(seen, Seen::Ready(_)));
    assert_eq!(decoder.is_ready(), came);

    let cut = feed(&mut setting.decoder(), pieces(stream, pattern));
    assert_eq!(cut, whole, "in pieces");
    let bytes = feed(&mut setting.decoder(), stream.chunks(1));
    assert_eq!(bytes, whole, "byte by byte");

    // A buffer that grows holds its old self and twice as much; the error's text has its bound too.
    let most = setting.limits.max_command.max(MAX_COMMAND_AFTER_READY);
    let ((), used) = most_during(|| drain(&mut setting.decoder(), pieces(stream, pattern)));
    assert!(
        used <= 3 * most + 1024,
        "{used} bytes for commands of {most}"
    );

    // A session that was understood is sent so that it is understood again.
    for seen in &whole.seen {
        if let Seen::Ready(Some(session)) = seen {
            let again = Setting::new(setting.messages, Default::default());
            let mut hello = again.handshake();
            hello.truncate(64);
            hello.extend(ready(again.role.peer(), Some(session)));
            let outcome = feed(&mut again.decoder(), [&hello[..]]);
            assert_eq!(outcome.seen.last(), Some(&Seen::Ready(Some(*session))));
        }
    }
});
