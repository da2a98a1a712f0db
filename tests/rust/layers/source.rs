//! One source file, as the structure sees it.

use std::collections::BTreeSet;

/// What a file uses and defines.
#[derive(Debug, Default)]
pub struct Source {
    /// The paths that it uses, from the root of the crate.
    pub paths: BTreeSet<Vec<String>>,
    /// The types and traits that it defines.
    pub defined: BTreeSet<String>,
    pub impls: Vec<Impl>,
    words: BTreeSet<String>,
}

/// An `impl` block, by the last names of its type and its trait.
#[derive(Debug, PartialEq, Eq)]
pub struct Impl {
    pub of: String,
    pub for_trait: Option<String>,
}

impl Source {
    /// Reads `text`, the file of `module`.
    pub fn new(module: &[String], text: &str) -> Source {
        let tokens = tokens(text);
        let mut source = Source {
            words: tokens.iter().cloned().collect(),
            ..Source::default()
        };
        let mut module = module.to_vec();
        // Modules inside of the file, each with the depth of braces outside of it.
        let mut inner: Vec<usize> = Vec::new();
        let mut depth = 0usize;
        let mut index = 0;
        while index < tokens.len() {
            let next = |offset: usize| tokens.get(index + offset).map_or("", String::as_str);
            match next(0) {
                "{" => depth += 1,
                "}" => {
                    depth -= 1;
                    if inner.pop_if(|outside| *outside == depth).is_some() {
                        module.pop();
                    }
                }
                "mod" if next(2) == "{" => {
                    module.push(next(1).to_owned());
                    inner.push(depth);
                }
                "use" => {
                    let end = end_of(&tokens, index);
                    for path in expand(&tokens[index + 1..end]) {
                        source.paths.extend(resolve(&module, &path));
                    }
                    index = end;
                }
                // Not the place of a `pub(in …)`, nor a macro's `$crate`.
                "crate" | "self" | "super"
                    if next(1) == "::" && !matches!(previous(&tokens, index), "in" | "$") =>
                {
                    let path = path_at(&tokens[index..]);
                    index += 2 * path.len() - 2;
                    source.paths.extend(resolve(&module, &path));
                }
                // Not `r#type`, nor a macro's `$type`.
                "struct" | "enum" | "trait" | "union" | "type" if is_word(next(1)) => {
                    source.defined.insert(next(1).to_owned());
                }
                "impl" if matches!(previous(&tokens, index), "" | ";" | "}" | "]" | "unsafe") => {
                    let head = tokens[index + 1..].iter().take_while(|t| *t != "{");
                    source
                        .impls
                        .extend(head_of(&head.cloned().collect::<Vec<_>>()));
                }
                _ => {}
            }
            index += 1;
        }
        source
    }

    /// Whether the word stands anywhere in the code.
    pub fn names(&self, word: &str) -> bool {
        self.words.contains(word)
    }
}

fn previous(tokens: &[String], index: usize) -> &str {
    index.checked_sub(1).map_or("", |index| &tokens[index])
}

fn end_of(tokens: &[String], start: usize) -> usize {
    let length = tokens[start..].iter().position(|token| token == ";");
    start + length.unwrap_or(tokens.len() - start)
}

