//! Documentation as rustdoc reads it, turned into that of a page that knows no items.

/// Sets headings one level deeper, leaves out the hidden lines of examples and the links to items.
pub(super) fn for_a_page(docs: &str) -> String {
    let mut page = String::new();
    // Of the block of code that a line lies in: whether it is Rust.
    let mut code: Option<bool> = None;
    for line in docs.lines() {
        if let Some(language) = line.trim_start().strip_prefix("```") {
            code = match code {
                Some(_) => None,
                None => Some(is_rust(language)),
            };
            let is_opened_rust = code == Some(true);
            page.push_str(if is_opened_rust { "```rust" } else { line });
        } else if code == Some(true) && is_hidden(line) {
            continue;
        } else if code.is_some() {
            page.push_str(line);
        } else if line.starts_with('#') {
            page.push('#');
            page.push_str(&without_links(line));
        } else {
            page.push_str(&without_links(line));
        }
        page.push('\n');
    }
    page
}

fn is_rust(language: &str) -> bool {
    language.split(',').all(|word| {
        matches!(word, "" | "rust" | "no_run" | "should_panic" | "compile_fail")
            || word.starts_with("edition")
    })
}

fn is_hidden(line: &str) -> bool {
    let line = line.trim_start();
    line == "#" || line.starts_with("# ")
}

/// Replaces each link to an item by its text; links to the web stay.
fn without_links(line: &str) -> String {
    let (mut out, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('[') {
        out.push_str(&rest[..start]);
        rest = &rest[start..];
        let Some(end) = rest.find(']') else { break };
        let (text, after) = (&rest[1..end], &rest[end + 1..]);
        let target = after.strip_prefix('(').and_then(|inner| inner.split_once(')'));
        match target {
            Some((target, _)) if target.contains("://") => {
                let length = end + 1 + target.len() + 2;
                out.push_str(&rest[..length]);
                rest = &rest[length..];
            }
            Some((_, behind)) => {
                out.push_str(text);
                rest = behind;
            }
            None if text.starts_with('`') && text.ends_with('`') && text.len() > 2 => {
                out.push_str(text);
                rest = after;
            }
            None => {
                out.push_str(&rest[..=end]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_items_go_and_links_to_the_web_stay() {
        for (docs, page) in [
            ("a [`B`] and [`c`](B::c), [d](crate::d)", "a `B` and `c`, d"),
            ("see [RFC](https://a/b) [`x`]", "see [RFC](https://a/b) `x`"),
            ("an array `[1]` [2] and [", "an array `[1]` [2] and ["),
        ] {
            assert_eq!(without_links(docs), page);
        }
    }

    #[test]
    fn hidden_lines_of_examples_go_and_their_comments_stay() {
        let docs =
            "# A\n```no_run\n# fn main() {\nlet a = 1; // [`B`]\n#[derive(C)]\n# }\n```\n```text\n# d\n```\n";
        let page = "## A\n```rust\nlet a = 1; // [`B`]\n#[derive(C)]\n```\n```text\n# d\n```\n";
        assert_eq!(for_a_page(docs), page);
    }
}
