//! That comments are short enough to be read beside the code.

use super::tree::Tree;

/// How wide a line with nothing but a comment is at most, in columns.
const COLUMNS: usize = 100;

/// How long the first sentence of a documentation is at most, in characters.
const FIRST: usize = 80;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending(".rs").filter(|(path, _)| !path.contains("/generated/")) {
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        let is_published = path.starts_with("crates/") && path.contains("/src/");
        let is_published = is_published && !path.starts_with("crates/test-support/");
        let mut figure = false;
        for (at, (line, comment)) in text.lines().zip(&lines).enumerate() {
            let number = at + 1;
            if comment.starts_with("//") && comment.trim_start_matches(['/', '!', ' ']).starts_with("```") {
                figure = !figure;
            }
            let is_wide = comment.starts_with("//") && line.chars().count() > COLUMNS;
            if is_wide && !figure && !is_table_or_link(comment) {
                breaches.push(format!("{path}:{number}: a comment is wider than {COLUMNS} columns"));
            }
            let begins = comment.starts_with("///") && (at == 0 || !lines[at - 1].starts_with("///"));
            if is_published && begins && is_public(&lines[at..]) && !is_sentence(comment) {
                let breach = format!("a public doc begins with one sentence of at most {FIRST} characters");
                breaches.push(format!("{path}:{number}: {breach}"));
            }
        }
    }
    breaches
}

/// Says whether the item after a documentation is public.
fn is_public(lines: &[&str]) -> bool {
    let mut item = lines.iter().skip_while(|line| line.starts_with("///") || line.starts_with("#["));
    item.next().is_some_and(|item| item.starts_with("pub "))
}

/// Says whether the first line of a documentation is one sentence that is short enough.
fn is_sentence(comment: &str) -> bool {
    let text = comment.trim_start_matches('/').trim();
    text.is_empty() || text.chars().count() <= FIRST && text.ends_with(['.', ':', '?'])
}

/// What cannot be broken into lines.
fn is_table_or_link(comment: &str) -> bool {
    let text = comment.trim_start_matches(['/', '!']).trim_start();
    text.starts_with('|') || text.contains("://") || !text.contains(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_comments_and_long_first_lines_are_found() {
        let long = "word ".repeat(24);
        let (wide, open) = (format!("{}.", &long[..85]), &long[..20]);
        let text = format!(
            "//! Short.\n//!\n// {long}\n/// {wide}\n#[must_use]\npub fn a() {{}}\n\n/// {wide}\nfn b() {{}}\n\n/// {open}\n/// on.\npub fn c() {{}}\n"
        );
        let tree = Tree::of(&[("crates/a/src/lib.rs", &text)]);
        assert_eq!(
            check(&tree),
            [
                "crates/a/src/lib.rs:3: a comment is wider than 100 columns",
                "crates/a/src/lib.rs:4: a public doc begins with one sentence of at most 80 characters",
                "crates/a/src/lib.rs:11: a public doc begins with one sentence of at most 80 characters",
            ]
        );
    }
}
