//! The look whether the indexes are still there, which each node takes.

use crate::distributed::shared::Shared;
use crate::distributed::{indexes, opening};
use crate::{ErrorKind, Result};

/// Looks whether the indexes of the store are there, and makes them again if somebody dropped them.
///
/// Until they are, this node takes no further sends, and what it has under way is not acknowledged.
/// The log is told once, when they are back. Until then the state says why.
///
/// # Errors
///
/// As what could not be done.
pub(super) async fn guard(shared: &Shared) -> Result<()> {
    let (database, safety) = (&shared.database, shared.database.safety());
    let generation = opening::noted_generation(database).await?;
    let are_there = indexes::are_there(database).await.inspect_err(|error| {
        if error.kind() == ErrorKind::Config {
            safety.lose(&error.to_string());
        }
    })?;
    if are_there && generation.is_some() && generation == shared.generation() {
        safety.restore();
        return Ok(());
    }
    safety.doubt(indexes::MISSING);
    let generation = opening::prepare(database).await.inspect_err(|error| {
        safety.lose(&format!("{}, and cannot be made again: {error}", indexes::MISSING));
    })?;
    let is_other = shared.open_as(generation);
    safety.restore();
    let lost = if is_other { "; the store is another one from now on, and what it had is lost" } else { "" };
    tracing::warn!("{}; they are there again{lost}", indexes::MISSING);
    Ok(())
}
