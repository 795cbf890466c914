//! Which election made the primary.

use mongodb::bson::oid::ObjectId;

/// Which election made the primary, as far as a link has heard.
///
/// Two that are not equal say that another member became the primary in between, or the same one
/// once more: what the one before confirmed alone may be taken back. None is known before a primary
/// was heard of, nor ever behind a mongos.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Election(pub(crate) Option<ObjectId>);
