//! The transactions of the Go package.
//!
//! ```text
//! heartbeat   MULTI  EXPIRE key T …     EXEC    1: refreshed, 0: absent
//! arrival     MULTI  SETEX key T id …   EXEC    for the absent ones alone
//! departure   MULTI  EXPIRE key 0 …     EXEC    1: it was online; deletes the key at once
//! status      MULTI  EXISTS key …       EXEC
//! ```
//!
//! `T` is in seconds. Where it is no whole number of them, which the ancestor cut off, it is in
//! milliseconds, with `PEXPIRE` and `PSETEX`. `PTTL` is ours alone, for `last_seen`. Where Redis
//! refuses a transaction whole, as it does when it is out of memory, the same commands go without
//! `MULTI` and `EXEC`.

use std::time::Duration;

use presence_core::Id;
use redis::{Cmd, Pipeline};

use super::keys::Keys;

/// Makes the commands for keys of one prefix and one TTL.
#[derive(Debug)]
pub(super) struct Transactions {
    pub(super) keys: Keys,
    key_ttl: KeyTtl,
}

/// How long a key lives, in the largest unit that it is a whole number of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyTtl {
    Seconds(u64),
    Millis(u128),
}

impl Transactions {
    pub(super) fn new(prefix: &str, key_ttl: Duration) -> Self {
        let key_ttl = if key_ttl.subsec_nanos() == 0 {
            KeyTtl::Seconds(key_ttl.as_secs())
        } else {
            KeyTtl::Millis(key_ttl.as_millis())
        };
        Self { keys: Keys::new(prefix), key_ttl }
    }

    pub(super) fn refresh(&self, ids: &[Id]) -> Pipeline {
        transaction(ids, |id| match self.key_ttl {
            KeyTtl::Seconds(seconds) => self.command("EXPIRE", id).arg(seconds).take(),
            KeyTtl::Millis(millis) => self.command("PEXPIRE", id).arg(millis.to_string()).take(),
        })
    }

    pub(super) fn create(&self, ids: &[Id]) -> Pipeline {
        transaction(ids, |id| match self.key_ttl {
            KeyTtl::Seconds(seconds) => self.command("SETEX", id).arg(seconds).arg(id.as_str()).take(),
            KeyTtl::Millis(millis) => {
                self.command("PSETEX", id).arg(millis.to_string()).arg(id.as_str()).take()
            }
        })
    }

    pub(super) fn end(&self, ids: &[Id]) -> Pipeline {
        transaction(ids, |id| self.command("EXPIRE", id).arg(0).take())
    }

    pub(super) fn exist(&self, ids: &[Id]) -> Pipeline {
        transaction(ids, |id| self.command("EXISTS", id))
    }

    pub(super) fn remaining(&self, ids: &[Id]) -> Pipeline {
        transaction(ids, |id| self.command("PTTL", id))
    }

    fn command(&self, name: &str, id: &Id) -> Cmd {
        let key = self.keys.key(id);
        // The command is allocated once at its full size, as a batch has thousands of them.
        let mut command = Cmd::with_capacity(3, name.len() + 2 * key.len() + TTL_BYTES);
        command.arg(name).arg(key);
        command
    }
}

fn transaction(ids: &[Id], command: impl Fn(&Id) -> Cmd) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(ids.len());
    // Each command has an answer of its own: one id that fails is no failure of the others.
    pipeline.atomic().ignore_errors();
    for id in ids {
        pipeline.add_command(command(id));
    }
    pipeline
}

/// What a TTL takes at most as text.
const TTL_BYTES: usize = 20;
