//! Links between our documents.

use super::tree::Tree;

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let mut breaches = Vec::new();
    for (path, text) in tree.ending(".md") {
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (number, target) in targets(text) {
            if !resolves(tree, folder, target) {
                breaches.push(format!("{path}:{number}: no file is at {target}"));
            }
        }
    }
    breaches
}

/// Returns the targets of inline links and pictures, with their line numbers; code has none.
fn targets(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut code = false;
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        // Every second part lies between back quotes.
        for part in line.split('`').step_by(2) {
            for (at, _) in part.match_indices("](") {
                let rest = &part[at + 2..];
                let target = rest.split([')', ' ']).next().unwrap_or(rest);
                found.push((number + 1, target));
            }
        }
    }
    found
}

fn resolves(tree: &Tree, folder: &str, target: &str) -> bool {
    let file = target.split('#').next().unwrap_or(target);
    // Elsewhere, within the same document, or to an item of the crate whose docs include this
    // document.
    if file.is_empty() || target.contains(':') {
        return true;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in file.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.pop().is_none() => return false,
            ".." => {}
            part => parts.push(part),
        }
    }
    tree.has(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_file_that_is_not_there_is_found() {
        let text = "[a](docs/a.md#b) ![p](docs/p.png)\n[gone](docs/gone.md) `[code](x)`\n```\n[code](y)\n```\n[out](../../x)";
        let tree = Tree::of(&[
            ("README.md", text),
            ("docs/a.md", "[up](../README.md) [web](https://x) [i](crate::X)"),
            ("docs/p.png", ""),
        ]);
        assert_eq!(
            check(&tree),
            ["README.md:2: no file is at docs/gone.md", "README.md:6: no file is at ../../x"]
        );
    }
}
