//! Holds the dependencies to `deny.toml`, as far as that is possible without the network: licences,
//! one version of each, from crates.io alone.

use std::collections::BTreeMap;
use std::process::Command;

/// What is built into the libraries or builds them: name and version, and licence.
fn dependencies() -> Vec<(String, String)> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--all-features"])
        .args(["--edges", "normal,build", "--prefix", "none", "--no-dedupe"])
        .args(["--format", "{p}|{l}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let (text, errors) = (output.stdout, output.stderr);
    assert!(
        output.status.success(),
        "cargo tree: {}",
        String::from_utf8_lossy(&errors)
    );
    let mut found: Vec<_> = String::from_utf8(text)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(package, licence)| (package.to_owned(), licence.to_owned()))
        .collect();
    found.sort();
    found.dedup();
    assert!(found.len() > 10, "{found:?}");
    found
}

/// The licences that `deny.toml` allows.
fn allowed() -> Vec<String> {
    let rules = include_str!("../../deny.toml");
    let (_, list) = rules.split_once("\nallow = [").unwrap();
    let (list, _) = list.split_once(']').unwrap();
    list.split(',')
        .map(|name| name.trim().trim_matches('"').to_owned())
        .collect()
}

/// The parts of an expression between `operator`s that are in no parentheses.
fn parts<'a>(expression: &'a str, operator: &str) -> Vec<&'a str> {
    let (mut parts, mut begin, mut depth) = (Vec::new(), 0, 0);
    for (at, byte) in expression.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ if depth == 0 && at >= begin && expression[at..].starts_with(operator) => {
                parts.push(&expression[begin..at]);
                begin = at + operator.len();
            }
            _ => {}
        }
    }
    parts.push(&expression[begin..]);
    parts
}

fn may_be_used(expression: &str, allowed: &[String]) -> bool {
    let expression = expression.trim();
    let alternatives = parts(expression, " OR ");
    if alternatives.len() > 1 {
        return alternatives.iter().any(|one| may_be_used(one, allowed));
    }
    let together = parts(expression, " AND ");
    if together.len() > 1 {
        return together.iter().all(|one| may_be_used(one, allowed));
    }
    match expression.strip_prefix('(') {
        Some(inner) => may_be_used(inner.strip_suffix(')').unwrap_or(inner), allowed),
        None => allowed.iter().any(|name| name == expression),
    }
}

#[test]
fn licences_are_allowed() {
    let allowed = allowed();
    let refused: Vec<_> = dependencies()
        .into_iter()
        // An old way to write OR.
        .filter(|(_, licence)| !may_be_used(&licence.replace('/', " OR "), &allowed))
        .collect();
    assert!(refused.is_empty(), "not allowed: {refused:?}");
}

#[test]
fn expressions_are_understood() {
    let allowed = ["MIT", "Zlib"].map(str::to_owned);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0 AND MIT", false),
        ("MIT AND Zlib", true),
        ("(MIT OR GPL-3.0) AND Zlib", true),
        ("(MIT OR Zlib) AND GPL-3.0", false),
        ("GPL-3.0 OR MIT AND Zlib", true),
        ("", false),
    ] {
        assert_eq!(may_be_used(expression, &allowed), expected, "{expression}");
    }
}

#[test]
fn there_is_one_version_of_each() {
    let mut versions = BTreeMap::<String, Vec<String>>::new();
    for (package, _) in dependencies() {
        let mut words = package.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        let of_this = versions.entry(name.to_owned()).or_default();
        if !of_this.iter().any(|known| known == version) {
            of_this.push(version.to_owned());
        }
    }
    versions.retain(|_, of_this| of_this.len() > 1);
    assert!(versions.is_empty(), "several versions: {versions:?}");
}

#[test]
fn all_come_from_crates_io() {
    const SOURCE: &str = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = include_str!("../../Cargo.lock");
    let mut registered = 0;
    for package in lock.split("[[package]]").skip(1) {
        let line = |key: &str| {
            let line = package.lines().find_map(|line| line.strip_prefix(key))?;
            Some(line.trim_matches('"').to_owned())
        };
        let name = line("name = ").unwrap();
        match line("source = ") {
            None => assert_eq!(name, env!("CARGO_PKG_NAME"), "it comes from a folder"),
            Some(source) => {
                assert_eq!(source, SOURCE, "{name}");
                assert!(line("checksum = ").is_some(), "{name} has no checksum");
                registered += 1;
            }
        }
    }
    assert!(registered > 10);
}
