//! Which Redis a layout needs, and whether the one at hand is that.

use presence_core::{Error, ErrorKind};
use redis::Value;

use crate::connection::{Link, answer_code};

/// The first version of Redis with all that a layout needs, and why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needed {
    version: (u16, u16),
    why: &'static str,
}

/// What the scripts of the leases layout need.
pub(crate) const LEASES: Needed =
    Needed { version: (7, 0), why: "its scripts, which begin with a line `#!lua`" };

/// What the keyspace layout needs.
pub(crate) const KEYSPACE: Needed = Needed { version: (6, 0), why: "listing keys by their type" };

/// Asks every master that answers for its version, and refuses one that is too old, or does not
/// say.
pub(crate) async fn check(link: &Link, needed: Needed) -> Result<(), Error> {
    let mut info = redis::cmd("INFO");
    info.arg("server");
    for (server, answer) in link.each_master(&info).await {
        match answer {
            Ok(answer) => judge(&server, &text(&answer), needed)?,
            Err(error) if answer_code(&error) == Some("NOPERM") => return Err(unspoken(&server, error)),
            // A server that is away is asked later. If all are away, the calls that need them say
            // so.
            Err(error) => tracing::debug!(
                %server,
                error = %format_args!("{error:#}"),
                "redis cannot be asked for its version yet"
            ),
        }
    }
    Ok(())
}

fn text(answer: &Value) -> String {
    redis::from_redis_value_ref(answer).unwrap_or_default()
}

/// Refuses a server whose `INFO server` names a version that is too old.
fn judge(server: &str, info: &str, needed: Needed) -> Result<(), Error> {
    let Some(found) = info.lines().find_map(|line| line.trim().strip_prefix("redis_version:")) else {
        // This is another program that speaks the protocol of Redis. What it lacks shows when it is
        // called.
        tracing::debug!(
            server,
            "the server does not say which version of redis it is; it is used all the same"
        );
        return Ok(());
    };
    let mut numbers = found.split('.').map(|number| number.parse::<u16>().ok());
    let version = (numbers.next().flatten(), numbers.next().flatten());
    let (Some(major), minor) = version else { return Ok(()) };
    if (major, minor.unwrap_or_default()) >= needed.version {
        return Ok(());
    }
    let (least_major, least_minor) = needed.version;
    let message = format!(
        "redis at {server} is version {found}, and presence needs {least_major}.{least_minor} or later for \
         {}; upgrade it, or give the address of another one",
        needed.why
    );
    Err(Error::new(ErrorKind::Config, message))
}

fn unspoken(server: &str, error: Error) -> Error {
    let message = format!(
        "redis at {server} does not let the user of the address run `INFO`, by which presence learns its \
         version and whether it was restarted; allow it with `ACL SETUSER <user> +info`"
    );
    Error::with_source(ErrorKind::Config, message, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_that_is_too_old_is_told_with_the_one_that_is_needed() {
        for found in ["6.2.14", "5.0.7", "2.8.24", "6.9"] {
            let info =
                format!("# Server\r\nredis_version:{found}\r\nredis_git_sha1:00000000\r\nrun_id:ab\r\n");
            let error = judge("10.0.0.7:6379", &info, LEASES).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            let text = error.to_string();
            for word in [found, "7.0 or later", "10.0.0.7:6379", "upgrade"] {
                assert!(text.contains(word), "{text}");
            }
        }
        assert!(judge("a", "redis_version:5.0.7", KEYSPACE).is_err());
    }

    #[test]
    fn version_that_is_new_enough_or_not_told_is_taken() {
        for info in [
            "redis_version:7.0.0",
            "redis_version:7.4.2\r\nvalkey_version:8.0.1\r\n",
            "redis_version:10.1.0",
            "redis_version:255.255.255",
            "redis_version:8",
            "redis_version:unstable",
            "server_name:another",
            "",
        ] {
            assert!(judge("a", info, LEASES).is_ok(), "{info}");
        }
        assert!(judge("a", "redis_version:6.2.14", KEYSPACE).is_ok());
    }
}
