//! What is known of damage in a store that is open.

use std::path::{Path, PathBuf};
use std::time::Instant;

use parking_lot::Mutex;

use crate::Error;

/// What is known of damage.
#[derive(Debug)]
pub(super) struct Damage {
    pub(super) directory: PathBuf,
    pub(super) known: Mutex<DamageState>,
}

/// How far the search for it is.
#[derive(Debug, Default)]
pub(super) enum DamageState {
    #[default]
    Nothing,
    /// The tables are being read.
    Sought,
    /// All were whole at that time.
    Whole(Instant),
    Found(Error),
}

impl Damage {
    pub(super) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned(), known: Mutex::default() }
    }
}
