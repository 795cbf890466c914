//! What the engine's errors say, in words.
//!
//! Its own texts are those of a debugger, such as `FjallError: Storage(ChecksumMismatch { … })`,
//! and these go to clients, to readiness checks and into the log.

use std::{error, fmt};

use fjall::LsmError;

/// An error of the engine that says in words what it is.
#[derive(Debug)]
pub(super) struct EngineError(fjall::Error);

impl EngineError {
    pub(super) fn new(error: fjall::Error) -> Self {
        Self(error)
    }

    /// Whether the system did not read or write what it was asked to: that may pass.
    pub(super) fn is_io(&self) -> bool {
        matches!(self.0, fjall::Error::Io(_) | fjall::Error::Storage(LsmError::Io(_)))
    }
}

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(&self.0))
    }
}

impl error::Error for EngineError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // Its own words are those of the system's error, if there is one.
        match &self.0 {
            fjall::Error::Io(error) | fjall::Error::Storage(LsmError::Io(error)) => {
                error::Error::source(error)
            }
            _ => None,
        }
    }
}

/// Says what an error of the engine is.
pub(super) fn in_words(error: &fjall::Error) -> String {
    let words = match error {
        fjall::Error::Io(error) => return error.to_string(),
        fjall::Error::Storage(error) => return tree_in_words(error),
        fjall::Error::Poisoned => "the engine failed to move its journal into tables",
        fjall::Error::Locked => "another process has its files open",
        fjall::Error::InvalidVersion(_) => "its files are of another version of the engine",
        fjall::Error::Unrecoverable => "a file that the engine needs is missing or damaged",
        fjall::Error::JournalRecovery(_) | fjall::Error::InvalidTrailer | fjall::Error::InvalidTag(_) => {
            "a journal cannot be read"
        }
        _ => "the engine failed",
    };
    words.to_owned()
}

/// Says what an error of one of the engine's trees is.
pub(super) fn tree_in_words(error: &LsmError) -> String {
    let words = match error {
        LsmError::Io(error) => return error.to_string(),
        LsmError::ChecksumMismatch { .. } => "what is in a file has the wrong checksum",
        LsmError::InvalidVersion(_) => "a file is of another version of the engine",
        LsmError::Unrecoverable => "a file that the engine needs is missing or damaged",
        LsmError::InvalidTag(_) | LsmError::InvalidTrailer | LsmError::InvalidHeader(_) => {
            "a block of a file cannot be read"
        }
        _ => "a file cannot be read",
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn no_error_is_told_in_the_words_of_a_debugger() {
        let errors = [
            fjall::Error::Io(io::ErrorKind::StorageFull.into()),
            fjall::Error::Storage(LsmError::Io(io::ErrorKind::StorageFull.into())),
            fjall::Error::Storage(LsmError::Unrecoverable),
            fjall::Error::Storage(LsmError::InvalidHeader("Block")),
            fjall::Error::Storage(LsmError::InvalidTag(("BlockType", 7))),
            fjall::Error::Storage(LsmError::InvalidTrailer),
            fjall::Error::Poisoned,
            fjall::Error::Locked,
            fjall::Error::Unrecoverable,
            fjall::Error::InvalidTrailer,
            fjall::Error::InvalidTag(("Tag", 7)),
            fjall::Error::KeyspaceDeleted,
        ];
        for error in errors.map(EngineError::new) {
            let text = error.to_string();
            assert!(!text.contains("Error") && !text.contains(['(', '{']), "{text}");
            assert!(error::Error::source(&error).is_none(), "{text}: it is said already");
        }
    }
}
