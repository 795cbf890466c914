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
        let (mut figure, mut parts) = (false, Parts::default());
        for (at, (line, comment)) in text.lines().zip(&lines).enumerate() {
            let number = at + 1;
            // The line is taken first: a line that ends an enum is not inside of it.
            parts.pass(line);
            if comment.starts_with("//") && comment.trim_start_matches(['/', '!', ' ']).starts_with("```") {
                figure = !figure;
            }
            let is_wide = comment.starts_with("//") && line.chars().count() > COLUMNS;
            if is_wide && !figure && !is_one_piece(comment) {
                breaches.push(format!("{path}:{number}: a comment is wider than {COLUMNS} columns"));
            }
            let begins_file = at == 0 && comment.starts_with("//!");
            let begins = comment.starts_with("///") && (at == 0 || !lines[at - 1].starts_with("///"));
            let is_seen = begins_file || begins && (parts.are_public() || is_public(&lines[at..]));
            if is_published && is_seen && !is_sentence(comment) {
                let breach = format!("a public doc begins with one sentence of at most {FIRST} characters");
                breaches.push(format!("{path}:{number}: {breach}"));
            }
        }
    }
    breaches
}

/// Where in a file a line stands: in a public enum or trait all parts are public, and none says so.
#[derive(Debug, Default)]
struct Parts {
    inside: bool,
}

impl Parts {
    /// Takes the next line of the file.
    fn pass(&mut self, line: &str) {
        if line == "}" {
            self.inside = false;
        } else if line.starts_with("pub enum ") || line.starts_with("pub trait ") {
            self.inside = !line.ends_with('}') && !line.ends_with(';');
        }
    }

    fn are_public(&self) -> bool {
        self.inside
    }
}

/// Says whether the item after a documentation is public.
fn is_public(lines: &[&str]) -> bool {
    let mut lines = lines.iter().skip_while(|line| line.starts_with("///"));
    let (mut item, mut is_exported) = (lines.next(), false);
    // An attribute may go over several lines.
    while let Some(attribute) = item.filter(|line| line.starts_with("#[")) {
        is_exported |= attribute.starts_with("#[macro_export");
        if !attribute.ends_with(']') {
            lines.find(|line| line.ends_with(")]"));
        }
        item = lines.next();
    }
    item.is_some_and(|item| item.starts_with("pub ")) || is_exported
}

/// Says whether the first line of a documentation is one sentence that is short enough.
fn is_sentence(comment: &str) -> bool {
    let text = comment.trim_start_matches(['/', '!']).trim();
    text.is_empty() || text.chars().count() <= FIRST && text.ends_with(['.', ':', '?'])
}

/// What cannot be broken into lines: a row of a table, or one word, such as an address.
fn is_one_piece(comment: &str) -> bool {
    let text = comment.trim_start_matches(['/', '!']).trim_start();
    text.starts_with('|') || !text.contains(' ')
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

    /// Returns the lines whose documentation does not begin with a short sentence.
    fn not_short(text: &str) -> Vec<String> {
        let breaches = check(&Tree::of(&[("crates/a/src/b.rs", text)]));
        breaches.iter().filter_map(|breach| Some(breach.split(':').nth(1)?.to_owned())).collect()
    }

    #[test]
    fn long_first_lines_of_modules_variants_methods_of_traits_and_macros_are_found() {
        assert_eq!(not_short("//! No sentence\n\nstruct A;\n"), ["1"]);
        assert_eq!(
            not_short(
                "pub enum A {\n    /// No sentence\n    B,\n}\n\n/// No sentence\nenum C {\n    /// No\n    D,\n}\n"
            ),
            ["2"]
        );
        assert_eq!(
            not_short(
                "pub trait A: B {\n    /// No sentence\n    fn a();\n}\n\nimpl A for B {\n    /// No\n    fn a() {}\n}\n"
            ),
            ["2"]
        );
        assert_eq!(not_short("/// No sentence\n#[macro_export]\nmacro_rules! a {}\n"), ["1"]);
        assert_eq!(
            not_short("/// No sentence\n#[allow(\n    b,\n    reason = \"c\"\n)]\npub mod a;\n"),
            ["1"]
        );
    }

    #[test]
    fn only_an_address_of_its_own_line_may_be_too_wide() {
        let address = format!("<https://example.com/{}>", "path/".repeat(20));
        let check = |comment: &str| check(&Tree::of(&[("a/b.rs", comment)])).len();
        assert_eq!(check(&format!("// Source:\n// {address}\n")), 0);
        assert_eq!(check(&format!("// Source: {address}\n")), 1);
        assert_eq!(check(&format!("// | a | {address} |\n")), 0);
    }
}
