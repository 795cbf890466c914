//! The scripts as Redis knows them, and how one is called.

use std::sync::LazyLock;
use std::time::Duration;

use presence_core::Error;
use redis::{Cmd, Value};

use crate::connection::{Link, answer_code};

/// A script with the name that Redis remembers it by.
pub(super) struct Script {
    source: LazyLock<String>,
    sha: LazyLock<String>,
}

impl Script {
    pub(super) async fn call(
        &self,
        link: &Link,
        keys: &[&str],
        arguments: impl FnOnce(&mut Cmd),
    ) -> Result<Value, Error> {
        let mut command = redis::cmd("EVALSHA");
        command.arg(&*self.sha).arg(keys.len()).arg(keys);
        arguments(&mut command);
        let key = keys.first().copied().unwrap_or_default();
        match link.query(key, &command).await {
            // A server that was started again, or took the place of another, does not know the
            // script.
            Err(error) if answer_code(&error) == Some("NOSCRIPT") => {
                link.query(key, &self.whole(&command)).await
            }
            answer => answer,
        }
    }

    /// The same command with the script itself, which Redis remembers from then on.
    fn whole(&self, command: &Cmd) -> Cmd {
        let mut whole = redis::cmd("EVAL");
        whole.arg(&*self.source);
        // The first two are `EVALSHA` and the hash.
        for argument in command.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = argument {
                whole.arg(bytes);
            }
        }
        whole
    }
}

/// A time as scripts take it.
pub(super) fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

macro_rules! script {
    ($name:ident, $file:literal $(, with $($journal:literal)+)? $(, flags $flags:literal)?) => {
        pub(super) static $name: Script = Script {
            source: LazyLock::new(|| source(
                include_str!(concat!("scripts/", $file)),
                concat!($($(include_str!(concat!("scripts/journals/", $journal))),+)?),
                concat!($($flags)?),
            )),
            sha: LazyLock::new(|| redis::Script::new(&$name.source).get_hash().to_owned()),
        };
    };
}

script!(ENTER, "enter.lua", with "doubt.lua");
script!(SETTLE, "settle.lua");
script!(LEAVE, "leave.lua");
script!(RENEW, "renew.lua", with "doubt.lua");
script!(RENEW_ANYWAY, "renew.lua", with "doubt.lua", flags " flags=allow-oom");
script!(WRITE, "write.lua", with "ids.lua");
script!(WRITE_ANYWAY, "write.lua", with "ids.lua", flags " flags=allow-oom");
script!(REAP, "reap.lua", with "doubt.lua" "ids.lua");
script!(LOOK, "look.lua", with "doubt.lua");
script!(STATUS, "status.lua", with "doubt.lua");
script!(WRITE_SEATS, "write.lua", with "rooms.lua");
script!(WRITE_SEATS_ANYWAY, "write.lua", with "rooms.lua", flags " flags=allow-oom");
script!(REAP_SEATS, "reap.lua", with "doubt.lua" "rooms.lua");
script!(ROOM, "room.lua", with "doubt.lua");

/// A script with more flags in its first line, and a journal after it.
fn source(script: &str, journal: &str, flags: &str) -> String {
    let (first, rest) = script.split_once('\n').unwrap_or((script, ""));
    format!("{first}{flags}\n{journal}{rest}")
}
