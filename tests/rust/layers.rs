//! Checks the structure that `src/lib.rs` promises: which module may use which, no circle of files,
//! `impl` blocks beside their types, and one type for each name.
//!
//! The sources are read as text. Comments, strings and test modules are left out; what remains is
//! searched for paths that begin with `crate`, `self` or `super`, and for `use` declarations.

mod layers {
    pub mod source;
}

use layers::source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A module, and the other modules of the crate that it may use.
const RULES: [(&str, &[&str]); 9] = [
    ("error", &[]),
    ("wire", &[]),
    ("log", &[]),
    ("sync", &[]),
    ("process", &[]),
    ("bus", &["error", "process", "sync"]),
    (
        "endpoint",
        &["bus", "error", "log", "process", "sync", "wire"],
    ),
    ("ffi", &["bus", "endpoint", "error", "log", "process"]),
    ("bridge", &["bus", "endpoint", "error", "log", "process"]),
];

/// All files under `src` but those that hold tests alone, by module path: `endpoint::client::turn`.
static SOURCES: LazyLock<BTreeMap<String, Source>> = LazyLock::new(sources);

fn sources() -> BTreeMap<String, Source> {
    fn walk(folder: &Path, module: &[String], found: &mut BTreeMap<String, Source>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let inner = [module, std::slice::from_ref(&name)].concat();
            if path.is_dir() {
                walk(&path, &inner, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let module = match name.as_str() {
                    "tests" => continue,
                    "mod" | "lib" => module.to_vec(),
                    _ => inner,
                };
                let source = Source::new(&module, &fs::read_to_string(&path).unwrap());
                found.insert(module.join("::"), source);
            }
        }
    }
    let mut found = BTreeMap::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    walk(&root, &[], &mut found);
    found
}

/// What `cxx` makes of the declarations in `bridge.rs`. They name functions of the files that use the
/// types that are declared there.
const GENERATED: [&str; 2] = ["bridge", "ffi"];

/// `impl` blocks that stand above their types, and why.
const APART: [(&str, &str); 1] = [
    // A server knows no threads. What it serves with is on top of it.
    ("endpoint::serve", "TcpServer"),
];

/// The files that each file uses: of each path, the longest beginning that is a file.
fn uses(sources: &BTreeMap<String, Source>) -> BTreeMap<&str, BTreeSet<&str>> {
    let file = |path: &[String]| {
        (0..=path.len()).rev().find_map(|length| {
            let name = path[..length].join("::");
            sources.get_key_value(&name).map(|(name, _)| name.as_str())
        })
    };
    sources
        .iter()
        .map(|(module, source)| {
            let paths = source.paths.iter();
            let written = paths.filter(|path| !path.starts_with(&GENERATED.map(str::to_owned)));
            let used = written.filter_map(|path| file(path));
            let others = used.filter(|used| used != module).collect();
            (module.as_str(), others)
        })
        .collect()
}

/// The files that use each other in circles: each group is one knot.
fn circles<'a>(uses: &BTreeMap<&'a str, BTreeSet<&'a str>>) -> Vec<BTreeSet<&'a str>> {
    let reached = |file: &'a str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![file]);
        while let Some(file) = open.pop() {
            let next = uses.get(file).into_iter().flatten();
            open.extend(next.filter(|used| reached.insert(**used)));
        }
        reached
    };
    let all: BTreeMap<_, _> = uses.keys().map(|file| (*file, reached(file))).collect();
    let mut circles: Vec<_> = all
        .iter()
        .filter(|(file, reached)| reached.contains(*file))
        .map(|(file, reached)| {
            let back = |other: &&&str| all[**other].contains(file);
            reached.iter().filter(back).copied().collect()
        })
        .collect();
    circles.sort();
    circles.dedup();
    circles
}

