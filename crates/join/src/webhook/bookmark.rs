//! How far the receiver has heard, kept in the data directory over restarts.

use std::path::PathBuf;
use std::{fs, io};

use anyhow::Context as _;
use tidings::presence::Position;

/// One file with the text of a position.
#[derive(Debug)]
pub(crate) struct Bookmark {
    path: PathBuf,
}

impl Bookmark {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Returns the stored position; `None` before the first one.
    pub(crate) fn read(&self) -> anyhow::Result<Option<Position>> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| self.path.display().to_string()),
        };
        let position = text.trim().parse().with_context(|| self.path.display().to_string())?;
        Ok(Some(position))
    }

    /// Stores a position aside and renames the file, so that a crash leaves the old or the new one.
    /// A power cut may lose the last moves: then the receiver hears those events again.
    pub(crate) async fn set(&self, position: &Position) -> io::Result<()> {
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
        assert!(bookmark.read().is_err());
    }
}
