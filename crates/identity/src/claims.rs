//! What a token claims, read in one pass and as strictly as it can be.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::grants::Grants;
use crate::scopes::Scopes;
use crate::unix::SECONDS_MAX;

/// The claims that are looked at; all others are passed over.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) user: Option<String>,
    pub(crate) expires_at: Option<u64>,
    pub(crate) not_before: Option<u64>,
    pub(crate) issued_at: Option<u64>,
    pub(crate) issuer: Option<String>,
    pub(crate) audiences: Option<Vec<String>>,
    pub(crate) jti: Option<String>,
    pub(crate) scopes: Option<Scopes>,
    pub(crate) grants: Option<Grants>,
}

/// What the claims are called that have no name by a standard.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'n> {
    pub(crate) user: &'n str,
    pub(crate) rights: &'n str,
    pub(crate) scopes: &'n str,
}

impl Names<'_> {
    /// Reads the JSON of a token's claims; anything else than an object with values that these
    /// claims can have is an error.
    pub(crate) fn read(self, json: &[u8]) -> Result<Claims, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let claims = self.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(claims)
    }
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = Claims;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Claims, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = Claims;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
        let mut claims = Claims::default();
        while let Some(Name(name)) = map.next_key()? {
            let kept: Result<(), A::Error> = match &*name {
                "exp" => once(&mut claims.expires_at, map.next_value::<Seconds>()?.0),
                "nbf" => once(&mut claims.not_before, map.next_value::<Seconds>()?.0),
                "iat" => once(&mut claims.issued_at, map.next_value::<Seconds>()?.0),
                "iss" => once(&mut claims.issuer, map.next_value()?),
                "aud" => once(&mut claims.audiences, map.next_value::<OneOrMany>()?.into_list()),
                "jti" => once(&mut claims.jti, map.next_value()?),
                name if name == self.user => once(&mut claims.user, map.next_value()?),
                name if name == self.rights => once(&mut claims.grants, map.next_value::<GrantsObject>()?.0),
                name if name == self.scopes => {
                    once(&mut claims.scopes, map.next_value::<OneOrMany>()?.into_scopes())
                }
                _ => map.next_value::<IgnoredAny>().map(drop),
            };
            kept?;
        }
        Ok(claims)
    }
}

/// Keeps a value. Of two with one name, readers of JSON take one or the other, so there may be only
/// one.
fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    if place.replace(value).is_some() { Err(E::custom("a claim is there twice")) } else { Ok(()) }
}

/// The name of a claim, which mostly lies in the token as it is.
#[derive(Deserialize)]
struct Name<'n>(#[serde(borrow)] Cow<'n, str>);

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_list(self) -> Vec<String> {
        match self {
            Self::One(text) => vec![text],
            Self::Many(texts) => texts,
        }
    }

    fn into_scopes(self) -> Scopes {
        let mut scopes = Scopes::default();
        self.into_list().iter().for_each(|words| scopes.add_words(words));
        scopes
    }
}

/// Grants by the names of their rights. To serde a list of lists would do as well, in which another
/// program may mean something else.
struct GrantsObject(Grants);

impl<'de> Deserialize<'de> for GrantsObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GrantsVisitor)
    }
}

struct GrantsVisitor;

impl<'de> Visitor<'de> for GrantsVisitor {
    type Value = GrantsObject;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of rights")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<GrantsObject, A::Error> {
        Grants::deserialize(MapAccessDeserializer::new(map)).map(GrantsObject)
    }
}

/// A time as tokens have it: a number of seconds since 1970, of which parts of a second are cut
/// off.
struct Seconds(u64);

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seconds since 1970, before the year 10000")
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<Seconds, E> {
        if seconds <= SECONDS_MAX { Ok(Seconds(seconds)) } else { Err(E::custom("a time is too late")) }
    }

    fn visit_f64<E: Error>(self, seconds: f64) -> Result<Seconds, E> {
        // The greatest that is not too late; a number that is none is in no range.
        if !(0.0..=253_402_300_799.0).contains(&seconds) {
            return Err(E::custom("a time is before 1970 or too late"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is positive and small, and what is cut off is a part of a second"
        )]
        let seconds = seconds as u64;
        Ok(Seconds(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Claims> {
        Names { user: "sub", rights: "rights", scopes: "scope" }.read(json.as_bytes()).ok()
    }

    #[test]
    fn times_are_numbers_that_can_be_times() {
        for (json, seconds) in [("7", 7), ("7.9", 7), ("0", 0), ("1e9", 1_000_000_000), ("-0.0", 0)] {
            let claims = read(&format!(r#"{{"exp":{json}}}"#)).unwrap();
            assert_eq!(claims.expires_at, Some(seconds), "{json}");
        }
        for json in
            ["\"7\"", "-1", "-0.5", "null", "true", "[7]", "1e300", "1700000000000", "18446744073709551616"]
        {
            assert!(read(&format!(r#"{{"exp":{json}}}"#)).is_none(), "{json}");
        }
    }

    #[test]
    fn claims_of_another_type_twice_or_beside_an_object_are_refused() {
        for json in [
            "",
            "[]",
            "7",
            "{} {}",
            r#"{"sub":7}"#,
            r#"{"sub":null}"#,
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"s\u0075b":"a","sub":"b"}"#,
            r#"{"aud":7}"#,
            r#"{"aud":["a",7]}"#,
            r#"{"rights":["a"]}"#,
            r#"{"rights":[["a"]]}"#,
            r#"{"rights":[]}"#,
            r#"{"rights":{"bind":["a"],"bind":["b"]}}"#,
            r#"{"rights":{"bind":"a"}}"#,
        ] {
            assert!(read(json).is_none(), "{json}");
        }
    }

    #[test]
    fn one_audience_and_many_are_read_and_strange_claims_are_passed_over() {
        let claims = read(r#"{"aud":"a","x":{"sub":[7]},"s\u0075b":"bob","scope":"api x admin"}"#).unwrap();
        assert_eq!(claims.audiences.unwrap(), ["a"]);
        assert_eq!(claims.user.as_deref(), Some("bob"));
        assert_eq!(claims.scopes.unwrap().to_string(), "api admin");
        assert_eq!(read(r#"{"aud":["a","b"]}"#).unwrap().audiences.unwrap(), ["a", "b"]);
    }
}
