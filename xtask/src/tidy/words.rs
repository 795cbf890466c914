//! Words that must not be committed.

use super::tree::Tree;

/// Left out of every check of words: made by programs.
const GENERATED: &[&str] = &["Cargo.lock"];

pub(super) fn check(tree: &Tree) -> Vec<String> {
    let files = tree.all().filter(|(path, _)| !GENERATED.contains(path));
    files.flat_map(|(path, text)| check_text(path, text)).collect()
}

fn check_text(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut breach = |number: usize, what: String| breaches.push(format!("{path}:{}: {what}", number + 1));
    // In pieces, so that this file does not contain what it looks for.
    let (later, ignore, macro_) = (["TO", "DO"].concat(), ["#[", "ignore"].concat(), ["to", "do!("].concat());
    for (number, line) in text.lines().enumerate() {
        if words(line, &later).any(|rest| !has_number(rest)) {
            breach(number, format!("{later} needs the number of an issue, like {later}(#12)"));
        }
        if path.ends_with(".rs") && line.trim_start().starts_with(&ignore) {
            breach(number, "an ignored test never runs; let it run or remove it".to_owned());
        }
        if path.ends_with(".rs") && line.contains(&macro_) {
            breach(number, format!("{macro_}…) was left behind; remove it"));
        }
        for folder in ["work", "root", "home"] {
            if names_folder(line, folder) {
                breach(number, format!("/{folder}/ is a path on one machine; write it without"));
            }
        }
        for host in hosts() {
            if line.contains(&host) {
                breach(number, "the line names the host of a package registry; remove it".to_owned());
            }
        }
    }
    breaches
}

/// Returns what follows each occurrence of a whole word.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    let letter =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
    line.match_indices(word)
        .filter(move |(at, _)| {
            !letter(line[..*at].chars().next_back()) && !letter(line[at + word.len()..].chars().next())
        })
        .map(move |(at, _)| &line[at + word.len()..])
}

fn has_number(rest: &str) -> bool {
    rest.strip_prefix("(#").is_some_and(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
}

/// Says whether a line has an absolute path below a top folder: nothing of a path comes before it.
fn names_folder(line: &str, folder: &str) -> bool {
    let path = format!("/{folder}/");
    line.match_indices(&path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        // A path goes on into more than a bracket or a quote.
        let after = line[at + path.len()..].chars().next();
        let starts = before.is_none_or(|letter| !(letter.is_alphanumeric() || "._-/*})>]$".contains(letter)));
        starts && after.is_some_and(|letter| letter.is_alphanumeric() || letter == '.')
    })
}

fn hosts() -> impl Iterator<Item = String> {
    let names: [&[&str]; 5] = [
        &["index.crates", "io"],
        &["static.crates", "io"],
        &["pythonhosted", "org"],
        &["deb.debian", "org"],
        &["registry.npmjs", "org"],
    ];
    names.into_iter().map(|parts| parts.join(".")).chain([["pypi", "org"].join(".")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_for_later_has_a_number() {
        let later = ["TO", "DO"].concat();
        assert_eq!(check_text("a.rs", &format!("// {later} tidy up")).len(), 1);
        assert_eq!(check_text("a.md", &format!("{later}: x, {later}(me)")).len(), 1);
        assert!(check_text("a.rs", &format!("// {later}(#12) tidy up; x{later}S")).is_empty());
    }

    #[test]
    fn what_is_left_behind_is_found() {
        assert_eq!(check_text("a.rs", &["    #[", "ignore]"].concat()).len(), 1);
        assert_eq!(check_text("a.rs", &["to", "do!()"].concat()).len(), 1);
        assert!(check_text("a.md", &["to", "do!()"].concat()).is_empty());
    }

    #[test]
    fn paths_of_a_machine_and_hosts_of_registries_are_found() {
        for path in ["work", "root", "home"].map(|folder| format!("see /{folder}/x.md")) {
            assert_eq!(check_text("a.md", &path).len(), 1, "{path}");
        }
        for fine in ["docs/work/x", "https://host/root/x", "a `/home/` folder", "$d/root/x"] {
            assert!(check_text("a.md", fine).is_empty(), "{fine}");
        }
        assert_eq!(check_text("a.md", &["https://pypi", ".org/simple"].concat()).len(), 1);
    }
}
