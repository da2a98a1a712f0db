//! The committed C header is what cbindgen makes of the sources: `include/rogue/rim.h` is compared
//! with a new one, byte by byte. To write it after a change in `src/ffi`:
//!
//! ```text
//! RIM_UPDATE_HEADER=1 cargo test --test header
//! ```

use std::path::{Path, PathBuf};
use std::{env, fs};

/// The sources in the order in which their items stand in the header.
const SOURCES: [&str; 17] = [
    "status",
    "boundary",
    "args",
    "foreign",
    "master",
    "slave",
    "callback_slave",
    "transaction",
    "hub",
    "emulate",
    "tcp_options",
    "tcp_server",
    "tcp_client",
    "tcp_client_request",
    "tcp_stats",
    "logging",
    "bits",
];

/// Sources of `src/ffi` that have nothing for the header.
const INTERNAL: [&str; 5] = ["growing", "handle", "mod", "target", "transaction_state"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn source(name: &str) -> PathBuf {
    root().join("src/ffi").join(name).with_extension("rs")
}

fn generate() -> String {
    let config = cbindgen::Config::from_file(root().join("cbindgen.toml")).expect("cbindgen.toml");
    let builder = cbindgen::Builder::new().with_config(config);
    let builder = SOURCES
        .iter()
        .fold(builder, |builder, name| builder.with_src(source(name)));
    let mut header = Vec::new();
    builder
        .generate()
        .expect("the sources of src/ffi")
        .write(&mut header);
    String::from_utf8(header).expect("a header in UTF-8")
}

#[test]
fn the_committed_header_is_up_to_date() {
    let path = root().join("include/rogue/rim.h");
    let header = generate();
    if env::var_os("RIM_UPDATE_HEADER").is_some_and(|value| value == "1") {
        fs::write(&path, header).expect("include/rogue/rim.h written");
        return;
    }
    let committed = fs::read_to_string(&path).expect("include/rogue/rim.h");
    let differs = committed
        .lines()
        .zip(header.lines())
        .position(|(old, new)| old != new);
    assert!(
        committed == header,
        "include/rogue/rim.h is not what src/ffi says (first difference in line {}): run \
         RIM_UPDATE_HEADER=1 cargo test --test header",
        differs.unwrap_or_else(|| committed.lines().count().min(header.lines().count())) + 1
    );
}

#[test]
fn every_exported_function_is_declared_and_documented() {
    let header = generate();
    let mut count = 0;
    for file in fs::read_dir(root().join("src/ffi")).expect("src/ffi") {
        let path = file.expect("an entry of src/ffi").path();
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let text = fs::read_to_string(&path).expect("a source");
        let exported = text.matches("#[no_mangle]").count();
        assert!(
            exported == 0 || SOURCES.contains(&name.as_str()),
            "{name}.rs is not in SOURCES"
        );
        let listed = SOURCES.contains(&name.as_str()) || INTERNAL.contains(&name.as_str());
        assert!(listed, "{name}.rs is neither in SOURCES nor in INTERNAL");
        count += exported;
    }
    let lines: Vec<&str> = header.lines().collect();
    let mut seen = 0;
    for (number, line) in lines.iter().enumerate() {
        let name = line.split('(').next().unwrap_or_default();
        let inside = line.starts_with([' ', '/', '#']) || line.starts_with("typedef");
        if inside || !line.contains('(') || !name.contains("rim_") {
            continue;
        }
        seen += 1;
        assert!(
            lines[number - 1].trim_end().ends_with("*/"),
            "no comment before: {line}"
        );
    }
    assert_eq!(seen, count, "functions in the header and in src/ffi");
}