#[test]
fn modules_use_only_what_is_below_them() {
    let sources = &*SOURCES;
    let (mut checked, mut faults) = (0, Vec::new());
    for (module, source) in sources.iter().filter(|(module, _)| !module.is_empty()) {
        let top = module.split("::").next().unwrap();
        let rule = RULES.iter().find(|(name, _)| *name == top);
        let (_, allowed) = rule.unwrap_or_else(|| panic!("there is no rule for {top}"));
        for path in &source.paths {
            let used = path[0].as_str();
            checked += usize::from(used != top);
            if used != top && !allowed.contains(&used) {
                faults.push(format!("{module} must not use {}", path.join("::")));
            }
        }
    }
    assert!(checked > 200, "only {checked} uses were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let sources = &*SOURCES;
    let uses = uses(sources);
    let count: usize = uses.values().map(BTreeSet::len).sum();
    assert!(count > 300, "only {count} uses were found");
    let circles = circles(&uses);
    assert!(circles.is_empty(), "files use each other: {circles:#?}");
}

/// The parts of a type that has a folder of its own may stand in its files: `bus::transaction::lock`
/// and `bus::transaction` for what `bus::transaction::state` defines.
fn share_a_folder(module: &str, other: &str, sources: &BTreeMap<String, Source>) -> bool {
    let folder = |module: &str| match sources
        .keys()
        .any(|m| m.starts_with(&format!("{module}::")))
    {
        true => module.to_owned(),
        false => module
            .rsplit_once("::")
            .map_or("", |(folder, _)| folder)
            .to_owned(),
    };
    let name = |folder: &str| folder.rsplit("::").next().unwrap().replace('_', "");
    let (here, there) = (folder(module), folder(other));
    let types = sources.iter().filter(|(m, _)| folder(m) == here);
    let mut names = types.flat_map(|(_, source)| &source.defined);
    here == there && names.any(|defined| defined.to_lowercase() == name(&here))
}

#[test]
fn impl_blocks_stand_with_their_types() {
    let sources = &*SOURCES;
    let places = |name: &String| {
        let all = sources.iter();
        all.filter(|(_, source)| source.defined.contains(name))
            .map(|(module, _)| module.clone())
            .collect::<Vec<_>>()
    };
    let (mut checked, mut faults) = (0, Vec::new());
    for (module, source) in sources {
        for block in &source.impls {
            let types = places(&block.of);
            if types.is_empty() {
                // A type from elsewhere, for a trait of ours.
                continue;
            }
            checked += 1;
            let traits = block.for_trait.as_ref().map(places).unwrap_or_default();
            let near = |place: &String| place == module || share_a_folder(module, place, sources);
            let known = APART.contains(&(module.as_str(), block.of.as_str()));
            if !known && !types.iter().chain(&traits).any(near) {
                faults.push(format!(
                    "{module}: `impl {}` stands apart from its type",
                    block.of
                ));
            }
        }
    }
    assert!(checked > 200, "only {checked} blocks were found");
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn a_name_stands_for_one_type() {
    let mut places = BTreeMap::<&str, Vec<&str>>::new();
    // The types of `bridge.rs` are those of other files, as C++ sees them.
    let sources = SOURCES.iter().filter(|(module, _)| *module != "bridge");
    for (module, source) in sources {
        for name in &source.defined {
            places.entry(name).or_default().push(module);
        }
    }
    assert!(places.len() > 200, "only {} types were found", places.len());
    // Every implementation of a trait of the standard library has these.
    places.retain(|name, _| !matches!(*name, "Item" | "IntoIter" | "Output" | "Target"));
    places.retain(|_, modules| modules.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn only_the_endpoints_use_tokio() {
    let sources = &*SOURCES;
    let users: Vec<_> = sources.iter().filter(|(_, s)| s.names("tokio")).collect();
    assert!(users.len() > 3, "{}", users.len());
    for (module, _) in users {
        assert!(module.starts_with("endpoint"), "{module} uses tokio");
    }
}

#[test]
fn a_circle_is_found() {
    let uses = |pairs: &[(&'static str, &'static str)]| {
        let mut uses = BTreeMap::<_, BTreeSet<_>>::new();
        for (user, used) in pairs {
            uses.entry(*user).or_default().insert(*used);
        }
        uses
    };
    let none = uses(&[("a", "b"), ("b", "c"), ("a", "c")]);
    assert!(circles(&none).is_empty());
    let some = uses(&[
        ("a", "b"),
        ("b", "c"),
        ("c", "d"),
        ("d", "b"),
        ("e", "f"),
        ("f", "e"),
    ]);
    let found = [BTreeSet::from(["b", "c", "d"]), BTreeSet::from(["e", "f"])];
    assert_eq!(circles(&some), found);
}
