//! Whether Redis tells who comes and goes: its `notify-keyspace-events`.
//!
//! Source: <https://redis.io/docs/latest/develop/pubsub/keyspace-notifications/>

use std::collections::HashMap;

use presence_core::{Error, ErrorKind};
use redis::Cmd;

use super::config::Notifications;
use super::store::ANY;
use crate::connection::Link;

/// Reads the setting, and changes it if the configuration says so.
///
/// # Errors
///
/// `Config` if Redis tells too little, or lets nobody at its settings.
pub(super) async fn ensure(link: &Link, what_to_do: Notifications) -> Result<(), Error> {
    if what_to_do == Notifications::Assume {
        return Ok(());
    }
    let answer = Box::pin(link.query(ANY, &config("GET"))).await.map_err(refused)?;
    let server = link.address();
    let mut settings: HashMap<String, String> = redis::from_redis_value(answer).map_err(|error| {
        let message = format!("redis at {server} sent an answer to `CONFIG GET` that presence cannot read");
        Error::with_source(ErrorKind::Unavailable, message, error)
    })?;
    let classes = settings.remove(SETTING).unwrap_or_default();
    if tells(&classes, NEEDED) {
        return Ok(());
    }
    if what_to_do == Notifications::Set {
        let all = with(&classes);
        return Box::pin(link.query(ANY, config("SET").arg(all))).await.map(drop).map_err(refused);
    }
    let message = format!(
        "{SETTING} of redis at {server} is {classes:?}, so that it does not report all that presence needs; \
         set it to {:?}, or let `notifications` be `Set`",
        with(&classes)
    );
    Err(Error::new(ErrorKind::Config, message))
}

/// Says why Redis tells too little of its keys, if it does by now, as when somebody else changed
/// the setting.
pub(super) async fn missing(link: &Link, what_to_do: Notifications) -> Option<Error> {
    if what_to_do == Notifications::Assume {
        return None;
    }
    // If Redis cannot be asked, other tasks find that out and say so.
    let answer = Box::pin(link.query(ANY, &config("GET"))).await.ok()?;
    let mut settings: HashMap<String, String> = redis::from_redis_value(answer).ok()?;
    let classes = settings.remove(SETTING)?;
    if tells(&classes, NEEDED) {
        return None;
    }
    let message = format!(
        "{SETTING} of redis at {} was changed to {classes:?}, so that it no longer reports who comes and \
         goes; set it to {:?}",
        link.address(),
        with(&classes)
    );
    Some(Error::new(ErrorKind::Unavailable, message))
}

fn config(subcommand: &str) -> Cmd {
    let mut command = redis::cmd("CONFIG");
    command.arg(subcommand).arg(SETTING);
    command
}

/// What is not permitted will not be later; what is not answered may be.
fn refused(error: Error) -> Error {
    let source =
        std::error::Error::source(&error).and_then(|source| source.downcast_ref::<redis::RedisError>());
    if source.is_some_and(|source| source.code().is_some()) {
        let message = format!(
            "redis does not let presence read or change {SETTING}; make sure that it is {WANTED:?}, and let \
             `notifications` be `Assume`"
        );
        return Error::with_source(ErrorKind::Config, message, error);
    }
    error
}

/// Says whether the classes include those of `wanted`.
fn tells(classes: &str, wanted: &str) -> bool {
    wanted.chars().all(|class| classes.contains(class) || (class != 'E' && classes.contains('A')))
}

/// Returns the classes with those that are wanted.
fn with(classes: &str) -> String {
    let missing = WANTED.chars().filter(|class| !tells(classes, &class.to_string()));
    classes.chars().chain(missing).collect()
}

const SETTING: &str = "notify-keyspace-events";

/// Keyevents of generic commands, of expiry, and of string commands.
const NEEDED: &str = "Egx$";
/// And of evictions, which do not happen where memory is enough.
const WANTED: &str = "Eegx$";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_enough_or_completed() {
        for enough in ["Egx$", "$xgE", "EA", "AKE", "KEgx$z"] {
            assert!(tells(enough, NEEDED), "{enough}");
        }
        // The last one is what the ancestor needs.
        for (few, all) in [("", "Eegx$"), ("K", "KEegx$"), ("A", "AE"), ("xE$", "xE$eg")] {
            assert!(!tells(few, NEEDED), "{few}");
            assert_eq!(with(few), all);
        }
    }
}
