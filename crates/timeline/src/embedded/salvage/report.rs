//! What a salvage found.

use std::fmt;
use std::path::{Path, PathBuf};

/// What was salvaged, and what was not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// The new directory.
    pub directory: PathBuf,
    /// Its generation; readers of the old store start over.
    pub generation: u64,
    /// How many inboxes and histories were found.
    pub boxes: u64,
    /// How many entries were read.
    pub entries: u64,
    /// How many entries were lost where a tombstone keeps the place.
    ///
    /// These are places in the middle or at the end of a box.
    pub tombstones: u64,
    /// How many boxes lost entries at their beginning, and begin later now.
    pub shortened: u64,
    /// How many messages were found only as they were before a change.
    ///
    /// They were edited, taken back or deleted since, so their texts are left out.
    pub outdated: u64,
    /// How many messages come before a place that is lost in their history.
    ///
    /// A change of one of them may have been there, and be lost with it. If so, and if nothing else
    /// was left of the change, the message is as it was before.
    pub doubtful: u64,
    /// How many groups were read, each with its members.
    pub groups: u64,
    /// How many groups were lost; their histories are not.
    pub groups_lost: u64,
    /// Places that could not be read, the first hundred.
    pub problems: Vec<String>,
    /// How many places could not be read.
    pub problem_count: u64,
}

/// How many problems are told one by one.
const PROBLEMS_MAX: usize = 100;

impl Salvaged {
    /// Returns whether everything was read, as far as anybody can know.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let lost = self.tombstones + self.outdated + self.shortened + self.groups_lost;
        self.problem_count == 0 && lost == 0
    }

    /// Returns whether there was something, and none of it could be read.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        !self.is_whole() && self.entries == 0 && self.boxes == 0 && self.groups == 0
    }

    pub(super) fn problem(&mut self, path: &Path, problem: impl fmt::Display) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(format!("{}: {problem}", path.display()));
        }
    }
}

impl fmt::Display for Salvaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} entries in {} inboxes and histories and {} groups were read into {}; {} lost entries are marked \
             by tombstones, {} inboxes or histories begin later than before, {} groups are lost; {} texts were left \
             out that were changed or deleted later, {} may have been; {} places could not be read",
            self.entries,
            self.boxes,
            self.groups,
            self.directory.display(),
            self.tombstones,
            self.shortened,
            self.groups_lost,
            self.outdated,
            self.doubtful,
            self.problem_count
        )
    }
}
