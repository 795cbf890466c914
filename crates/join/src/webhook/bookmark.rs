//! How far the receiver has heard, kept in a file over restarts.

use std::error::Error as StdError;
use std::path::PathBuf;
use std::{fs, io};

use presence_core::Position;

use crate::{Error, ErrorKind};

/// How far a receiver has heard: one file with the text of a position.
///
/// A [`Webhook`](super::Webhook) reads and writes it; others may look, or copy the file.
#[derive(Debug, Clone)]
pub struct Bookmark {
    path: PathBuf,
}

impl Bookmark {
    /// Creates the bookmark in a file, which need not exist yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the stored position; `None` before the first one.
    ///
    /// It reads the file and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the file cannot be read, or holds something else.
    pub fn read(&self) -> Result<Option<Position>, Error> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                text.trim().parse().map(Some).map_err(|error| self.wrong("does not hold a position", error))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.wrong("cannot be read", error)),
        }
    }

    fn wrong(&self, what: &str, error: impl StdError + Send + Sync + 'static) -> Error {
        Error::with_source(ErrorKind::Config, format!("{} {what}", self.path.display()), error)
    }

    /// Stores a position aside and renames the file, so that a crash leaves the old or the new one.
    /// A power cut may lose the last moves: then the receiver hears those events again.
    pub(super) async fn set(&self, position: &Position) -> io::Result<()> {
        let aside = self.path.with_extension("new");
        tokio::fs::write(&aside, position.to_string()).await?;
        tokio::fs::rename(&aside, &self.path).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_position_is_found_again_and_nonsense_is_no_position() {
        let directory = tempfile::tempdir().unwrap();
        let bookmark = Bookmark::new(directory.path().join("webhook"));
        assert_eq!(bookmark.read().unwrap(), None);
        let position = Position::sharded(7, &[1, 2, 3]).unwrap();
        bookmark.set(&position).await.unwrap();
        assert_eq!(bookmark.read().unwrap(), Some(position));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        fs::write(directory.path().join("webhook"), "").unwrap();
        let nonsense = bookmark.read().unwrap_err().to_string();
        assert!(nonsense.ends_with("webhook does not hold a position"), "{nonsense}");
        // A folder stands for all that cannot be read.
        let unread = Bookmark::new(directory.path()).read().unwrap_err();
        assert!(unread.to_string().ends_with(" cannot be read"), "{unread}");
        assert!(format!("{unread:#}").len() > unread.to_string().len(), "the cause is not lost");
    }
}
