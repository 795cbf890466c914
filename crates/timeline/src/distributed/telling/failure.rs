//! Why nobody could be reached.

use std::error::Error as StdError;

/// Why nobody could be reached, for a line of the log.
pub(super) type Failure = Box<dyn StdError + Send + Sync>;
