//! What is wrong with a configuration, one line for each thing.

use std::fmt;

/// Everything that is wrong, each on a line of its own.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    lines: Vec<String>,
}

impl Problems {
    pub(super) fn one(line: impl Into<String>) -> Self {
        Self { lines: vec![line.into()] }
    }

    pub(super) fn push(&mut self, line: String) {
        self.lines.push(line);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.lines.join("\n"))
    }
}

impl std::error::Error for Problems {}
