//! Addresses of both ends, good and bad.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use if_addrs::Interface;

use super::destination::{destination, Destination, Host};
use super::listen::*;
use super::literal::*;
use crate::endpoint::socket::interface_index;
use crate::error::{Error, ErrorKind};

#[test]
fn a_server_takes_every_kind_of_address() {
    // Every host has this interface under one of these names.
    let interfaces = if_addrs::get_if_addrs().unwrap();
    let loopback = interfaces
        .iter()
        .find(|interface| interface.is_loopback())
        .expect("a loopback interface");
    let mut addresses = vec!["*", "127.0.0.1", "localhost", &loopback.name, "0.0.0.0"];
    if bind_socket((Ipv6Addr::LOCALHOST, 0).into(), 0).is_ok() {
        addresses.extend(["::1", "[::1]", "::"]);
    } else {
        // By hand, past the capture of what a test prints when it passes.
        let _ = writeln!(io::stderr(), "no IPv6 here: ::1, [::1] and :: are left out");
    }
    for address in addresses {
        let listeners = listen(address, 0).unwrap();
        for (sockets, port) in [
            (&listeners.requests, listeners.port),
            (&listeners.responses, listeners.port + 1),
        ] {
            assert!(!sockets.is_empty(), "{address}");
            assert!(sockets
                .iter()
                .all(|s| s.local_addr().unwrap().port() == port));
        }
    }
}