/// Words, `::`, and single characters; no comments, no strings, and nothing from the test module on,
/// which is the last thing in a file.
fn tokens(text: &str) -> Vec<String> {
    let code: Vec<char> = text.chars().collect();
    let mut tokens: Vec<String> = Vec::new();
    let mut at = 0;
    let starts = |at: usize, what: &str| {
        let mut chars = what.chars().enumerate();
        chars.all(|(index, c)| code.get(at + index) == Some(&c))
    };
    while at < code.len() {
        let start = at;
        if starts(at, "//") {
            while at < code.len() && code[at] != '\n' {
                at += 1;
            }
        } else if starts(at, "/*") {
            while at < code.len() && !starts(at, "*/") {
                at += 1;
            }
            at += 2;
        } else if code[at] == '"' {
            at += 1;
            while at < code.len() && code[at] != '"' {
                at += 1 + usize::from(code[at] == '\\');
            }
            at += 1;
        } else if starts(at, "r#\"") {
            while at < code.len() && !starts(at, "\"#") {
                at += 1;
            }
            at += 2;
        } else if code[at] == '\'' && code.get(at + 1) == Some(&'\\') {
            at += 3;
            while at < code.len() && code[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if code[at] == '\'' && code.get(at + 2) == Some(&'\'') {
            at += 3;
        } else if code[at].is_alphanumeric() || code[at] == '_' {
            while at < code.len() && (code[at].is_alphanumeric() || code[at] == '_') {
                at += 1;
            }
            tokens.push(code[start..at].iter().collect());
        } else if starts(at, "::") {
            at += 2;
            tokens.push("::".to_owned());
        } else {
            at += 1;
            if !code[start].is_whitespace() {
                tokens.push(code[start].to_string());
            }
        }
        if tokens.ends_with(&["mod", "tests", "{"].map(str::to_owned)) {
            break;
        }
    }
    tokens
}

/// The path that `tokens` begin with.
fn path_at(tokens: &[String]) -> Vec<String> {
    let mut path = vec![tokens[0].clone()];
    for pair in tokens[1..].chunks(2) {
        match pair {
            [colons, name] if colons == "::" && is_word(name) => path.push(name.clone()),
            _ => break,
        }
    }
    path
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// The paths of a `use` declaration: `a::{b, c::{d, self}}` is `a::b`, `a::c::d` and `a::c`.
fn expand(tokens: &[String]) -> Vec<Vec<String>> {
    fn tree(tokens: &[String], at: &mut usize, before: &[String], found: &mut Vec<Vec<String>>) {
        let mut path = before.to_vec();
        while let Some(token) = tokens.get(*at) {
            *at += 1;
            match token.as_str() {
                "{" => loop {
                    tree(tokens, at, &path, found);
                    let end = tokens.get(*at).is_none_or(|token| token != ",");
                    *at += 1;
                    if end {
                        return;
                    }
                },
                "as" => *at += 1,
                "::" => {}
                "," | "}" => {
                    *at -= 1;
                    break;
                }
                "self" if !path.is_empty() => {}
                name => path.push(name.to_owned()),
            }
        }
        if path.len() > before.len() || tokens.get(at.wrapping_sub(1)).is_some_and(|t| t == "self")
        {
            found.push(path);
        }
    }
    let mut found = Vec::new();
    tree(tokens, &mut 0, &[], &mut found);
    found
}

/// `path`, as `module` writes it, from the root of the crate. A path that begins otherwise may begin
/// with a child of the module: if there is no such child, it leads to the module itself.
fn resolve(module: &[String], path: &[String]) -> Option<Vec<String>> {
    let mut base = match path.first()?.as_str() {
        "crate" => Vec::new(),
        _ => module.to_vec(),
    };
    let mut rest = path;
    while let Some(first) = rest.first() {
        match first.as_str() {
            "crate" | "self" => {}
            "super" => {
                base.pop();
            }
            _ => break,
        }
        rest = &rest[1..];
    }
    base.extend(rest.iter().cloned());
    Some(base)
}

/// The names in the head of an `impl` block, without its parameters.
fn head_of(head: &[String]) -> Option<Impl> {
    let mut depth = 0usize;
    let mut names: Vec<String> = Vec::new();
    let mut for_trait = None;
    for (index, token) in head.iter().enumerate() {
        match token.as_str() {
            "<" => depth += 1,
            ">" if previous(head, index) != "-" => depth = depth.saturating_sub(1),
            "where" => break,
            "for" if depth == 0 => for_trait = names.pop(),
            name if depth == 0 && is_word(name) && name != "dyn" && name != "mut" => {
                names.push(name.to_owned());
            }
            _ => {}
        }
    }
    let of = names.pop()?;
    Some(Impl { of, for_trait })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        let module = ["endpoint", "client", "turn"].map(str::to_owned);
        Source::new(&module, text)
    }

    fn paths(text: &str) -> Vec<String> {
        let source = source(text);
        source.paths.iter().map(|path| path.join("::")).collect()
    }

    #[test]
    fn the_paths_of_use_lines_are_found() {
        assert_eq!(
            paths("use crate::{wire, bus::{A, b::{self, C}}};"),
            ["bus::A", "bus::b", "bus::b::C", "wire"]
        );
        assert_eq!(
            paths("pub(super) use super::link::{X as Y};"),
            ["endpoint::client::link::X"]
        );
        assert_eq!(paths("use super::super::stats::*;"), ["endpoint::stats::*"]);
        assert_eq!(
            paths("use steps::Step;"),
            ["endpoint::client::turn::steps::Step"]
        );
    }

    #[test]
    fn paths_in_the_code_are_found_and_those_in_comments_are_not() {
        let text = "/// crate::a\nfn f() { \"crate::b\"; '\"'; crate::c::d(); super::e::F {} } // crate::g\n\
                    #[cfg(test)]\nmod tests { use crate::h; }";
        assert_eq!(paths(text), ["c::d", "endpoint::client::e::F"]);
        assert!(paths("pub(in crate::endpoint) struct A; $crate::b!()").is_empty());
        let text = "mod inner { fn f() { super::a::B } } use super::c::D;";
        assert_eq!(
            paths(text),
            ["endpoint::client::c::D", "endpoint::client::turn::a::B"]
        );
    }

    #[test]
    fn impl_blocks_are_known_by_their_types() {
        let text =
            "struct A<'a> {} impl<'a, T: Fn() -> u8> A<'a> { } unsafe impl b::Send for A<'_> {} \
                    impl From<A> for c::B where A: Copy {} fn f(x: impl Fn(u8)) {}";
        let found = source(text);
        let block = |of: &str, for_trait: Option<&str>| Impl {
            of: of.to_owned(),
            for_trait: for_trait.map(str::to_owned),
        };
        assert_eq!(
            found.impls,
            [
                block("A", None),
                block("A", Some("Send")),
                block("B", Some("From"))
            ]
        );
        assert!(found.defined.contains("A"));
    }
}
