//! Those who listen in a game, what they wish, and what they have heard.

use std::collections::BTreeSet;

use mpx::{ChannelSubscription, ErrorKind, Events, PatternSubscription};

use crate::listener::{Hears, Listener};
use crate::published::Published;

pub(crate) struct Subscribers {
    all: Vec<Subscriber>,
    pub(crate) published: Published,
    /// All that was heard.
    pub(crate) trace: Vec<String>,
}

pub(crate) struct Subscriber {
    handle: Handle,
    pub(crate) wishes: BTreeSet<String>,
    pub(crate) listener: Listener,
}

enum Handle {
    Channels(ChannelSubscription),
    Pattern(PatternSubscription),
}

impl Subscribers {
    pub(crate) fn new(channels: &[String]) -> Self {
        Self { all: Vec::new(), published: Published::new(channels), trace: Vec::new() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Subscriber> {
        self.all.iter()
    }

    pub(crate) fn open_pattern(&mut self, (handle, events): (PatternSubscription, Events), pattern: &str) {
        let (handle, listener) = (Handle::Pattern(handle), Listener::new(events, Hears::Pattern));
        self.all.push(Subscriber { handle, wishes: BTreeSet::from([pattern.to_owned()]), listener });
    }

    pub(crate) fn open(&mut self, (handle, events): (ChannelSubscription, Events), hears: Hears) {
        let (handle, listener) = (Handle::Channels(handle), Listener::new(events, hears));
        self.all.push(Subscriber { handle, wishes: BTreeSet::new(), listener });
    }

    /// Somebody wishes something else; says whether there was somebody.
    pub(crate) fn change(&mut self, random: &mut fastrand::Rng, names: Vec<String>) -> bool {
        let what = random.u8(..10);
        let Some(it) = random.choice(&mut self.all) else { return false };
        let Handle::Channels(handle) = &it.handle else { return true };
        it.listener.read(&self.published, &mut self.trace);
        if what < 3 {
            handle.add(&names).unwrap();
            assert!(names.iter().all(|name| handle.contains(name)));
            it.wishes.extend(names);
            return true;
        }
        for name in names {
            match what {
                3..6 => {
                    handle.add(&name).unwrap();
                    it.wishes.insert(name);
                }
                6..9 => {
                    assert_eq!(handle.remove(&name), usize::from(it.wishes.remove(&name)));
                    it.listener.touch(&name);
                }
                _ => {
                    handle.clear();
                    it.wishes.iter().for_each(|name| it.listener.touch(name));
                    it.wishes.clear();
                }
            }
        }
        true
    }

    /// Nobody wishes a name any more.
    pub(crate) fn forget(&mut self, name: &str) {
        for it in &mut self.all {
            it.wishes.remove(name);
            it.listener.touch(name);
            if let Handle::Channels(handle) = &it.handle {
                handle.remove(name);
            }
        }
    }

    /// Somebody closes a subscription.
    pub(crate) fn close(&mut self, random: &mut fastrand::Rng) {
        if self.all.is_empty() {
            return;
        }
        let mut it = self.all.swap_remove(random.usize(..self.all.len()));
        match &it.handle {
            Handle::Channels(handle) => {
                handle.close();
                assert_eq!(handle.add("a0").unwrap_err().kind(), ErrorKind::Closed);
            }
            Handle::Pattern(handle) => handle.close(),
        }
        assert!(it.listener.read(&self.published, &mut self.trace), "its stream goes on");
    }

    /// They lose everything, and are not told.
    pub(crate) fn touch_all(&mut self) {
        self.read();
        for it in &mut self.all {
            it.wishes.iter().for_each(|name| it.listener.touch(name));
        }
    }

    /// All read what there is.
    pub(crate) fn read(&mut self) {
        for it in &mut self.all {
            assert!(!it.listener.read(&self.published, &mut self.trace), "its stream has ended");
        }
    }

    /// All read what there is, after which nothing comes.
    pub(crate) fn read_to_end(&mut self) {
        for it in &mut self.all {
            assert!(it.listener.read(&self.published, &mut self.trace), "a stream goes on");
        }
    }

    /// Whoever wishes a name that `hears` the channel has heard this message last.
    pub(crate) fn check_heard(&self, channel: &str, number: u64, hears: impl Fn(&Subscriber, &str) -> bool) {
        for it in &self.all {
            for name in it.wishes.iter().filter(|name| hears(it, name)) {
                assert_eq!(
                    it.listener.next(name, channel),
                    Some(number + 1),
                    "{name} did not hear {channel}"
                );
            }
        }
    }
}
