//! Addresses as a person gives them: what is accepted means one thing only, and what is not is named.
//! Programs do not reach the parser; under a fuzzer the crate shows it. No name is resolved.
//!
//! Input: two bytes of port, the address.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use fuzzing::input::Input;
use libfuzzer_sys::fuzz_target;
use rogue_memory_bridge::endpoint::fuzzed as address;
use rogue_memory_bridge::error::ErrorKind;

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let port = input.u16();
    let text = String::from_utf8_lossy(input.rest());
    client(&text, port);
    server(&text, port);
});

fn client(text: &str, port: u16) {
    let bad_port = port == 0 || port == u16::MAX;
    let target = match address::target(text, port) {
        Ok(target) => target,
        Err(error) => {
            let due = if bad_port {
                ErrorKind::BadPort
            } else {
                ErrorKind::BadAddress
            };
            assert_eq!(error.kind(), due);
            // As it was given, or with what cannot be printed in its escaped form.
            let named = error.text().contains(text) || error.text().contains("Address \"");
            assert!(named, "{error}");
            return;
        }
    };
    assert!(!bad_port);
    let (source, host) = match text.split_once(';') {
        Some((source, host)) => (Some(source), host),
        None => (None, text),
    };
    assert_eq!(target.source.is_some(), source.is_some());
    assert!(!target.host.is_empty() && target.host.len() <= 253);
    match target.ip {
        Some(ip) => assert!(!ip.is_unspecified()),
        // A name is taken as it is, and is one word.
        None => {
            assert_eq!(target.host, host);
            let odd = |c: char| !c.is_ascii_graphic() || "[]*;/\\\"'".contains(c);
            assert!(!host.contains(odd), "{host:?}");
        }
    }
    // Written out, it means the same again.
    let again = match target.source {
        Some(source) => format!("{source};{}", target.host),
        None => target.host.clone(),
    };
    assert_eq!(
        address::target(&again, port).as_ref(),
        Ok(&target),
        "{again}"
    );
}

/// Binds what is a loopback address; of the rest only what is refused before a name is looked up.
fn server(text: &str, port: u16) {
    let inner = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let ip = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    };
    match ip {
        Some(ip) if ip.is_loopback() => {
            // Any free pair: which one is the kernel's choice, and it has enough.
            let listeners = match address::listen(text, 0) {
                Ok(listeners) => listeners,
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Bind, "{error}");
                    assert!(ip.is_ipv6(), "{error}");
                    return;
                }
            };
            let (base, listeners) = listeners;
            for (sockets, port) in listeners.iter().zip([base, base + 1]) {
                let [socket] = &sockets[..] else {
                    panic!("{} sockets for one address", sockets.len())
                };
                let local = socket.local_addr().expect("a bound socket");
                assert_eq!((local.ip(), local.port()), (ip, port));
            }
        }
        Some(_) => {}
        None if text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._:%@*".contains(&byte)) =>
        {
            // Perhaps a name. All but the empty one and numbers with dots would be looked up.
            if text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.')
            {
                refused(text, port);
            }
        }
        None => refused(text, port),
    }
}

fn refused(text: &str, port: u16) {
    let error = address::listen(text, port).expect_err("no address");
    let due = if port == u16::MAX {
        ErrorKind::BadPort
    } else {
        ErrorKind::BadAddress
    };
    assert_eq!(error.kind(), due, "{error}");
}