#[test]
fn an_address_of_an_interface_has_its_zone_where_it_needs_one() {
    let text = "::";
    let any: Ipv6Addr = text.parse().unwrap();
    let interface = |name: &str, ip: &str, index| Interface {
        name: name.to_owned(),
        addr: match ip.parse().unwrap() {
            IpAddr::V4(ip) => if_addrs::IfAddr::V4(if_addrs::Ifv4Addr {
                ip,
                netmask: Ipv4Addr::UNSPECIFIED,
                prefixlen: 24,
                broadcast: None,
            }),
            IpAddr::V6(ip) => if_addrs::IfAddr::V6(if_addrs::Ifv6Addr {
                ip,
                netmask: any,
                prefixlen: 64,
                broadcast: None,
            }),
        },
        index,
        oper_status: if_addrs::IfOperStatus::Up,
        is_p2p: false,
    };
    let all = [
        interface("a", "fe80::1", Some(3)),
        interface("b", "fe80::2", Some(4)),
        interface("b", "2001:db8::1", Some(4)),
        interface("b", "192.0.2.1", Some(4)),
    ];
    let of = |name| {
        let found = of_interface(&all, name).into_iter();
        found.map(|place| place.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(of("a"), ["[fe80::1%3]:0"]);
    // Where there are others, the link-local one is left out.
    assert_eq!(of("b"), ["[2001:db8::1]:0", "192.0.2.1:0"]);
    assert!(of("c").is_empty());
}

#[test]
fn a_zone_is_an_interface_by_name_or_number() {
    let interfaces = if_addrs::get_if_addrs().unwrap();
    let loopback = interfaces.iter().find(|i| i.is_loopback()).unwrap();
    let (name, index) = (&loopback.name, loopback.index.unwrap());
    assert_eq!(interface_index(name), Some(index));
    let want = format!("[fe80::1%{index}]:8000");
    for address in [
        format!("fe80::1%{name}"),
        format!("[fe80::1%{name}]"),
        format!("fe80::1%{index}"),
    ] {
        let literal = literal(&address).expect(&address);
        assert_eq!(literal.at(8000).unwrap().to_string(), want, "{address}");
        assert_eq!(
            destination(&address, 8000).unwrap().host,
            Host::Literal(literal)
        );
        let source = format!("{address};{address}");
        let source = destination(&source, 8000).unwrap().source.unwrap();
        assert_eq!(source.to_string(), format!("[fe80::1%{index}]:0"));
    }
    let source = destination(&format!("[fe80::1%{name}]:7;board"), 8000).unwrap();
    assert_eq!(source.source.unwrap().port(), 7);
    // The interface may come later: a client waits for it, a server cannot.
    let later = destination("fe80::1%nosuch0", 8000).unwrap();
    let Host::Literal(later) = later.host else {
        panic!("{later:?}");
    };
    assert_eq!(later.at(8000), None);
    let error = listen("fe80::1%nosuch0", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BadAddress);
    assert!(error.text().contains("no interface nosuch0"), "{error}");
    // An address that needs a zone has to bring it.
    for error in [
        listen("fe80::1", 0).unwrap_err(),
        destination("fe80::1", 8000).unwrap_err(),
        destination("[fe80::1]", 8000).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::BadAddress);
        assert!(error.text().contains("fe80::1%eth0"), "{error}");
    }
    for bad in ["fe80::1%", "[fe80::1%]", "127.0.0.1%lo", "board%lo%lo:"] {
        assert_eq!(literal(bad), None, "{bad}");
    }
}

#[test]
fn a_port_inside_the_address_is_refused_with_advice() {
    for (address, host) in [
        ("board:8000", "board"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("[::1]:8000", "[::1]"),
        ("board.example:1", "board.example"),
    ] {
        for error in [
            destination(address, 8000).unwrap_err(),
            listen(address, 0).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::BadAddress);
            let text = format!("give {host:?} as the address");
            assert!(error.text().contains(&text), "{error}");
            assert!(error.text().contains("a number of its own"), "{error}");
        }
    }
}

#[test]
fn another_port_is_tried_while_one_may_do() {
    // `good` attempts find a port that is taken, then one does.
    let attempts = |good: u32, another: bool| {
        let mut count = 0;
        let result = try_ports(|| {
            count += 1;
            let error = Error::new(ErrorKind::Bind, "taken");
            if count > good {
                Ok(())
            } else {
                Err((error, another))
            }
        });
        (count, result.is_ok())
    };
    assert_eq!(attempts(0, true), (1, true));
    assert_eq!(attempts(99, true), (100, true));
    assert_eq!(attempts(100, true), (100, false));
    assert_eq!(attempts(1, false), (1, false));
}

#[test]
fn all_interfaces_are_those_of_ipv4_too_and_one_address_is_itself_alone() {
    let all = listen("*", 0).unwrap();
    for port in [all.port, all.port + 1] {
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    }
    let one = listen("127.0.0.1", 0).unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.2", one.port)).is_err());
}

#[test]
fn a_failure_to_bind_says_why_and_whether_another_port_may_do() {
    use io::ErrorKind::{AddrInUse, AddrNotAvailable, OutOfMemory};
    let told = |call, kind| {
        let (error, another) = bind_error("here", 7, &(call, io::Error::from(kind)));
        let begin = "Failed to bind server to port 7 at address here, ";
        let cause = error
            .text()
            .strip_prefix(begin)
            .expect("the same beginning");
        (cause.to_owned(), another)
    };
    let in_use = "another process may be using this port".to_owned();
    assert_eq!(told(BIND, AddrInUse), (in_use.clone(), true));
    assert_eq!(told(LISTEN, AddrInUse), (in_use, true));
    let elsewhere = "the address is not one of this host's".to_owned();
    assert_eq!(told(BIND, AddrNotAvailable), (elsewhere, false));
    let other = io::Error::from(OutOfMemory).to_string();
    assert_eq!(told(BIND, OutOfMemory), (other, false));
}

#[test]
fn a_call_that_is_forbidden_is_named_and_the_port_is_not_blamed() {
    let forbidden = || io::Error::from_raw_os_error(libc::EPERM);
    let (error, _) = bind_error("*", 80, &("socket", forbidden()));
    assert!(error.text().contains("socket() failed: "), "{error}");
    assert!(!error.text().contains("may not use this port"), "{error}");
    let (error, _) = bind_error("*", 80, &(BIND, forbidden()));
    assert!(error.text().ends_with("this user may not use this port"));
}

#[test]
fn interfaces_that_cannot_be_listed_are_named_as_the_reason() {
    let resolver = io::Error::other("no such name");
    let error = not_local("eth0", &resolver, None);
    assert!(error.text().contains("nor an interface"), "{error}");
    let unlisted = io::Error::from_raw_os_error(libc::EAFNOSUPPORT);
    let error = not_local("eth0", &resolver, Some(unlisted));
    assert_eq!(error.kind(), ErrorKind::BadAddress);
    assert!(error.text().contains("cannot be listed"), "{error}");
}

#[test]
fn a_name_is_checked_before_anybody_is_asked_for_it() {
    let longest = "a.".repeat(126) + "b";
    for name in [
        "board",
        "a-b_c.example",
        "eth0",
        "eth0@if5",
        "wlan%1",
        &longest,
    ] {
        check_name(name).unwrap();
    }
    let too_long = longest.clone() + "c";
    for name in ["", "a b", "a:b", "a:", ":", "host:80a", "1.2.3", &too_long] {
        let error = check_name(name).unwrap_err();
        assert!(error.text().contains("is not an IP address"), "{error}");
    }
    // Nobody's port.
    assert!(check_name(":80")
        .unwrap_err()
        .text()
        .contains("is not an IP"));
}

#[test]
fn a_bad_server_address_is_named() {
    for address in [
        "",
        "300.1.1.1",
        "a b",
        "1.2.3",
        "no.such.host.invalid",
        "[127.0.0.1]",
    ] {
        let error = listen(address, 0).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BadAddress, "{address}: {error}");
        assert!(error.text().contains(address), "{error}");
    }
    // TEST-NET-1, which nobody has.
    let error = listen("192.0.2.1", 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bind);
    assert!(error.text().contains("192.0.2.1"), "{error}");
}

