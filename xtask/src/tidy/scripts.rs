//! Lua scripts: each says at its head what it takes, takes no more, and has a caller.
//!
//! A file in a folder `journals` is a part of other scripts, which say what it takes; it only needs
//! a caller.

use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    tree.ending(".lua").flat_map(|(path, script)| breaches(tree, path, script)).collect()
}

fn breaches(tree: &Tree, path: &str, script: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    if !tree.ending(".rs").any(|(_, source)| source.contains(&format!("\"{name}\""))) {
        breaches.push(format!("{path}: no Rust file names this script; call it or remove it"));
    }
    if path.contains("/journals/") {
        return breaches;
    }
    let head: Vec<&str> = script.lines().skip(1).take_while(|line| line.starts_with("--")).collect();
    if !script.starts_with("#!lua") {
        breaches
            .push(format!("{path}: it must begin with #!lua, so that Redis refuses it whole or not at all"));
    }
    for what in ["KEYS", "ARGV", "Returns"] {
        if !head.iter().any(|line| line.trim_start_matches(['-', ' ']).starts_with(what)) {
            breaches.push(format!("{path}: its head has no line that begins with {what}"));
        }
    }
    let keys = head.iter().find(|line| line.contains("KEYS")).copied().unwrap_or_default();
    let said = (1..).take_while(|key| keys.contains(&format!("  {key} "))).count();
    let used = (1..=99).rev().find(|key| script.contains(&format!("KEYS[{key}]"))).unwrap_or(0);
    if said != used {
        breaches.push(format!("{path}: its head names {said} keys, but it uses {used}"));
    }
    breaches
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#!lua\n-- Does it.\n--\n-- KEYS  1 life  2 held\n-- ARGV  1 id\n-- Returns 'ok'\nreturn KEYS[1] .. KEYS[2]";

    fn breaches_of(script: &str) -> usize {
        check(&Tree::of(&[("scripts/a.lua", script), ("scripts.rs", "script!(A, \"a.lua\")")])).len()
    }

    #[test]
    fn a_script_that_says_what_it_takes_is_fine() {
        assert_eq!(breaches_of(GOOD), 0);
        assert_eq!(check(&Tree::of(&[("scripts/a.lua", GOOD)])).len(), 1, "without a caller");
    }

    #[test]
    fn a_missing_line_and_an_extra_key_are_found() {
        assert_eq!(breaches_of(&GOOD.replace("#!lua\n", "\n")), 1);
        assert_eq!(breaches_of(&GOOD.replace("-- ARGV  1 id\n", "")), 1);
        assert_eq!(breaches_of(&GOOD.replace("KEYS[2]", "KEYS[3]")), 1);
    }
}
