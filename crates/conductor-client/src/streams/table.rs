//! Which streams of others are open, and whose a piece is.
//!
//! This module is pure. The protocol has no sign that says which stream a piece belongs to. Clients
//! of this crate give all messages of a stream one uuid, which does. The original's client gives
//! each a uuid of its own: then a piece belongs to the only stream of its channel that is not of
//! the first kind. Where there are several of those, nobody can tell, and all of them fail.

use std::collections::BTreeMap;

/// The open streams of one connection, each with who takes its pieces.
#[derive(Debug)]
pub(super) struct StreamTable<T> {
    channels: BTreeMap<String, Vec<Open<T>>>,
    len: usize,
    max: usize,
}

#[derive(Debug)]
struct Open<T> {
    uuid: String,
    /// Whether its pieces have the uuid of its start; unknown before the first.
    is_named: Option<bool>,
    takers: T,
}

/// Whose a piece is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whose<P, T> {
    One(P),
    /// It is of a stream that began before we listened, or that failed.
    Nobody,
    /// Nobody can tell; these are open no more.
    Several(Vec<T>),
}

impl<T> StreamTable<T> {
    pub(super) fn new(max: usize) -> Self {
        Self { channels: BTreeMap::new(), len: 0, max }
    }

    /// Opens a stream; `Err` if there are as many as may be.
    pub(super) fn start(&mut self, channel: &str, uuid: &str, takers: T) -> Result<(), T> {
        if self.len >= self.max {
            return Err(takers);
        }
        self.len += 1;
        let open = Open { uuid: uuid.to_owned(), is_named: None, takers };
        self.channels.entry(channel.to_owned()).or_default().push(open);
        Ok(())
    }

    /// Returns who takes a piece.
    pub(super) fn piece(&mut self, channel: &str, uuid: &str) -> Whose<&T, T> {
        match self.find(channel, uuid) {
            Whose::One(at) => match self.channels.get(channel).and_then(|open| open.get(at)) {
                Some(open) => Whose::One(&open.takers),
                None => Whose::Nobody,
            },
            Whose::Nobody => Whose::Nobody,
            Whose::Several(all) => Whose::Several(all),
        }
    }

    /// Ends the stream that an end is of, and returns who took its pieces.
    pub(super) fn end(&mut self, channel: &str, uuid: &str) -> Whose<T, T> {
        match self.find(channel, uuid) {
            Whose::One(at) => match self.channels.get_mut(channel) {
                Some(open) => {
                    let ended = open.remove(at);
                    self.len -= 1;
                    self.forget_if_empty(channel);
                    Whose::One(ended.takers)
                }
                None => Whose::Nobody,
            },
            Whose::Nobody => Whose::Nobody,
            Whose::Several(all) => Whose::Several(all),
        }
    }

    /// Ends them all.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> {
        self.len = 0;
        std::mem::take(&mut self.channels).into_values().flatten().map(|open| open.takers)
    }

    /// Finds the stream of a piece or an end, and notes how its pieces are named.
    fn find(&mut self, channel: &str, uuid: &str) -> Whose<usize, T> {
        let Some(open) = self.channels.get_mut(channel) else { return Whose::Nobody };
        let indices = |is_it: &dyn Fn(&Open<T>) -> bool| -> Vec<usize> {
            open.iter().enumerate().filter(|(_, open)| is_it(open)).map(|(at, _)| at).collect()
        };
        let named = indices(&|open| open.uuid == uuid);
        let is_named = !named.is_empty();
        let found = if is_named { named } else { indices(&|open| open.is_named != Some(true)) };
        match found[..] {
            [] => Whose::Nobody,
            [at] => {
                open[at].is_named = Some(is_named);
                Whose::One(at)
            }
            _ => {
                // From behind, so that the indices before it stay.
                let all = found.iter().rev().map(|at| open.remove(*at).takers).collect();
                self.len -= found.len();
                self.forget_if_empty(channel);
                Whose::Several(all)
            }
        }
    }

    fn forget_if_empty(&mut self, channel: &str) {
        if self.channels.get(channel).is_some_and(Vec::is_empty) {
            self.channels.remove(channel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_give_one_uuid_to_all_their_messages_are_told_apart() {
        let mut table = StreamTable::new(10);
        table.start("f", "a", 'a').expect("there is room");
        table.start("f", "b", 'b').expect("there is room");
        assert_eq!(table.piece("f", "b"), Whose::One(&'b'));
        assert_eq!(table.piece("f", "a"), Whose::One(&'a'));
        assert_eq!(table.end("f", "a"), Whose::One('a'));
        assert_eq!(table.piece("f", "a"), Whose::Nobody, "a is over, and b has named its pieces");
        assert_eq!(table.end("f", "b"), Whose::One('b'));
        assert_eq!(table.len, 0);
        assert!(table.channels.is_empty());
    }

    #[test]
    fn pieces_with_uuids_of_their_own_go_to_the_only_stream_that_may_be_theirs() {
        let mut table = StreamTable::new(10);
        table.start("f", "a", 'a').expect("there is room");
        table.start("f", "b", 'b').expect("there is room");
        table.start("g", "c", 'c').expect("there is room");
        assert_eq!(table.piece("f", "b"), Whose::One(&'b'));
        assert_eq!(table.piece("f", "1"), Whose::One(&'a'));
        assert_eq!(table.end("f", "2"), Whose::One('a'));
        assert_eq!(table.end("f", "b"), Whose::One('b'));
        assert_eq!(table.piece("f", "3"), Whose::Nobody);
    }

    #[test]
    fn streams_that_nobody_can_tell_apart_fail_together() {
        let mut table = StreamTable::new(10);
        for uuid in ["a", "b"] {
            table.start("f", uuid, uuid).expect("there is room");
        }
        assert_eq!(table.piece("f", "1"), Whose::Several(vec!["b", "a"]));
        assert_eq!(table.piece("f", "2"), Whose::Nobody);
    }

    #[test]
    fn one_too_many_is_left_out() {
        let mut table = StreamTable::new(1);
        assert_eq!(table.start("f", "a", 'a'), Ok(()));
        assert_eq!(table.start("g", "b", 'b'), Err('b'));
        assert_eq!(table.drain().collect::<String>(), "a");
        assert_eq!(table.start("g", "b", 'b'), Ok(()));
    }
}
