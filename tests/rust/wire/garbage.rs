//! Streams that no sound peer sends: nothing panics, nothing hangs, and how a stream was cut into
//! pieces, or taken in whole messages, never changes what comes of it. The generator is fixed, so a
//! failure can be run again.

use super::*;

/// Marsaglia's xorshift with 64 bits.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        // Below `end`, so it fits.
        (self.next() >> 16) as usize % end
    }
}

fn mutate(random: &mut Random, stream: &mut Vec<u8>, from: usize) {
    for _ in 0..=random.below(4) {
        let at = from + random.below(stream.len() - from);
        match random.below(6) {
            0 => stream[at] = random.next() as u8,
            1 => stream[at] ^= 1 << random.below(8),
            2 => stream[at] = [0, 1, 2, 4, 0x7f, 0xff][random.below(6)],
            3 => drop(stream.remove(at)),
            4 => stream.insert(at, random.next() as u8),
            _ => {
                let end = (at + random.below(40)).min(stream.len());
                let piece = stream[at..end].to_vec();
                let to = from + random.below(stream.len() - from);
                stream.splice(to..to, piece);
            }
        }
    }
}

/// The outcome of `stream` in random pieces; in data frames a piece may bypass the decoder.
fn in_pieces(random: &mut Random, decoder: &mut Decoder, stream: &[u8]) -> Outcome {
    let mut seen: Vec<Seen> = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let longest = [1, 3, 64][random.below(3)];
        let (piece, after) = rest.split_at((1 + random.below(longest)).min(rest.len()));
        rest = after;
        let (mut more, error) = feed(decoder, [piece]);
        if let (Some(Seen::Data(data)), Some(Seen::Data(next))) = (seen.last_mut(), more.first()) {
            data.extend_from_slice(next);
            more.remove(0);
        }
        seen.extend(more);
        if error.is_some() {
            return (seen, error);
        }
        assert_eq!(decoder.decode(&mut &[][..]), Ok(None));
    }
    (seen, None)
}

#[test]
fn mutated_streams_never_panic_or_hang_whatever_the_pieces() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let (mut sound, mut refused, mut taken) = (0, 0, 0);
    let streams = pieces::streams();
    for round in 0..100_000 {
        let (messages, stream) = &streams[random.below(streams.len())];
        let mut stream = stream.clone();
        // Most rounds spare the handshake, so that the messages behind it are reached.
        let from = if round % 4 == 0 { 0 } else { 142 };
        mutate(&mut random, &mut stream, from);
        let limits = Limits {
            max_data: random.below(400) as u64,
            ..Limits::default()
        };
        let whole = feed(&mut new_decoder(*messages, limits), [&stream[..]]);
        // Each event but an end takes at least one byte, and an end comes of at least a frame.
        assert!(whole.0.len() <= 2 * stream.len());
        let pieces = in_pieces(&mut random, &mut new_decoder(*messages, limits), &stream);
        assert_eq!(whole, pieces, "round {round}: {stream:02x?}");
        let (at_once, count) = feed_whole(&mut new_decoder(*messages, limits), &stream);
        assert_eq!(whole, at_once, "round {round}: {stream:02x?}");
        taken += count;
        *if whole.1.is_some() {
            &mut refused
        } else {
            &mut sound
        } += 1;
    }
    // Both ways are taken often, or the test would show little.
    assert!(sound > 10_000 && refused > 10_000, "{sound} and {refused}");
    assert!(taken > 10_000, "{taken}");
}

#[test]
fn noise_never_panics_or_hangs() {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    for messages in [Messages::None, Messages::Requests, Messages::Responses] {
        for _ in 0..10_000 {
            // Small values are likelier: they are flags and lengths.
            let small = random.below(2) == 0;
            let noise: Vec<u8> = (0..random.below(200))
                .map(|_| random.next() as u8 & if small { 7 } else { 0xff })
                .collect();
            for mut stream in [vec![], greeting().to_vec(), handshake_bytes(messages)] {
                stream.extend_from_slice(&noise);
                let whole = feed(&mut new_decoder(messages, Limits::default()), [&stream[..]]);
                let mut decoder = new_decoder(messages, Limits::default());
                assert_eq!(
                    in_pieces(&mut random, &mut decoder, &stream),
                    whole,
                    "{stream:02x?}"
                );
            }
        }
    }
}
