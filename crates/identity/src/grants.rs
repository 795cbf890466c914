//! Channel patterns as people and tokens write them, for any user.

use channel_rights::{Right, Rights};
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};

/// What stands for the user's own id.
const USER: &str = "{user}";

/// Twice the id, of which nobody sees where the one ends.
const USER_TWICE: &str = "{user}{user}";

/// What is wrong with a right that has such a pattern.
const OPEN_ID: &str = "has a pattern with {user} directly before an asterisk or another {user}, which would \
                       also be a channel of users whose ids begin with that id; put a character between that \
                       ids do not have, as in {user}:*";

/// Channel patterns for each right, before it is known whose they are.
///
/// | pattern | channels |
/// |---|---|
/// | `news` | the one of that name |
/// | `room:*` | those whose name begins with `room:` |
/// | `inbox:{user}` | the one with the user's own id in that place |
/// | `*` | all |
///
/// An asterisk stands at the end alone. An id is put in as it is: an asterisk in it means itself.
///
/// # Where an id ends
///
/// The character behind `{user}` ends the id, so that `{user}:*` of `bob` is no channel of `bobby`.
/// For a user whose id has that character itself, the pattern is left out: `{user}:*` gives nothing
/// to `a:b`, since their `a:b:1` would also be a channel of the user `a`. Choose a character that
/// your ids do not have. `{user}*` and `{user}{user}` end no id: they are refused, and left out of
/// the claims of a token. Patterns are looked at one by one: begin those for different things
/// differently, since `{user}:*` of a user `room` is all that begins with `room:`.
///
/// ```
/// use identity::{Grants, Right};
///
/// let grants = Grants::default().bind(["news", "inbox:{user}"]).write(["room:*"]);
/// let rights = grants.rights_of("bob")?;
/// assert!(rights.permits(Right::Bind, "inbox:bob") && !rights.permits(Right::Bind, "inbox:alice"));
/// assert!(rights.permits(Right::Write, "room:7") && !rights.permits(Right::Write, "news"));
/// # Ok::<(), identity::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[must_use]
pub struct Grants {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bind: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    write: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    publish: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    history: Vec<String>,
}

impl Grants {
    /// How many patterns one right may have.
    pub const PATTERNS_MAX: usize = 64;

    /// How many bytes the patterns of one right may have with the ids put in.
    pub const BYTES_MAX: usize = 8 * 1024;

    /// Adds channels that the user may become a member of.
    pub fn bind<P: Into<String>>(self, patterns: impl IntoIterator<Item = P>) -> Self {
        Self { bind: more(self.bind, patterns), ..self }
    }

    /// Adds channels that the user may write to over a connection.
    pub fn write<P: Into<String>>(self, patterns: impl IntoIterator<Item = P>) -> Self {
        Self { write: more(self.write, patterns), ..self }
    }

    /// Adds channels that the user may publish to without being a member.
    pub fn publish<P: Into<String>>(self, patterns: impl IntoIterator<Item = P>) -> Self {
        Self { publish: more(self.publish, patterns), ..self }
    }

    /// Adds channels whose past the user may read.
    pub fn history<P: Into<String>>(self, patterns: impl IntoIterator<Item = P>) -> Self {
        Self { history: more(self.history, patterns), ..self }
    }

    /// Returns whether there is no pattern.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        [&self.bind, &self.write, &self.publish, &self.history].iter().all(|list| list.is_empty())
    }

    /// Tells whether a pattern has the id of the user in it, so that the rights differ.
    pub(crate) fn names_user(&self) -> bool {
        let lists = [&self.bind, &self.write, &self.publish, &self.history];
        lists.into_iter().flatten().any(|pattern| pattern.contains(USER))
    }

    /// Returns what a user with this id may do.
    ///
    /// Without patterns in which nobody sees where the id ends, see [above](Self#where-an-id-ends).
    ///
    /// # Errors
    ///
    /// [`Invalid`](ErrorKind::Invalid) if a pattern is empty, has an asterisk before its end, or
    /// has `{user}` directly before an asterisk or another `{user}`; or if a right has more than
    /// [`PATTERNS_MAX`](Self::PATTERNS_MAX) patterns, or more than
    /// [`BYTES_MAX`](Self::BYTES_MAX) bytes of them.
    pub fn rights_of(&self, user: &str) -> Result<Rights, Error> {
        for (_, name, list) in self.lists() {
            if list.iter().any(|pattern| has_open_id(pattern)) {
                return Err(Error::new(ErrorKind::Invalid, format!("the right {name} {OPEN_ID}")));
            }
        }
        self.claimed_by(user)
    }

    /// The rights of a token. It was made elsewhere, and what it has besides counts: so a pattern
    /// that is refused in a configuration is left out.
    pub(crate) fn claimed_by(&self, user: &str) -> Result<Rights, Error> {
        let mut rights = Rights::default();
        for (right, name, list) in self.lists() {
            rights = permit(rights, right, list, user)
                .map_err(|text| Error::new(ErrorKind::Invalid, format!("the right {name} {text}")))?;
        }
        rights.shrink_to_fit();
        Ok(rights)
    }

    fn lists(&self) -> [(Right, &'static str, &[String]); 4] {
        [
            (Right::Bind, "bind", &self.bind),
            (Right::Write, "write", &self.write),
            (Right::Publish, "publish", &self.publish),
            (Right::History, "history", &self.history),
        ]
    }
}

/// Says whether something may follow an id that belongs to a longer id as well.
fn has_open_id(pattern: &str) -> bool {
    pattern.contains(USER_TWICE) || pattern.strip_suffix('*').is_some_and(|stem| stem.ends_with(USER))
}

/// Says whether an id itself has a character that ends it in a pattern.
fn has_end_of_id_within(stem: &str, user: &str) -> bool {
    let mut ends = stem.split(USER).skip(1).filter_map(|after| after.chars().next());
    ends.any(|end| user.contains(end))
}

fn more<P: Into<String>>(mut list: Vec<String>, patterns: impl IntoIterator<Item = P>) -> Vec<String> {
    list.extend(patterns.into_iter().map(Into::into));
    list
}

/// Adds what the patterns of one right permit a user; else says what is wrong with that right.
fn permit(mut rights: Rights, right: Right, list: &[String], user: &str) -> Result<Rights, String> {
    if list.len() > Grants::PATTERNS_MAX {
        let (most, count) = (Grants::PATTERNS_MAX, list.len());
        return Err(format!("has {count} patterns; at most {most} are allowed"));
    }
    let mut bytes = 0;
    for pattern in list {
        let (stem, is_prefix) = match pattern.strip_suffix('*') {
            Some(stem) => (stem, true),
            None => (pattern.as_str(), false),
        };
        if pattern.is_empty() || stem.contains('*') {
            let rule = "it is a name, or the beginning of names with an asterisk at its end";
            return Err(format!("has a pattern that cannot be: {rule}"));
        }
        // Counted before anything is put in: a short pattern may name the user a thousand times.
        let count = stem.matches(USER).count();
        bytes += stem.len() - count * USER.len() + count * user.len();
        if bytes > Grants::BYTES_MAX {
            return Err(format!("has patterns of more than {} bytes", Grants::BYTES_MAX));
        }
        if has_open_id(pattern) || has_end_of_id_within(stem, user) {
            continue;
        }
        let text = stem.replace(USER, user);
        rights = if is_prefix { rights.prefix(right, &text) } else { rights.channel(right, &text) };
    }
    Ok(rights)
}
