//! Who is online: the space of ids.

use std::borrow::Cow;

use presence_core::Id;
use redis::Cmd;

use super::tail::Tail;
use crate::leases::config::Config;
use crate::leases::script;
use crate::leases::space::{Payloads, Space, SpaceScripts};

/// Who is online.
#[derive(Debug, Clone, Copy)]
pub(in crate::leases) struct IdSpace;

impl Space for IdSpace {
    type Name = Id;
    type Payload = ();
    type Payloads = ();
    type Tail = Tail;

    const KIND: &'static str = "ids";
    const TAG: &'static str = "";
    const PAST: &'static str = "seen";
    const LINES: usize = 1;

    fn home(id: &Id) -> &[u8] {
        id.as_bytes()
    }

    fn text(id: &Id) -> Cow<'_, str> {
        id.as_str().into()
    }

    fn read(text: &str) -> Option<Id> {
        Id::new(text).ok()
    }

    fn scripts() -> SpaceScripts {
        SpaceScripts { write: &script::WRITE, write_anyway: &script::WRITE_ANYWAY, reap: &script::REAP }
    }

    fn bounds(config: &Config) -> (usize, usize) {
        // Those to remember in each of two generations.
        (config.events_max.div_ceil(config.shards), config.remembered_max.div_ceil(2 * config.shards))
    }

    fn add_shown(_command: &mut Cmd, _shown: Option<&()>, _said_again: bool) {}
}

impl<N> Payloads<N, ()> for () {
    fn show(&self, _name: &N, (): &()) {}

    fn hide(&self, _name: &N) {}

    fn shown(&self, _name: &N) {}
}
