//! Holds the rule of `src/lib.rs`: which module may use which.

use std::fs;
use std::path::Path;

/// A module, and the modules of the crate that it may use besides itself.
const RULES: [(&str, &[&str]); 10] = [
    ("error", &[]),
    ("wire", &[]),
    ("log", &[]),
    ("sync", &[]),
    ("process", &[]),
    ("time", &[]),
    ("bus", &["error", "process", "sync", "time"]),
    (
        "endpoint",
        &["bus", "error", "log", "process", "sync", "time", "wire"],
    ),
    ("ffi", &["bus", "endpoint", "error", "log", "process"]),
    ("bridge", &["bus", "endpoint", "error", "log", "process"]),
];

fn sources(path: &Path, found: &mut Vec<(String, String)>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            sources(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push((
            path.display().to_string(),
            fs::read_to_string(path).unwrap(),
        ));
    }
}

#[test]
fn modules_use_only_what_is_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut checked = 0;
    for (module, allowed) in RULES {
        let mut files = Vec::new();
        for path in [root.join(module), root.join(format!("{module}.rs"))] {
            if path.exists() {
                sources(&path, &mut files);
            }
        }
        for (file, text) in files {
            for (number, line) in text.lines().enumerate() {
                let code = line.split("//").next().unwrap_or("");
                for used in code.split("crate::").skip(1) {
                    let used: String = used
                        .chars()
                        .take_while(|c| c.is_alphanumeric() || *c == '_')
                        .collect();
                    let fine =
                        used == module || used.is_empty() || allowed.contains(&used.as_str());
                    assert!(fine, "{file}:{}: {module} must not use {used}", number + 1);
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50, "only {checked} uses were found");
}

#[test]
fn only_the_endpoints_use_tokio() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for (file, text) in files {
        let uses = text.lines().any(|line| {
            line.split("//")
                .next()
                .is_some_and(|code| code.contains("tokio::"))
        });
        assert!(!uses || file.contains("/endpoint/"), "{file} uses tokio");
    }
}
