//! Which file of a crate names which other.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::Tree;

/// The imports of one crate.
#[derive(Debug)]
pub(super) struct Imports {
    /// The folder of its sources.
    pub(super) root: String,
    /// From one module to another that it names, without those between parent and child. The crate
    /// itself is "lib".
    pub(super) pairs: BTreeSet<(String, String)>,
}

impl Imports {
    pub(super) fn of_all(tree: &Tree) -> Vec<Self> {
        let roots = tree.ending("/src/lib.rs").chain(tree.ending("/src/main.rs"));
        let roots: BTreeSet<_> = roots.filter_map(|(path, _)| Some(path.rsplit_once('/')?.0)).collect();
        roots.into_iter().map(|root| Self::of(tree, root)).collect()
    }

    fn of(tree: &Tree, root: &str) -> Self {
        let folder = format!("{root}/");
        // All files are read before any path is followed: a name may be passed on by a file that
        // comes later.
        let mut modules = BTreeMap::new();
        for (path, text) in tree.ending(".rs") {
            if let Some(path) = path.strip_prefix(&folder) {
                modules.insert(module(path), without_tests(text));
            }
        }
        let exports: BTreeMap<_, _> =
            modules.iter().map(|(name, text)| (name.as_slice(), exports(name, text))).collect();
        let mut pairs = BTreeSet::new();
        for (from, text) in &modules {
            for path in named(from, text) {
                let to = resolve(path, &modules, &exports);
                if !from.starts_with(&to) && !to.starts_with(from) {
                    pairs.insert((shown(from), shown(&to)));
                }
            }
        }
        Self { root: root.to_owned(), pairs }
    }
}

/// A module's path from its crate's root, which is empty.
type Module = Vec<String>;

fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let mut parts: Module = path.split('/').map(str::to_owned).collect();
    if matches!(parts.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

fn shown(module: &Module) -> String {
    if module.is_empty() { "lib".to_owned() } else { module.join("::") }
}

/// Unit tests and comments may name anything.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or(text);
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns the paths below the crate's root that a module imports, or names in its code.
fn named(module: &Module, code: &str) -> Vec<Module> {
    let mut paths = Vec::new();
    for statement in imports(code) {
        paths.extend(spread(statement).iter().filter_map(|path| from_root(module, path)));
    }
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            // In `a::super::b`, and in a longer word, nothing begins here.
            let is_begin =
                !code[..at].ends_with(|before: char| before.is_alphanumeric() || "_:".contains(before));
            let end = code[at..].find(|c: char| !c.is_alphanumeric() && !"_:".contains(c));
            let path = &code[at..end.map_or(code.len(), |end| at + end)];
            if is_begin {
                paths.extend(from_root(module, path.trim_end_matches(':')));
            }
        }
    }
    paths
}

/// Returns what stands behind each `use`.
fn imports(code: &str) -> impl Iterator<Item = &str> {
    let statements = code.split('\n').scan(0, |at, line| {
        let start = *at;
        *at += line.len() + 1;
        Some((start, line))
    });
    statements.filter_map(|(start, line)| {
        let line = line.trim_start();
        let visible = line.strip_prefix("pub").map_or(line, |rest| {
            rest.trim_start_matches("(crate)").trim_start_matches("(super)").trim_start()
        });
        let rest = visible.strip_prefix("use ")?;
        let begin = start + code[start..].find(rest)?;
        code[begin..].split(';').next()
    })
}

/// Takes braces apart: `a::{b, c::{d}}` is `a::b` and `a::c::d`.
fn spread(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((before, inner)) = tree.split_once('{') else {
        return vec![tree.split_whitespace().next().unwrap_or_default().to_owned()];
    };
    let inner = inner.rsplit_once('}').map_or(inner, |(inner, _)| inner);
    let (mut parts, mut depth, mut start) = (Vec::new(), 0, 0);
    for (at, c) in inner.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inner[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(spread).map(|part| format!("{before}{part}")).collect()
}

/// Returns a path from the crate's root; `None` if it leads into another crate.
fn from_root(module: &Module, path: &str) -> Option<Module> {
    let mut parts = path.split("::").filter(|part| !part.is_empty()).peekable();
    let mut full = match parts.next()? {
        "crate" => Vec::new(),
        "self" => module.clone(),
        "super" => {
            let mut full = module.clone();
            full.pop()?;
            full
        }
        _ => return None,
    };
    while parts.next_if_eq(&"super").is_some() {
        full.pop()?;
    }
    full.extend(parts.filter(|part| *part != "self").map(str::to_owned));
    Some(full)
}

/// What a module passes on: its name there, and where it comes from.
type Exports = BTreeMap<String, Module>;

fn exports(module: &Module, code: &str) -> Exports {
    let mut exports = Exports::new();
    for statement in imports(code) {
        for path in spread(statement) {
            // In the root of a crate, and beside a module, its children are named without `self`.
            let path =
                if path.starts_with("crate::") || path.starts_with("self::") || path.starts_with("super::") {
                    path
                } else {
                    format!("self::{path}")
                };
            if let Some(full) = from_root(module, &path)
                && let Some(name) = full.last().cloned()
            {
                exports.insert(name, full);
            }
        }
    }
    exports
}

/// Returns the module that a path leads to, through what other modules pass on.
fn resolve(
    mut path: Module,
    modules: &BTreeMap<Module, String>,
    exports: &BTreeMap<&[String], Exports>,
) -> Module {
    // A chain of modules that pass a name on is short.
    for _ in 0..8 {
        // The longest beginning of the path that is a file is the module; what follows is a name in
        // it.
        let length = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]));
        let found = path[..length.unwrap_or(0)].to_vec();
        let onward = path.get(found.len()).and_then(|name| exports.get(found.as_slice())?.get(name));
        match onward {
            Some(onward) if *onward != path => path = onward.clone(),
            _ => return found,
        }
    }
    path
}
