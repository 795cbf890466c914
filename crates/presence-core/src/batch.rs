//! What went wrong with single ids of a call for many.

use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::name::Id;

/// The ids of a batch that failed, each with its cause; the others took effect.
///
/// Never empty. It turns into an [`Error`] with `?`, keeping itself as the source.
#[derive(Clone, PartialEq, Eq)]
pub struct BatchError<T = ()> {
    partial: T,
    /// In input order.
    failures: Vec<Failure>,
}

impl<T> BatchError<T> {
    /// Creates the error of a batch from what is known and what failed.
    ///
    /// `partial` is what there is to return for all ids of the batch. This is for backends.
    ///
    /// # Panics
    ///
    /// If `failures` is empty.
    #[must_use]
    pub fn new(partial: T, mut failures: Vec<Failure>) -> Self {
        assert!(!failures.is_empty(), "a batch without a failure is no error");
        failures.sort_by_key(|failure| failure.index);
        Self { partial, failures }
    }

    /// Says whether `id` failed.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        self.failures.iter().any(|failure| &*failure.id == id)
    }

    /// Returns how many ids of the batch failed; an id given twice counts twice.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Iterates over the failures in input order.
    pub fn iter(&self) -> std::slice::Iter<'_, Failure> {
        self.failures.iter()
    }

    /// Returns what the caller can do.
    ///
    /// A failure of the backend counts more than an invalid id.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        let mut kinds = self.failures.iter().map(|failure| failure.error.kind());
        kinds.find(|kind| *kind != ErrorKind::InvalidInput).unwrap_or(ErrorKind::InvalidInput)
    }

    /// Returns what is known, in the order and length of the input.
    ///
    /// What failed has a default value.
    pub fn partial(&self) -> &T {
        &self.partial
    }

    /// Returns what is known and the failures.
    pub fn into_parts(self) -> (T, Vec<Failure>) {
        (self.partial, self.failures)
    }
}

impl<T> BatchError<Vec<T>>
where
    T: Default + Clone,
{
    /// Creates the error of a read that failed for every id.
    ///
    /// This is for backends.
    #[must_use]
    pub fn all_unread(ids: &[Id], error: &Error) -> Self {
        Self::new(vec![T::default(); ids.len()], Failure::each(ids, error))
    }
}

impl BatchError {
    /// Creates the error of a write that failed for every id.
    ///
    /// This is for backends.
    #[must_use]
    pub fn all(ids: &[Id], error: &Error) -> Self {
        Self::new((), Failure::each(ids, error))
    }
}

impl<T> fmt::Debug for BatchError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.failures).finish()
    }
}

impl<T> fmt::Display for BatchError<T> {
    /// Names the first failures and counts the rest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.failures.len() {
            1 => f.write_str("1 id failed")?,
            count => write!(f, "{count} ids failed")?,
        }
        for (index, failure) in self.failures.iter().take(NAMED_MAX).enumerate() {
            write!(f, "{}{failure}", if index == 0 { ": " } else { ", " })?;
        }
        f.write_str(if self.failures.len() > NAMED_MAX { ", …" } else { "" })
    }
}

impl<T> std::error::Error for BatchError<T> {}

impl<T: fmt::Debug + Send + Sync + 'static> From<BatchError<T>> for Error {
    fn from(batch: BatchError<T>) -> Self {
        // The text is the batch's: whoever prints the error alone reads which ids failed and why.
        let (kind, message) = (batch.kind(), batch.to_string());
        Self::with_source(kind, message, batch)
    }
}

impl<'a, T> IntoIterator for &'a BatchError<T> {
    type Item = &'a Failure;
    type IntoIter = std::slice::Iter<'a, Failure>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// One id of a batch that failed.
#[derive(Clone)]
pub struct Failure {
    index: usize,
    id: Box<str>,
    error: Error,
}

impl Failure {
    /// Creates a failure of the `index`-th id of a batch, counted from 0.
    ///
    /// This is for backends.
    pub fn new(index: usize, id: impl Into<Box<str>>, error: Error) -> Self {
        Self { index, id: id.into(), error }
    }

    /// Returns the index in the input, counted from 0.
    #[must_use]
    pub fn index(&self) -> usize {
        self.index
    }

    /// Returns the id as it was given.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the cause.
    #[must_use]
    pub fn error(&self) -> &Error {
        &self.error
    }

    pub(crate) fn at(self, index: usize) -> Self {
        Self { index, ..self }
    }

    fn each(ids: &[Id], error: &Error) -> Vec<Self> {
        ids.iter().enumerate().map(|(index, id)| Self::new(index, id.as_str(), error.clone())).collect()
    }
}

// Two failures are the same if a caller would do the same about them.
impl PartialEq for Failure {
    fn eq(&self, other: &Self) -> bool {
        (self.index, &self.id, self.error.kind()) == (other.index, &other.id, other.error.kind())
    }
}

impl Eq for Failure {}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ({})", self.id, self.error)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How many ids the text of an error names.
const NAMED_MAX: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(index: usize, id: &str, kind: ErrorKind) -> Failure {
        Failure::new(index, id, Error::new(kind, "no"))
    }

    #[test]
    fn failures_come_in_input_order() {
        let batch = BatchError::new(
            (),
            vec![failure(4, "d", ErrorKind::InvalidInput), failure(1, "a", ErrorKind::InvalidInput)],
        );
        assert_eq!(batch.iter().map(Failure::id).collect::<Vec<_>>(), ["a", "d"]);
        assert_eq!(batch.len(), 2);
        assert!(batch.has("d") && !batch.has("b"));
        assert_eq!(batch.kind(), ErrorKind::InvalidInput);
        assert_eq!(batch.to_string(), "2 ids failed: \"a\" (no), \"d\" (no)");
        let one = BatchError::new((), vec![failure(4, "d", ErrorKind::InvalidInput)]);
        assert_eq!(one.to_string(), "1 id failed: \"d\" (no)");
    }

    #[test]
    fn trouble_with_the_backend_outweighs_a_bad_id() {
        let failures =
            vec![failure(0, "a", ErrorKind::InvalidInput), failure(1, "b", ErrorKind::Unavailable)];
        let error = Error::from(BatchError::new((), failures));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let told = "2 ids failed: \"a\" (no), \"b\" (no)";
        assert_eq!((error.to_string(), format!("{error:#}")), (told.to_owned(), told.to_owned()));
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.downcast_ref::<BatchError>().unwrap().len(), 2);
    }
}
