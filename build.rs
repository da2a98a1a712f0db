//! With the feature `cpp`, compiles the C++ classes into the archive.

#[cfg(feature = "cpp")]
fn main() {
    println!("cargo:rerun-if-changed=src/bridge.rs");
    println!("cargo:rerun-if-changed=include");
    println!("cargo:rerun-if-changed=cpp");
    let mut sources: Vec<_> = std::fs::read_dir("cpp")
        .expect("the folder cpp is part of the package")
        .map(|entry| entry.expect("the folder cpp can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cpp"))
        .collect();
    // `read_dir` has no fixed order, and the archive should be the same each time.
    sources.sort();
    cxx_build::bridge("src/bridge.rs")
        .files(sources)
        .include("include")
        .include("cpp")
        .std("c++14")
        .warnings(true)
        .extra_warnings(true)
        // GNU unique symbols cannot be hidden, and a library that has them cannot be unloaded.
        .flag_if_supported("-fno-gnu-unique")
        .compile("rogue-memory-bridge-cpp");
}

#[cfg(not(feature = "cpp"))]
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
}