#[test]
fn row_15_base_port_65535_is_refused() {
    assert_eq!(listen("*", 65535).unwrap_err().kind(), ErrorKind::BadPort);
    assert_eq!(
        destination("localhost", 65535).unwrap_err().kind(),
        ErrorKind::BadPort
    );
    assert_eq!(
        destination("localhost", 0).unwrap_err().kind(),
        ErrorKind::BadPort
    );
}

#[test]
fn a_port_in_use_is_named_with_its_address_and_nothing_leaks() {
    let held = listen("127.0.0.1", 0).unwrap();
    let port = held.port;
    drop(held.requests);
    // Only the second port is taken: the error must name that one.
    let error = listen("127.0.0.1", port).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Bind);
    let text = format!(
        "Failed to bind server to port {} at address 127.0.0.1, another process may be using this port",
        port + 1
    );
    assert_eq!(error.text(), text);
    drop(held.responses);
    listen("127.0.0.1", port).unwrap();
}

#[test]
fn client_addresses() {
    let plain = destination("127.0.0.1", 8000).unwrap();
    assert_eq!(
        plain,
        Destination {
            host: Host::Literal(literal("127.0.0.1").unwrap()),
            source: None
        }
    );
    let with_source = destination("127.0.0.2;localhost", 8000).unwrap();
    assert_eq!(with_source.source, Some("127.0.0.2:0".parse().unwrap()));
    for (source, want) in [
        ("127.0.0.2:0", "127.0.0.2:0"),
        ("127.0.0.2:7", "127.0.0.2:7"),
        ("::1", "[::1]:0"),
        ("[::1]", "[::1]:0"),
        ("[::1]:7", "[::1]:7"),
    ] {
        let read = destination(&format!("{source};localhost"), 8000).unwrap();
        assert_eq!(read.source, Some(want.parse().unwrap()), "{source}");
    }
    let bare = literal("::1").unwrap();
    assert_eq!(
        destination("[::1]", 8000).unwrap().host,
        Host::Literal(bare)
    );
    let name = Host::Name("localhost".to_owned());
    assert_eq!(destination("localhost", 8000).unwrap().host, name);
    for address in [
        "",
        "*",
        "a b",
        "x;localhost",
        "1.2.3.4:x;localhost",
        "0.0.0.0",
        "1.2.3",
    ] {
        assert_eq!(
            destination(address, 8000).unwrap_err().kind(),
            ErrorKind::BadAddress,
            "{address}"
        );
    }
}
