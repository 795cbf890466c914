//! Documents that were not inserted because their id is taken.

use mongodb::error::{Error, ErrorKind, Result};

/// The server's code for a key that a unique index has already.
const DUPLICATE: i32 = 11_000;

/// Returns which documents of an unordered insert have an id that is taken; anything else that went
/// wrong is an error.
pub(super) fn taken<T>(inserted: Result<T>) -> Result<Vec<usize>> {
    let Err(error) = inserted else { return Ok(Vec::new()) };
    let ErrorKind::InsertMany(many) = &*error.kind else { return Err(error) };
    if many.write_concern_error.is_some() {
        return Err(error);
    }
    let errors = many.write_errors.as_deref().unwrap_or_default();
    if errors.is_empty() || errors.iter().any(|error| error.code != DUPLICATE) {
        return Err(error);
    }
    Ok(errors.iter().map(|error| error.index).collect())
}

/// Says whether an upsert met another one of the same document.
pub(super) fn is_duplicate(error: &Error) -> bool {
    use mongodb::error::WriteFailure::WriteError;
    match &*error.kind {
        ErrorKind::Command(error) => error.code == DUPLICATE,
        ErrorKind::Write(WriteError(error)) => error.code == DUPLICATE,
        _ => false,
    }
}
