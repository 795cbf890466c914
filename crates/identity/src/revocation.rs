//! One revocation, and its text.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind};
use crate::identity::Identity;
use crate::unix;

/// What is no longer accepted, and until when that has to be known.
///
/// Its text is one line of JSON, by which it is kept and told to other processes:
///
/// | text | revokes |
/// |---|---|
/// | `{"user":"bob","until":1700003600}` | every token of the user |
/// | `{"jti":"a7","until":1700003600}` | the token of that name |
/// | `{"before":1700000000,"until":1700003600}` | all that was issued before |
/// | `{"user":"bob","before":1700000000,"until":1700003600}` | what of the user was issued before |
///
/// Times are seconds since 1970. A token that does not say when it was issued counts as old.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revocation {
    pub(crate) revoked: Revoked,
    pub(crate) until: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Revoked {
    User(Box<str>),
    Token(Box<str>),
    /// Of everybody.
    Before(u64),
    UserBefore(Box<str>, u64),
}

/// The fields of the text, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<Box<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    before: Option<u64>,
    until: u64,
}

impl Revocation {
    /// Returns the user whose tokens are revoked; `None` if it is not about one.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        match &self.revoked {
            Revoked::User(user) | Revoked::UserBefore(user, _) => Some(user),
            Revoked::Token(_) | Revoked::Before(_) => None,
        }
    }

    /// Returns the name of the token that is revoked; `None` if it is not about one.
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        match &self.revoked {
            Revoked::Token(jti) => Some(jti),
            _ => None,
        }
    }

    /// Returns before when revoked tokens were issued; `None` if that does not matter.
    #[must_use]
    pub fn before(&self) -> Option<SystemTime> {
        match self.revoked {
            Revoked::Before(before) | Revoked::UserBefore(_, before) => Some(unix::time(before)),
            Revoked::User(_) | Revoked::Token(_) => None,
        }
    }

    /// Returns from when on it can be forgotten.
    #[must_use]
    pub fn until(&self) -> SystemTime {
        unix::time(self.until)
    }

    fn of_fields(fields: Fields) -> Option<Self> {
        let Fields { user, jti, before, until } = fields;
        let revoked = match (user, jti, before) {
            (Some(user), None, None) => Revoked::User(user),
            (None, Some(jti), None) => Revoked::Token(jti),
            (None, None, Some(before)) => Revoked::Before(before),
            (Some(user), None, Some(before)) => Revoked::UserBefore(user, before),
            _ => return None,
        };
        let is_named = match &revoked {
            Revoked::User(user) | Revoked::UserBefore(user, _) => Identity::check_user(user).is_ok(),
            Revoked::Token(jti) => Identity::check_jti(jti).is_ok(),
            Revoked::Before(_) => true,
        };
        let is_in_time =
            until <= unix::SECONDS_MAX && before.is_none_or(|before| before <= unix::SECONDS_MAX);
        (is_named && is_in_time).then_some(Self { revoked, until })
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = Fields { user: None, jti: None, before: None, until: self.until };
        match &self.revoked {
            Revoked::User(user) => fields.user = Some(user.clone()),
            Revoked::Token(jti) => fields.jti = Some(jti.clone()),
            Revoked::Before(before) => fields.before = Some(*before),
            Revoked::UserBefore(user, before) => {
                fields.user = Some(user.clone());
                fields.before = Some(*before);
            }
        }
        f.write_str(&serde_json::to_string(&fields).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Revocation {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fields = serde_json::from_str(text).ok();
        fields
            .and_then(Self::of_fields)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "the text is not that of a revocation"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_read_as_it_was_written() {
        for text in [
            r#"{"user":"bob","until":17}"#,
            r#"{"jti":"a\"7","until":17}"#,
            r#"{"before":7,"until":17}"#,
            r#"{"user":"bob","before":7,"until":17}"#,
        ] {
            assert_eq!(text.parse::<Revocation>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = format!(r#"{{"user":"{}","until":17}}"#, "x".repeat(513));
        for text in [
            "",
            "{}",
            r#"{"until":17}"#,
            r#"{"user":"bob"}"#,
            r#"{"user":"","until":17}"#,
            r#"{"user":"a\nb","until":17}"#,
            r#"{"user":"bob","jti":"a","until":17}"#,
            r#"{"user":"bob","until":-1}"#,
            r#"{"user":"bob","until":253402300800}"#,
            r#"{"user":"bob","more":1,"until":17}"#,
            &long,
        ] {
            assert!(text.parse::<Revocation>().is_err(), "{text}");
        }
    }
}
