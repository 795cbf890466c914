//! The part of a document that the command writes.

use std::fs;

use anyhow::{Context, Result};

use crate::binary::workspace;

/// Between these two lines a document is written by `cargo xtask peers`.
const BEGIN: &str = "<!-- written by `cargo xtask peers` -->\n";
const END: &str = "<!-- end -->\n";

/// Replaces that part of a document.
pub(super) fn write(path: &str, part: &str) -> Result<()> {
    let place = workspace().join(path);
    let text = fs::read_to_string(&place).with_context(|| path.to_owned())?;
    let text = replaced(&text, part).with_context(|| format!("{path} has no place for the figures"))?;
    fs::write(&place, text).with_context(|| path.to_owned())?;
    println!("{path} written");
    Ok(())
}

fn replaced(text: &str, part: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_old, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n{}\n\n{END}{after}", part.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("# A\n\n{BEGIN}old\n{END}\nb\n");
        let once = replaced(&text, "new\n").unwrap();
        assert_eq!(once, format!("# A\n\n{BEGIN}\nnew\n\n{END}\nb\n"));
        assert_eq!(replaced(&once, "new").unwrap(), once);
        assert_eq!(replaced("# A\n", "new"), None);
    }
}
