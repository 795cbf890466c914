//! The command line of `tidings token`.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::{Arg, ArgMatches};
use tidings::identity::{self, Grants, Identity, Scope, Scopes};

use super::{duration, near, rights};

const KEY: &str = "key";
const USER: &str = "user";
const TTL: &str = "ttl";
const SCOPE: &str = "scope";
const RIGHTS: &str = "rights";
const JTI: &str = "jti";
const AUDIENCE: &str = "audience";
const ISSUER: &str = "issuer";
const KID: &str = "kid";

/// A token ends with a second. One that is valid for longer than this the server refuses.
const TTL_BOUNDS: (Duration, Duration) = (Duration::from_secs(1), identity::Config::LIFETIME_MAX_DEFAULT);

/// The token that is to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenWish {
    /// The file with the key that signs.
    pub(crate) key: PathBuf,
    pub(crate) user: String,
    pub(crate) ttl: Duration,
    pub(crate) scopes: Scopes,
    pub(crate) grants: Grants,
    pub(crate) jti: Option<String>,
    /// For whom it is; `None` for the audience that the server's settings name.
    pub(crate) audience: Option<String>,
    /// From whom it is; `None` for the issuer that the server's settings name.
    pub(crate) issuer: Option<String>,
    pub(crate) kid: Option<String>,
}

impl TokenWish {
    /// Reads the flags, or says in one line what is wrong with them.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let (Some(key), Some(user)) = (matches.get_one::<PathBuf>(KEY).cloned(), text(USER)) else {
            return Err(
                "token needs the file of a key and the id of a user: tidings token --key FILE --user ID"
                    .to_owned(),
            );
        };
        let jti = text(JTI);
        check_names(Some(&user), jti.as_deref(), JTI)?;
        Ok(Self {
            key,
            user,
            ttl: ttl(&text(TTL).unwrap_or_default())?,
            scopes: scopes(&text(SCOPE).unwrap_or_default())?,
            grants: grants(&text(RIGHTS).unwrap_or_default())?,
            jti,
            audience: text(AUDIENCE),
            issuer: text(ISSUER),
            kid: text(KID),
        })
    }
}

/// Checks a user's id and a token's name, which the flag `name` has.
pub(super) fn check_names(user: Option<&str>, jti: Option<&str>, name: &str) -> Result<(), String> {
    let identity = Identity::new(user.unwrap_or("somebody"), SystemTime::UNIX_EPOCH);
    let identity = identity.map_err(|error| format!("--{USER}: {error}"))?;
    match jti {
        Some(jti) => identity.with_jti(jti).map(drop).map_err(|error| format!("--{name}: {error}")),
        None => Ok(()),
    }
}

fn ttl(text: &str) -> Result<Duration, String> {
    let (least, most) = TTL_BOUNDS;
    duration::parse(text).filter(|ttl| (least..=most).contains(ttl)).ok_or_else(|| {
        format!(
            "--{TTL}: {text:?} is not a duration from {} to {}; give a whole number with s, m or h, like 1h",
            duration::show(least),
            duration::show(most)
        )
    })
}

fn scopes(text: &str) -> Result<Scopes, String> {
    let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
    words.map(scope).collect()
}

fn scope(word: &str) -> Result<Scope, String> {
    let names = || Scope::ALL.iter().map(|scope| scope.name());
    Scope::ALL.iter().copied().find(|scope| scope.name() == word).ok_or_else(|| {
        let meant = near::nearest(word, names()).map(|near| format!("; did you mean {near}?"));
        let known: Vec<&str> = names().collect();
        format!(
            "--{SCOPE}: {word:?} is not a scope; give some of {}, separated by commas{}",
            known.join(", "),
            meant.unwrap_or_default()
        )
    })
}

fn grants(text: &str) -> Result<Grants, String> {
    rights::grants(text).map_err(|wrong| format!("--{RIGHTS}: {text:?} {wrong}"))
}

pub(super) fn command() -> clap::Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    clap::Command::new("token")
        .about("Make a token, and print it alone on one line")
        .arg(
            flag(KEY, "FILE", "The key that signs: the PEM of a private key, or a secret for HS256")
                .value_parser(clap::value_parser!(PathBuf)),
        )
        .arg(flag(USER, "ID", "Whose token it is, 1 to 512 bytes"))
        .arg(flag(TTL, "DURATION", "How long it is valid (1s to 24h)").default_value("1h"))
        .arg(flag(
            SCOPE,
            "SCOPES",
            "Parts of the server that it opens to a service, separated by commas: presence, rooms, timelines, \
             api, admin",
        ))
        .arg(flag(
            RIGHTS,
            "RIGHTS",
            "What its user may do in channels, like bind=room:* write=notes:{user}:*; without it, what the \
             server's default-rights say",
        ))
        .arg(flag(JTI, "ID", "A name by which this one token can be revoked"))
        .arg(flag(AUDIENCE, "TEXT", "For whom it is; the setting token-audience by default"))
        .arg(flag(ISSUER, "TEXT", "From whom it is; the setting token-issuer by default"))
        .arg(flag(KID, "NAME", "The name of its key in a key set"))
        .after_help(
            "Exit codes: 0 it was printed, 1 the key cannot be used, 2 the command line or the configuration \
             is wrong",
        )
}
