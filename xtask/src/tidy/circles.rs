//! That no two files of a crate need each other, by whatever way, other than parent and child.

use std::collections::{BTreeMap, BTreeSet};

use super::imports::Imports;
use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for imports in Imports::of_all(tree) {
        for circle in circles(&imports.pairs) {
            let pairs = imports.pairs.iter();
            let within = pairs.filter(|(from, to)| circle.contains(&**from) && circle.contains(&**to));
            let within: Vec<_> = within.map(|(from, to)| format!("{from} -> {to}")).collect();
            breaches.push(format!(
                "{}: {} files in a circle: {}",
                imports.root,
                circle.len(),
                within.join(", ")
            ));
        }
    }
    breaches
}

/// Returns each set of modules of which every one reaches every other.
fn circles(pairs: &BTreeSet<(String, String)>) -> Vec<BTreeSet<&str>> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (from, to) in pairs {
        next.entry(from).or_default().push(to);
    }
    let reached: BTreeMap<_, _> = next.keys().map(|from| (*from, reached_from(from, &next))).collect();
    let mut circles = BTreeSet::new();
    for (from, reaches) in &reached {
        if reaches.contains(from) {
            // Those who reach each other form one circle. It is found from each of its members, and
            // the set keeps it once.
            let back = |to: &&&str| reached.get(**to).is_some_and(|back| back.contains(from));
            circles.insert(reaches.iter().filter(back).copied().collect::<BTreeSet<_>>());
        }
    }
    circles.into_iter().collect()
}

fn reached_from<'a>(from: &'a str, next: &BTreeMap<&'a str, Vec<&'a str>>) -> BTreeSet<&'a str> {
    let (mut reached, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(module) = open.pop() {
        for to in next.get(module).into_iter().flatten() {
            if reached.insert(*to) {
                open.push(to);
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_over_a_third_file_is_found_and_parent_and_child_are_none() {
        let tree = Tree::of(&[
            ("crates/a/src/lib.rs", "mod b;\nmod c;\nmod d;\nmod e;\npub use b::{B, Other as Renamed};\n"),
            (
                "crates/a/src/b.rs",
                "use crate::c::C;\npub struct B;\n#[cfg(test)]\nmod tests {\n    use crate::e::E;\n}\n",
            ),
            ("crates/a/src/c.rs", "use crate::{\n    d::{self, D},\n};\n"),
            ("crates/a/src/d.rs", "fn d() -> crate::B {}\n"),
            ("crates/a/src/e/mod.rs", "mod f;\nuse self::f::F;\nuse crate::B;\n"),
            ("crates/a/src/e/f.rs", "use super::E;\n"),
        ]);
        assert_eq!(check(&tree), ["crates/a/src: 3 files in a circle: b -> c, c -> d, d -> b"]);
    }
}
