//! What lies in shards: ids, or seats in rooms.
//!
//! The machinery around it is the same.

use std::borrow::Cow;
use std::fmt;
use std::hash::Hash;

use presence_core::tracker::Name;
use redis::Cmd;

use super::config::Config;
use super::script::Script;

/// A set of shards of its own, for names of one type.
pub(super) trait Space: Copy + fmt::Debug + Send + Sync + 'static {
    /// What is held.
    type Name: Name + Hash;
    /// What a name shows to the others.
    type Payload: Clone + Default + fmt::Debug + Send + Sync;
    /// What is shown by those who are held here.
    type Payloads: Payloads<Self::Name, Self::Payload>;
    /// What streams live on.
    type Tail: fmt::Debug + Send + Sync;

    /// Names the space in letters and in logs.
    const KIND: &'static str;
    /// What comes behind the number of a shard in its keys.
    const TAG: &'static str;
    /// The key of what is remembered of those who went.
    const PAST: &'static str;
    /// How many lines the text of a name has.
    const LINES: usize;

    /// The part of a name that chooses the shard.
    fn home(name: &Self::Name) -> &[u8];

    /// The name as it is written in Redis: one text, without a control character but line feeds.
    fn text(name: &Self::Name) -> Cow<'_, str>;

    fn read(text: &str) -> Option<Self::Name>;

    /// The scripts with the journal of the space in them.
    fn scripts() -> SpaceScripts;

    /// What the journal is told about how much to keep.
    fn bounds(config: &Config) -> (usize, usize);

    /// Adds what is shown to a step; what is `said_again` is not news.
    fn add_shown(command: &mut Cmd, shown: Option<&Self::Payload>, said_again: bool);
}

/// The scripts of a space.
#[derive(Clone, Copy)]
pub(super) struct SpaceScripts {
    /// Writes steps.
    pub(super) write: &'static Script,
    /// The same, also if Redis is out of memory.
    pub(super) write_anyway: &'static Script,
    /// Lets go of what the dead held.
    pub(super) reap: &'static Script,
}

/// Remembers what names show, for as long as they are held here.
pub(super) trait Payloads<N, P>: Default + fmt::Debug + Send + Sync {
    fn show(&self, name: &N, shown: &P);

    fn hide(&self, name: &N);

    fn shown(&self, name: &N) -> P;
}
