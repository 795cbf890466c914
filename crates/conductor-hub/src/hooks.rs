//! What a program adds to a hub.

use std::fmt;
use std::sync::Arc;

use crate::{Auth, Handler, Lifecycle, Storage};

/// The hooks of a hub; each is `()`, the default of its trait, unless it is set.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hooks {
    /// Decides who may connect, bind and write.
    pub auth: Arc<dyn Auth>,
    /// Hears of connections.
    pub lifecycle: Arc<dyn Lifecycle>,
    /// Answers Server messages.
    pub handler: Arc<dyn Handler>,
    /// Keeps the last messages of each channel.
    pub storage: Arc<dyn Storage>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { auth: Arc::new(()), lifecycle: Arc::new(()), handler: Arc::new(()), storage: Arc::new(()) }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}
