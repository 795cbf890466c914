//! Names that no other test uses.

use std::process;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// Returns `name` made unique on this machine: a prefix for keys, a database, a channel.
///
/// A server from the environment is shared with other tests, other processes and other days; the
/// name holds the process id, a count, and bits that are random for each process.
pub fn unique(name: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let random = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), count);
    format!("{name}-{}-{count}-{:08x}", process::id(), random >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_names_are_alike() {
        assert_ne!(unique("presence"), unique("presence"));
        assert!(unique("presence").starts_with("presence-"));
    }
}
