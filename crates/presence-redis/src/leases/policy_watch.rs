//! What servers do when their memory is full.
//!
//! They are asked now and then, and a change is logged.

use std::collections::HashSet;
use std::fmt;

use parking_lot::Mutex;

use super::scripts::ServerPolicy;
use crate::policy::{self, EvictableKeys};

/// When a writer asks the server of its shard.
#[derive(Debug, Default)]
pub(super) struct PolicyWatch {
    /// Counts the renewals since the server was asked.
    unasked: u32,
}

impl PolicyWatch {
    /// Says whether the next renewal asks the server: the first one, and then now and then.
    pub(super) fn asks(&mut self) -> bool {
        self.unasked = (self.unasked + 1) % ASKED_EVERY;
        self.unasked == 1
    }
}

/// The servers whose policy was found to do harm, and was warned of, each by its run id. Several
/// shards may lie on one.
#[derive(Debug, Default)]
pub(super) struct PolicyWarnings(Mutex<HashSet<String>>);

impl PolicyWarnings {
    /// Says once what about the policy of a server will do harm, and once that it is over; returns
    /// whether there was something to say.
    pub(super) fn note(
        &self,
        shard: usize,
        server: impl fmt::Display,
        ServerPolicy { run, policy }: &ServerPolicy,
    ) -> bool {
        let mut warned = self.0.lock();
        match policy::harm(policy, EvictableKeys::AllButMail) {
            Some(harm) if warned.insert(run.clone()) => tracing::warn!(shard, %server, "{harm}"),
            None if warned.remove(run) => {
                tracing::info!(
                    shard,
                    %server,
                    policy,
                    "redis no longer removes keys of presence when its memory is full"
                );
            }
            _ => return false,
        }
        true
    }
}

/// At every which renewal the server is asked for its policy: every 2 s.
const ASKED_EVERY: u32 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_warned_of_once_whichever_of_its_shards_finds_out() {
        let warnings = PolicyWarnings::default();
        let note = |shard, run: &str, policy: &str| {
            let policy = ServerPolicy { run: run.to_owned(), policy: policy.to_owned() };
            warnings.note(shard, "10.0.0.7:6379", &policy)
        };
        assert!(!note(0, "a", "noeviction"));
        assert!(note(1, "a", "allkeys-lru") && !note(0, "a", "allkeys-lru") && !note(2, "a", "allkeys-lfu"));
        assert!(note(3, "b", "allkeys-lru"));
        assert!(note(0, "a", "noeviction") && !note(1, "a", "noeviction"));
        assert!(note(2, "a", "allkeys-lru"));
    }
}
