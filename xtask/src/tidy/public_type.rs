//! The public types of a crate, with the methods and traits that its code gives them.

use std::collections::BTreeMap;

use super::interface::{code, is_interface};
use super::tree::Tree;

/// A type that a crate offers, as far as text shows it.
#[derive(Debug)]
pub(super) struct PublicType {
    pub(super) name: String,
    /// The file that defines it.
    pub(super) path: String,
    /// The `impl` blocks of it, also those in other files of its crate.
    blocks: Vec<Block>,
}

impl PublicType {
    /// Returns those of all crates.
    pub(super) fn of_all(tree: &Tree) -> Vec<Self> {
        let (mut types, mut blocks) = (BTreeMap::new(), Vec::new());
        for (path, text) in tree.ending(".rs").filter(|(path, _)| is_interface(path)) {
            // A name may be that of another type in another crate.
            let folder = path.split('/').nth(1).unwrap_or_default();
            for name in defined(code(text)) {
                let new = || Self { name: name.to_owned(), path: path.to_owned(), blocks: Vec::new() };
                types.entry((folder.to_owned(), name.to_owned())).or_insert_with(new);
            }
            blocks.extend(Block::all(code(text)).into_iter().map(|block| (folder.to_owned(), block)));
        }
        // Types come first: a block may stand in a file that is read before that of its type.
        for (folder, block) in blocks {
            if let Some(offered) = types.get_mut(&(folder, block.of.clone())) {
                offered.blocks.push(block);
            }
        }
        types.into_values().collect()
    }

    pub(super) fn implements(&self, name: &str) -> bool {
        self.blocks.iter().any(|block| block.of_trait.as_deref() == Some(name))
    }

    /// Says whether it has a method, its own or that of a trait.
    pub(super) fn has(&self, method: &str) -> bool {
        self.blocks.iter().any(|block| block.has(method))
    }

    /// Says whether it has a method which no trait has to be imported for.
    pub(super) fn has_own(&self, method: &str) -> bool {
        self.own().any(|block| block.has(method))
    }

    /// Says whether it has a function that makes a value without having one.
    pub(super) fn makes(&self, function: &str) -> bool {
        let makes = |method: &Method| method.name == function && !method.has_receiver;
        self.own().any(|block| block.methods.iter().any(makes))
    }

    fn own(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().filter(|block| block.of_trait.is_none())
    }
}

/// Returns the names of the public types that a file defines.
fn defined(code: &str) -> impl Iterator<Item = &str> {
    code.lines().filter_map(|line| {
        let name = line.strip_prefix("pub struct ").or_else(|| line.strip_prefix("pub enum "))?;
        name.split(|c: char| !c.is_alphanumeric() && c != '_').next()
    })
}

/// An `impl` block.
#[derive(Debug)]
struct Block {
    of: String,
    of_trait: Option<String>,
    methods: Vec<Method>,
}

/// A public function of a type, or one of a trait.
#[derive(Debug)]
struct Method {
    name: String,
    has_receiver: bool,
}

impl Block {
    fn all(code: &str) -> Vec<Self> {
        let (mut blocks, mut lines) = (Vec::new(), code.lines());
        while let Some(line) = lines.next() {
            if !line.starts_with("impl ") && !line.starts_with("impl<") {
                continue;
            }
            let mut head = line.to_owned();
            while !head.contains('{') {
                let Some(more) = lines.next() else { break };
                head.push(' ');
                head.push_str(more.trim());
            }
            let body: Vec<&str> = if head.ends_with('}') {
                Vec::new()
            } else {
                lines.by_ref().take_while(|line| *line != "}").collect()
            };
            blocks.push(Self::new(&head, &body));
        }
        blocks
    }

    /// Takes `impl<T: A> path::Trait<T> for Type<T> where … {` apart.
    fn new(head: &str, body: &[&str]) -> Self {
        let plain = without_parameters(head);
        let named = plain.split('{').next().unwrap_or_default();
        let named = named.split(" where").next().unwrap_or_default();
        let (of_trait, of) = match named.split_once(" for ") {
            Some((of_trait, of)) => (Some(last(of_trait)), last(of)),
            None => (None, last(named)),
        };
        let methods = (0..body.len()).filter_map(|at| method(&body[at..], of_trait.is_none()));
        let methods = methods.collect();
        Self { of, of_trait, methods }
    }

    fn has(&self, method: &str) -> bool {
        self.methods.iter().any(|known| known.name == method)
    }
}

/// Leaves out what stands between angle brackets.
fn without_parameters(head: &str) -> String {
    let (mut plain, mut depth, mut before) = (String::new(), 0_usize, ' ');
    for letter in head.chars() {
        match letter {
            '<' => depth += 1,
            // The arrow before a result ends nothing.
            '>' if before != '-' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(letter),
            _ => {}
        }
        before = letter;
    }
    plain
}

/// Returns the name at the end of a path.
fn last(path: &str) -> String {
    let path = path.trim().trim_start_matches("impl ").trim_start_matches('&');
    path.rsplit("::").next().unwrap_or_default().trim().to_owned()
}

/// Reads the first of some lines of a block, if it begins a method that users can call.
fn method(lines: &[&str], is_own: bool) -> Option<Method> {
    let declared = lines[0].strip_prefix("    ")?;
    let declared = match declared.strip_prefix("pub ") {
        Some(rest) => rest,
        None if is_own => return None,
        None => declared,
    };
    let declared = declared.strip_prefix("const ").unwrap_or(declared);
    let declared = declared.strip_prefix("async ").unwrap_or(declared);
    let (name, parameters) = declared.strip_prefix("fn ")?.split_once('(')?;
    let name = name.split('<').next().unwrap_or_default().to_owned();
    // Many parameters stand on lines of their own.
    let first = if parameters.is_empty() { lines.get(1).map_or("", |line| line.trim()) } else { parameters };
    let receivers = ["self", "&self", "mut self", "&mut self"];
    let has_receiver = receivers.iter().any(|receiver| first.starts_with(receiver));
    Some(Method { name, has_receiver })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_all_files_of_a_crate_are_put_together() {
        let defined = "pub struct A<T>(T);\n\nimpl<T: Fn() -> B<T>> A<T> {\n    pub async fn start<C>(\n        config: Config,\n    ) -> Self {\n        start()\n    }\n\n    fn hidden(&self) {}\n}\n";
        let more = "impl<T> path::Stream\n    for super::A<T>\nwhere\n    T: Send,\n{\n    fn poll_next(self: Pin<&mut Self>) {}\n}\n\nimpl Auth for A<()> {}\n\nimpl A<u8> {\n    pub fn close(&self) {}\n}\n";
        let tree = Tree::of(&[
            ("crates/a/src/a.rs", defined),
            ("crates/a/src/b.rs", more),
            ("crates/b/src/a.rs", "impl Other for A {}\n"),
        ]);
        let types = PublicType::of_all(&tree);
        let [a] = types.as_slice() else { panic!("{types:?}") };
        assert_eq!((a.name.as_str(), a.path.as_str()), ("A", "crates/a/src/a.rs"));
        assert!(a.implements("Stream") && a.implements("Auth") && !a.implements("Other"));
        assert!(a.makes("start") && a.has_own("start") && !a.has("hidden"));
        assert!(a.has_own("close") && !a.makes("close"));
        assert!(a.has("poll_next") && !a.has_own("poll_next"));
    }
}
