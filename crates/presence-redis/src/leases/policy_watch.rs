//! What a server does when its memory is full: asked now and then, and told when it changes.

use crate::policy::{self, EvictableKeys};

/// Of one server, watched by one writer for all.
#[derive(Debug, Default)]
pub(super) struct PolicyWatch {
    /// Counts the renewals since the server was asked.
    unasked: u32,
    /// Whether its policy was found to do harm.
    warned: bool,
}

impl PolicyWatch {
    /// Says whether the next renewal asks the server: the first one, and then now and then.
    pub(super) fn asks(&mut self) -> bool {
        self.unasked = (self.unasked + 1) % ASKED_EVERY;
        self.unasked == 1
    }

    /// Says once what about a policy will do harm, and once that it is over.
    pub(super) fn note(&mut self, shard: usize, policy: &str) {
        let harmful = policy::harm(policy, EvictableKeys::AllButMail);
        if harmful.is_some() == self.warned {
            return;
        }
        self.warned = harmful.is_some();
        match harmful {
            Some(harm) => tracing::warn!(shard, "{harm}"),
            None => {
                tracing::info!(
                    shard,
                    policy,
                    "redis no longer removes keys of presence when its memory is full"
                );
            }
        }
    }
}

/// At every which renewal the server is asked for its policy: every 2 s.
const ASKED_EVERY: u32 = 5;
