//! A subscription with all it was promised, checked against all it hears.

use std::collections::BTreeMap;

use futures_util::FutureExt;
use mpx::{Error, ErrorKind, Event, Events};

use crate::published::Published;

/// Reads a stream, and fails on the first thing that may not be.
pub(crate) struct Listener {
    events: Events,
    names: BTreeMap<String, Name>,
    pub(crate) losses: usize,
    pub(crate) hears: Hears,
}

/// What a subscription is to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hears {
    Channels,
    Pattern,
    /// Channels of a cluster: each has a connection with some others.
    Shards,
}

#[derive(Default)]
struct Name {
    active: bool,
    /// It was taken away since it was activated: a loss need not name it.
    touched: bool,
    /// The number that has to come next, by channel.
    next: BTreeMap<String, u64>,
    /// How many there were when it was seen to be active, by channel.
    seen: BTreeMap<String, u64>,
}

impl Listener {
    pub(crate) fn new(events: Events, hears: Hears) -> Self {
        Self { events, names: BTreeMap::new(), losses: 0, hears }
    }

    pub(crate) fn touch(&mut self, name: &str) {
        self.names.entry(name.to_owned()).or_default().touched = true;
    }

    pub(crate) fn is_active(&self, name: &str) -> bool {
        self.names.get(name).is_some_and(|name| name.active)
    }

    /// Which number has to come next.
    pub(crate) fn next(&self, name: &str, channel: &str) -> Option<u64> {
        self.names.get(name)?.next.get(channel).copied()
    }

    /// Reads all there is; says whether the stream has ended.
    pub(crate) fn read(&mut self, published: &Published, trace: &mut Vec<String>) -> bool {
        while let Some(item) = self.events.next().now_or_never() {
            let Some(item) = item else { return true };
            trace.push(format!("{item:?}"));
            match item {
                Ok(event) => self.hear(event, published),
                Err(error) => self.lag(&error),
            }
        }
        false
    }

    fn lag(&mut self, error: &Error) {
        assert_eq!(error.kind(), ErrorKind::Lagged, "{error}");
        assert!(error.missed().is_some_and(|missed| missed > 0));
        for name in self.names.values_mut() {
            name.next.clear();
            name.seen.clear();
        }
    }

    fn hear(&mut self, event: Event, published: &Published) {
        match event {
            Event::Activated { name } => {
                let name = text(&name);
                let before = self.names.get(&name);
                assert!(before.is_none_or(|it| !it.active || it.touched), "{name} was activated and active");
                let seen = published.counts();
                self.names.insert(name, Name { active: true, seen, ..Name::default() });
            }
            Event::Disconnected { names, error } => {
                self.losses += 1;
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                assert!(names.is_sorted() && !names.is_empty(), "{names:?}");
                let lost: Vec<String> = names.iter().map(|name| text(name)).collect();
                for (name, it) in &mut self.names {
                    if lost.contains(name) {
                        assert!(it.active, "{name} was lost and had not been active");
                        it.active = false;
                    } else if self.hears != Hears::Shards {
                        assert!(!it.active || it.touched, "{name} was lost, and it was not said");
                    }
                }
            }
            Event::Message(message) => self.hear_message(&text(&message.channel), &text(&message.payload)),
            Event::Refused { name, .. } => {
                assert!(self.hears != Hears::Shards, "nothing is refused there");
                assert!(!self.is_active(&text(&name)));
            }
            other => panic!("{other:?}"),
        }
    }

    fn hear_message(&mut self, channel: &str, payload: &str) {
        let number: u64 = payload.parse().unwrap();
        let is_pattern = self.hears == Hears::Pattern;
        let (name, it) = self.names.iter_mut().find(|(name, _)| is_pattern || *name == channel).unwrap();
        assert!(it.active, "{name}: message {number} came while it was not active");
        match it.next.get(channel) {
            Some(next) => {
                assert_eq!(number, *next, "{name}: messages of {channel} are missing or came twice");
            }
            // What was published after it was seen to be active may not be missed.
            None => {
                let seen = it.seen.get(channel).copied().unwrap_or(u64::MAX);
                assert!(number <= seen, "{name}: {number} is the first, and it was active before {seen}");
            }
        }
        it.next.insert(channel.to_owned(), number + 1);
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
