//! The call `history`: what was last said in a channel.

use std::sync::Arc;

use serde_json::json;
use tidings::hub::protocol::Message;
use tidings::hub::{Answer, ChannelHistory, Connection, Replay};
use tidings::join::channel;

use super::NAME_BYTES_MAX;
use super::reply::message_of;
use crate::join::permission;

/// Answers with what is kept of a channel, under the original uuids and as fast as the client
/// reads, before the answer.
pub(super) fn answer(
    history: &Arc<ChannelHistory>,
    connection: &Connection,
    name: &str,
    count: Option<usize>,
    uuid: String,
) -> Result<Answer, String> {
    check_length(name)?;
    if !permission::may_read(connection, name) {
        return Err("you may not read this channel".to_owned());
    }
    let replay = history.replay(name, count.unwrap_or(usize::MAX));
    // The messages are fetched as the client reads them, so a long history does not fill its
    // outbox.
    Ok(Answer::many(Last { replay, given: 0, uuid: Some(uuid) }))
}

/// The last messages of a channel, and the answer behind them.
#[derive(Debug)]
struct Last {
    replay: Replay,
    given: usize,
    /// The uuid of the answer, until that was given.
    uuid: Option<String>,
}

impl Iterator for Last {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        // The answer comes once, and nothing behind it.
        self.uuid.as_ref()?;
        if let Some(message) = self.replay.next() {
            self.given += 1;
            return Some(message);
        }
        let mut answer = json!({ "count": self.given });
        if self.replay.not_given() > 0 {
            answer["more"] = true.into();
        }
        if self.replay.is_forgotten() {
            answer["forgotten"] = true.into();
        }
        self.uuid.take().map(|uuid| message_of(uuid, answer.to_string()))
    }
}

/// Refuses a name that is too long for a channel of clients.
fn check_length(name: &str) -> Result<(), String> {
    if name.len() <= NAME_BYTES_MAX || channel::may_listen(name) && !channel::may_write(name) {
        return Ok(());
    }
    let length = name.len();
    Err(format!("the name of the channel has {length} bytes; at most {NAME_BYTES_MAX} are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients_are_bounded_and_those_of_users_are_so_by_themselves() {
        let (long, longest) = ("x".repeat(60_000), "x".repeat(NAME_BYTES_MAX));
        assert!(check_length(&longest).is_ok() && check_length(&channel::received(&longest)).is_ok());
        assert!(check_length(&long).is_err() && check_length(&channel::inbox(&long)).is_err());
        assert!(check_length(&channel::received(&long)).is_err());
    }
}
