//! How long files are, and what they are called.

use super::tree::Tree;

/// Past this a file says at its top why it is long, or that it is generated.
const FILE_LINES: usize = 600;

/// Lines of code in files that only declare.
const LIB_LINES: usize = 120;
const MOD_LINES: usize = 80;

/// Names that say nothing about what is inside.
const BANNED: &[&str] = &["utils", "util", "common", "types", "helpers"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    tree.ending(".rs").flat_map(|(path, text)| check_file(path, text)).collect()
}

fn check_file(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let name = path.rsplit('/').next().unwrap_or(path);
    if name.strip_suffix(".rs").is_some_and(|stem| BANNED.contains(&stem)) {
        breaches.push(format!("{path}: a function belongs to the type it serves, not into {name}; move it"));
    }
    if BANNED.iter().any(|banned| path.contains(&format!("/{banned}/"))) {
        breaches.push(format!("{path}: the name of its folder does not say what is in it; rename it"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES && !explained(text) {
        breaches.push(format!(
            "{path}: it has {lines} lines; split it where the noun changes, or start its head with `Long \
             because`"
        ));
    }
    let code = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//")).count();
    let most = match name {
        "lib.rs" => LIB_LINES,
        // Below `tests` it is the whole of a subject, or what several test programs share.
        "mod.rs" if !path.contains("/tests/") => MOD_LINES,
        _ => usize::MAX,
    };
    if code > most {
        breaches.push(format!(
            "{path}: it has {code} lines of code; at most {most} are allowed, as it only declares"
        ));
    }
    breaches
}

fn explained(text: &str) -> bool {
    let mut head = text.lines().take_while(|line| line.starts_with("//") || line.is_empty());
    head.any(|line| line.to_lowercase().contains("long because") || line.contains("Do not edit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_says_why() {
        let long = "let x = 1;\n".repeat(FILE_LINES + 1);
        assert_eq!(check_file("a/b.rs", &long).len(), 1);
        assert!(check_file("a/b.rs", &format!("//! A table. Long because it is one.\n{long}")).is_empty());
        assert!(check_file("a/b.rs", &format!("// Made by a program. Do not edit.\n{long}")).is_empty());
    }

    #[test]
    fn files_that_declare_are_short_but_for_their_docs() {
        let docs = "//! Words.\n\n".repeat(200);
        assert!(check_file("a/lib.rs", &format!("{docs}{}", "mod a;\n".repeat(LIB_LINES))).is_empty());
        assert_eq!(check_file("a/lib.rs", &"mod a;\n".repeat(LIB_LINES + 1)).len(), 1);
        assert_eq!(check_file("a/mod.rs", &"mod a;\n".repeat(MOD_LINES + 1)).len(), 1);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(check_file("a/src/utils.rs", "").len(), 1);
        assert_eq!(check_file("a/src/common/mod.rs", "").len(), 1);
        assert!(check_file("a/src/uncommon.rs", "").is_empty());
    }
}
