//! Handshakes as nobody of good will makes them, and some that are only unusual.

use rogue_memory_bridge::wire::{greeting, ready, Role};

/// What an attack is called, and what it sends.
pub type Named = (String, Vec<u8>);

/// A command as a frame with a length of eight bytes.
fn long_command(length: u64, body: &[u8]) -> Vec<u8> {
    [&[6], &length.to_be_bytes()[..], body].concat()
}

fn command(body: &[u8]) -> Vec<u8> {
    long_command(body.len() as u64, body)
}

fn property(name: &[u8], value: &[u8]) -> Vec<u8> {
    let length = value.len() as u32;
    [&[name.len() as u8], name, &length.to_be_bytes()[..], value].concat()
}

fn ready_with(properties: &[u8]) -> Vec<u8> {
    command(&[b"\x05READY", properties].concat())
}

fn socket_type(role: Role) -> Vec<u8> {
    property(b"Socket-Type", role.name().as_bytes())
}

/// Bytes that look like nothing.
pub fn noise(size: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).max(1);
    (0..size)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state as u8
        })
        .collect()
}

/// What breaks the protocol, for a peer of `role`: the other side closes the connection.
pub fn broken(role: Role) -> Vec<Named> {
    let mut all: Vec<Named> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| all.push((name.to_owned(), bytes));
    for seed in 1..4 {
        // It never begins as a greeting does.
        let bytes = [&[0x13][..], &noise(20_000, seed)].concat();
        add(&format!("noise {seed}"), bytes);
        let bytes = [&greeting()[..], &[0x08], &noise(20_000, seed)].concat();
        add(&format!("a greeting, then noise {seed}"), bytes);
    }
    add("HTTP", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n".to_vec());
    add("SSH", b"SSH-2.0-OpenSSH_9.2\r\n".to_vec());
    add(
        "TLS",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03".to_vec(),
    );
    add("zeros", vec![0; 200]);
    add("ones", vec![0xFF; 200]);

    add("ZMTP 1.0", vec![0x01, 0x00]);
    add("ZMTP 1.0 with an identity", b"\x05\x00abcd".to_vec());
    for revision in 0..3 {
        let mut bytes = greeting()[..10].to_vec();
        // The revision, and for ZMTP 2.0 the type of the socket, and an empty identity.
        bytes.extend([revision, 0x08, 0x00, 0x00]);
        add(&format!("revision {revision}"), bytes);
    }
    for mechanism in ["PLAIN", "CURVE", "GSSAPI", "NULLS", "null", ""] {
        let mut bytes = greeting().to_vec();
        bytes[12..32].fill(0);
        bytes[12..12 + mechanism.len()].copy_from_slice(mechanism.as_bytes());
        add(&format!("mechanism '{mechanism}'"), bytes);
    }

    let mut after = |name: &str, bytes: Vec<u8>| {
        all.push((name.to_owned(), [&greeting()[..], &bytes].concat()));
    };
    let types = [
        "PAIR", "PUB", "SUB", "REQ", "REP", "DEALER", "ROUTER", "XPUB", "XSUB", "STREAM", "push",
        "PUSHPULL", "",
    ];
    for wrong in types {
        let bytes = ready_with(&property(b"Socket-Type", wrong.as_bytes()));
        after(&format!("socket type '{wrong}'"), bytes);
    }
    after("the other side's socket type", ready(role.peer(), None));
    after("HELLO", command(b"\x05HELLO"));
    after("ERROR", command(b"\x05ERROR\x03bad"));
    after("PING before READY", command(b"\x04PING\x00\x00"));
    after("a message before READY", vec![0, 4, 1, 0, 0, 0]);
    after("a command without a name", command(b""));
    after("a command with an empty name", command(b"\x00"));
    after("a command with half a name", command(b"\x09READY"));
    for flags in [0x05, 0x08, 0x10, 0x40, 0x80, 0xFF] {
        after(&format!("flags {flags:#x}"), vec![flags, 5, 0, 0, 0]);
    }
    for length in LENGTHS {
        after(
            &format!("READY of {length} bytes"),
            long_command(length, b"\x05READY"),
        );
        let message = [&[2][..], &length.to_be_bytes()].concat();
        after(&format!("first a message of {length} bytes"), message);
    }
    let large = property(b"X-Large", &[b'x'; 1 << 16]);
    after("64 KiB of metadata", ready_with(&large));
    let many = property(b"X-A", b"").repeat(65);
    after("65 properties", ready_with(&many));
    let kind = socket_type(role);
    after("a byte too many", ready_with(&[&kind[..], &[0]].concat()));
    after("a byte too few", ready_with(&kind[..kind.len() - 1]));
    let endless = [b"\x03X-A".as_slice(), &[0xFF; 4]].concat();
    after("a value of 4 GiB", ready_with(&endless));
    let twice = ready(role, None).repeat(2);
    after("READY twice", twice);
    let and_error = [&ready(role, None)[..], &command(b"\x05ERROR\x00")].concat();
    after("ERROR after READY", and_error);
    let bad_ping = [&ready(role, None)[..], &command(b"\x04PING\x00")].concat();
    after("PING without a time", bad_ping);
    let long_ping = [
        &ready(role, None)[..],
        &command(&[b"\x04PING", &[0; 19][..]].concat()),
    ];
    after("PING with a long context", long_ping.concat());
    all
}

/// Lengths that are far more than anything may have.
pub const LENGTHS: [u64; 5] = [1 << 32, (1 << 63) - 1, 1 << 63, u64::MAX - 8, u64::MAX];

/// What is unusual and allowed, for a peer of `role`: the other side does its own handshake.
pub fn unusual(role: Role) -> Vec<Named> {
    let ours = ready(role, None);
    let mut padded = greeting().to_vec();
    // libzmq puts other bytes there.
    padded[1..9].fill(0xA5);
    padded[33..].fill(0x5A);
    let mut later = greeting().to_vec();
    later[10..12].copy_from_slice(&[4, 9]);
    let kind = socket_type(role);
    let crowded = [kind.clone(), property(b"X-A", b"b").repeat(63)].concat();
    let wide = [kind.clone(), property(b"X-Wide", &[b'x'; 8000])].concat();
    [
        ("as usual", [&greeting()[..], &ours].concat()),
        ("other padding", [&padded[..], &ours].concat()),
        ("a later version", [&later[..], &ours].concat()),
        ("no type", [&greeting()[..], &ready_with(b"")].concat()),
        (
            "64 properties",
            [&greeting()[..], &ready_with(&crowded)].concat(),
        ),
        (
            "8 KiB of metadata",
            [&greeting()[..], &ready_with(&wide)].concat(),
        ),
        (
            "no session for a session",
            [
                &greeting()[..],
                &ready_with(&[kind, property(b"X-Rogue-Session", b"me")].concat()),
            ]
            .concat(),
        ),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}
