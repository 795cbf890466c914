//! The parts of documents that commands write.
//!
//! ```text
//! <!-- written by `cargo xtask peers` -->
//! …
//! <!-- end -->
//! ```

use std::fs;

use anyhow::{Context, Result};

use crate::binary::workspace;

const END: &str = "<!-- end -->\n";

/// Replaces the part of a document that a command writes.
pub(crate) fn write(path: &str, command: &str, part: &str) -> Result<()> {
    let place = workspace().join(path);
    let text = fs::read_to_string(&place).with_context(|| path.to_owned())?;
    let text = replaced(&text, command, part)
        .with_context(|| format!("{path} has no place for what `{command}` writes"))?;
    fs::write(&place, text).with_context(|| path.to_owned())?;
    println!("{path} written");
    Ok(())
}

fn replaced(text: &str, command: &str, part: &str) -> Option<String> {
    let begin = format!("<!-- written by `{command}` -->\n");
    let (before, rest) = text.split_once(&begin)?;
    let (_old, after) = rest.split_once(END)?;
    Some(format!("{before}{begin}\n{}\n\n{END}{after}", part.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_of_the_command_is_replaced() {
        let others = "<!-- written by `a b` -->\nkept\n<!-- end -->\n";
        let begin = "<!-- written by `a` -->\n";
        let text = format!("# A\n\n{others}{begin}old\n{END}\nb\n");
        let once = replaced(&text, "a", "new\n").unwrap();
        assert_eq!(once, format!("# A\n\n{others}{begin}\nnew\n\n{END}\nb\n"));
        assert_eq!(replaced(&once, "a", "new").unwrap(), once);
        assert_eq!(replaced(&text, "c", "new"), None);
    }

    #[test]
    fn pages_have_a_place_for_what_is_written_to_them() {
        for (path, command) in [
            ("README.md", "cargo xtask peers"),
            ("docs/figures.md", "cargo xtask peers"),
            ("docs/figures.md", "cargo xtask budget hub"),
        ] {
            let text = fs::read_to_string(workspace().join(path)).unwrap();
            assert!(replaced(&text, command, "new").is_some(), "{path}: {command}");
        }
    }
}
