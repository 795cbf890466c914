//! The command line of `tidings revoke`.

use std::time::{Duration, SystemTime};

use clap::{Arg, ArgMatches};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::token_wish::check_names;
use crate::clock;

const USER: &str = "user";
const TOKEN: &str = "token";
const ISSUED_BEFORE: &str = "issued-before";

/// How far the clock from which a time was read may be ahead of ours.
const AHEAD_MAX: Duration = Duration::from_secs(60);

/// What is to be revoked: a user, a token by its `jti`, all that was issued before a time, or what
/// of a user was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RevokeWish {
    pub(crate) user: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) issued_before: Option<SystemTime>,
}

impl RevokeWish {
    /// Reads the flags, or says in one line what is wrong with them.
    pub(super) fn read(matches: &ArgMatches) -> Result<Self, String> {
        let text = |name: &str| matches.get_one::<String>(name).cloned();
        let (user, token) = (text(USER), text(TOKEN));
        let before = text(ISSUED_BEFORE);
        let is_one_thing = match (&user, &token, &before) {
            (None, None, None) => false,
            (_, Some(_), _) => user.is_none() && before.is_none(),
            _ => true,
        };
        if !is_one_thing {
            return Err(
                "revoke needs one thing to revoke: --user ID, --token JTI, --issued-before TIME, or \
                 --user ID --issued-before TIME"
                    .to_owned(),
            );
        }
        check_names(user.as_deref(), token.as_deref(), TOKEN)?;
        let issued_before = before.map(|text| time(&text, clock::now())).transpose()?;
        Ok(Self { user, token, issued_before })
    }
}

/// Reads `now`, seconds since 1970, or a date and time. One that is yet to come would shut out
/// tokens that nobody has made, and is a slip.
fn time(text: &str, now: SystemTime) -> Result<SystemTime, String> {
    if text == "now" {
        return Ok(now);
    }
    let since = match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => date(text),
    };
    let time = since.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since));
    match time {
        Some(time) if time <= now + AHEAD_MAX => Ok(time),
        Some(_) => Err(format!("--{ISSUED_BEFORE}: {text:?} is in the future; give a time up to now")),
        None => Err(format!(
            "--{ISSUED_BEFORE}: {text:?} is not a time; give now, seconds since 1970, or a date and time like \
             2026-01-31T12:00:00Z"
        )),
    }
}

/// Reads a date and time, with its fraction: a token of that second was issued before its end.
fn date(text: &str) -> Option<Duration> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let seconds = u64::try_from(time.unix_timestamp()).ok()?;
    Some(Duration::new(seconds, time.nanosecond()))
}

pub(super) fn command() -> clap::Command {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    clap::Command::new("revoke")
        .about("End tokens before their time, on all servers that share a Redis or in this data directory")
        .arg(flag(USER, "ID", "Revoke every token of this user"))
        .arg(flag(TOKEN, "JTI", "Revoke the token of this name"))
        .arg(flag(
            ISSUED_BEFORE,
            "TIME",
            "Revoke what was issued before: now, seconds since 1970, or a date and time like \
             2026-01-31T12:00:00Z; with --user, of that user alone. Tokens say the second of their issue, so \
             the second of now is revoked whole: issue the new token a second later",
        ))
        .after_help(
            "Exit codes: 0 it is revoked: a running server has taken it, or was sent it by Redis, or no server \
             runs in the data directory and the next start reads it; 1 it is not revoked; 2 the command line or \
             the configuration is wrong; 3 it is written, or may be, but no running server is known to have it \
             (the output says what to do)",
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_time_is_now_or_seconds_or_a_date() {
        let now = at(1_800_000_000);
        assert_eq!(time("now", now).unwrap(), now);
        assert_eq!(time("1700000000", now).unwrap(), at(1_700_000_000));
        for text in ["2023-11-14T22:13:20Z", "2023-11-15T00:13:20+02:00"] {
            assert_eq!(time(text, now).unwrap(), at(1_700_000_000), "{text}");
        }
        // Of a second cut down, what was issued in it would stay good.
        let half = at(1_700_000_000) + Duration::from_millis(500);
        assert_eq!(time("2023-11-14T22:13:20.5Z", now).unwrap(), half);
    }

    #[test]
    fn what_is_no_time_or_yet_to_come_is_refused() {
        // Milliseconds, among them.
        for wrong in
            ["", "yesterday", "-1", "2023-11-14", "1700000000000", "1800000061", "2123-11-14T22:13:20Z"]
        {
            let error = time(wrong, at(1_800_000_000)).unwrap_err();
            assert!(error.starts_with("--issued-before: "), "{error}");
        }
    }
}
