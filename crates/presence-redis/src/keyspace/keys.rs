//! Every key and channel name of the layout.
//!
//! ```text
//! <prefix>:<id>                string, the id itself; lives for the TTL and the grace time after each heartbeat
//! __keyevent@<db>__:set        an id came, or two processes brought it online at once; payload: the key
//! __keyevent@<db>__:expired    an id fell silent
//! __keyevent@<db>__:del        somebody said that an id is offline; the Go package does not listen to it
//! __keyevent@<db>__:evicted    Redis needed the memory
//! ```

use presence_core::Id;

/// What the keys of one prefix are called.
#[derive(Debug)]
pub(super) struct Keys {
    /// With its colon.
    prefix: String,
}

/// What a notification says about an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyEvent {
    /// A key was written that was not there, or not to the one who wrote it.
    Set,
    Expired,
    Deleted,
    Evicted,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: format!("{prefix}:") }
    }

    pub(super) fn key(&self, id: &Id) -> String {
        format!("{}{id}", self.prefix)
    }

    /// Returns the key of nobody: no id is empty.
    pub(super) fn nobody(&self) -> String {
        self.prefix.clone()
    }

    /// Returns whose key it is; `None` for the keys of others, which may be shorter than the
    /// prefix, or no text.
    pub(super) fn id(&self, key: &[u8]) -> Option<Id> {
        let id = key.strip_prefix(self.prefix.as_bytes())?;
        Id::new(std::str::from_utf8(id).ok()?).ok()
    }

    /// Returns the pattern that our keys match, whatever characters the prefix has.
    pub(super) fn pattern(&self) -> String {
        let mut pattern = String::with_capacity(self.prefix.len() + 1);
        for char in self.prefix.chars() {
            if matches!(char, '*' | '?' | '[' | ']' | '\\') {
                pattern.push('\\');
            }
            pattern.push(char);
        }
        pattern.push('*');
        pattern
    }
}

impl KeyEvent {
    /// In the order in which they are subscribed to; the ancestor's two come first.
    pub(super) const ALL: [Self; 4] = [Self::Set, Self::Expired, Self::Deleted, Self::Evicted];

    pub(super) fn channel(self, database: i64) -> String {
        format!("__keyevent@{database}__:{}", self.name())
    }

    /// Returns what a channel tells; all that are subscribed to are of one database.
    pub(super) fn of(channel: &str) -> Option<Self> {
        let (_, name) = channel.rsplit_once(':')?;
        Self::ALL.into_iter().find(|sign| sign.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Expired => "expired",
            Self::Deleted => "del",
            Self::Evicted => "evicted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(keys: &Keys, key: &str) -> Option<String> {
        keys.id(key.as_bytes()).map(|id| id.to_string())
    }

    #[test]
    fn keys_of_others_are_nobody() {
        let keys = Keys::new("presence");
        assert_eq!(id(&keys, "presence:alice").as_deref(), Some("alice"));
        assert_eq!(id(&keys, "presence:a:b").as_deref(), Some("a:b"));
        // Shorter than the prefix, as long as it, one longer, and of other applications.
        for key in
            ["p", "", "presence", "presence:", "presences:alice", "otherapp:session:42", "presence_alice"]
        {
            assert_eq!(id(&keys, key), None, "{key}");
        }
        assert_eq!(keys.id(b"presence:\xff"), None);
        assert_eq!(id(&keys, "presence:a\nb"), None);
        assert_eq!(id(&keys, &format!("presence:{}", "x".repeat(513))), None);
    }

    #[test]
    fn pattern_matches_the_prefix_and_nothing_else() {
        assert_eq!(Keys::new("presence").pattern(), "presence:*");
        assert_eq!(Keys::new(r"a*b?[c]\").pattern(), r"a\*b\?\[c\]\\:*");
    }

    #[test]
    fn channels_are_told_apart() {
        for sign in KeyEvent::ALL {
            assert_eq!(KeyEvent::of(&sign.channel(10)), Some(sign));
        }
        assert_eq!(KeyEvent::Set.channel(10), "__keyevent@10__:set");
        assert_eq!(KeyEvent::of("__keyevent@10__:hset"), None);
    }
}
