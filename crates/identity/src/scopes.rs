//! What a service may do beyond channels.

use std::fmt;

/// A part of a server that a token opens to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// Writing who is online.
    Presence,
    /// Writing who is in which room.
    Rooms,
    /// Reading and sending messages of anybody.
    Timelines,
    /// Calling the interface for other servers.
    Api,
    /// Revoking, and what else operators do.
    Admin,
}

impl Scope {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Presence, Self::Rooms, Self::Timelines, Self::Api, Self::Admin];

    /// Returns the word that a token has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Presence => "presence",
            Self::Rooms => "rooms",
            Self::Timelines => "timelines",
            Self::Api => "api",
            Self::Admin => "admin",
        }
    }

    const fn bit(self) -> u8 {
        1_u8 << self as u8
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of scopes.
///
/// ```
/// use identity::{Scope, Scopes};
///
/// let scopes: Scopes = [Scope::Api, Scope::Rooms].into_iter().collect();
/// assert!(scopes.contains(Scope::Api) && !scopes.contains(Scope::Admin));
/// assert_eq!(scopes.to_string(), "rooms api");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Scopes(u8);

impl Scopes {
    /// Adds those that words name; other words are of other programs.
    pub(crate) fn add_words(&mut self, words: &str) {
        for word in words.split_ascii_whitespace() {
            self.extend(Scope::ALL.iter().copied().find(|scope| scope.name() == word));
        }
    }

    /// Returns whether the set has this one.
    #[must_use]
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// Returns whether the set has none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns those that the set has.
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.iter().copied().filter(move |scope| self.contains(*scope))
    }
}

impl Extend<Scope> for Scopes {
    fn extend<I: IntoIterator<Item = Scope>>(&mut self, scopes: I) {
        for scope in scopes {
            self.0 |= scope.bit();
        }
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut set = Self::default();
        set.extend(scopes);
        set
    }
}

impl fmt::Display for Scopes {
    /// Writes the words that a token has for them, with spaces between.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, scope) in self.iter().enumerate() {
            f.write_str(if number > 0 { " " } else { "" })?;
            f.write_str(scope.name())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
