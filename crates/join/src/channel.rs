//! The channels that the server owns, all with a `$` in front. Clients cannot write to them.

use tidings::timeline::MemberId;

/// Longest name of a channel that clients may make up, in bytes.
pub(super) const NAME_BYTES_MAX: usize = 512;

/// What every channel of ours begins with.
const OWN: char = '$';

/// Who comes and goes; anybody may listen.
pub(super) const PRESENCE: &str = "$presence";

const INBOX: &str = "$inbox:";
const RECEIVED: &str = "$received:";

/// New entries of a user's inbox; only the user listens, bound at connect.
pub(super) fn inbox(user: &str) -> String {
    format!("{INBOX}{user}")
}

/// How far a user's programs have received the inbox; anybody may listen.
pub(super) fn received(user: &str) -> String {
    format!("{RECEIVED}{user}")
}

/// Whether any client may listen.
pub(super) fn may_listen(channel: &str) -> bool {
    // The hub bounds names but for ours, so the user's is bounded here.
    let is_received = || channel.strip_prefix(RECEIVED).is_some_and(|user| MemberId::new(user).is_ok());
    !channel.starts_with(OWN) || channel == PRESENCE || is_received()
}

/// Refuses a name that is too long for a channel of clients.
pub(super) fn check_length(channel: &str) -> Result<(), String> {
    if channel.len() <= NAME_BYTES_MAX || may_listen(channel) && channel.starts_with(OWN) {
        return Ok(());
    }
    let length = channel.len();
    Err(format!("the name of the channel has {length} bytes; at most {NAME_BYTES_MAX} are allowed"))
}

/// Whether any client may write.
pub(super) fn may_write(channel: &str) -> bool {
    !channel.starts_with(OWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_are_private_and_our_channels_are_not_written_to() {
        assert!(!may_listen(&inbox("bob")) && !may_write(&inbox("bob")));
        assert!(may_listen(&received("bob")) && !may_write(&received("bob")));
        assert!(may_listen(PRESENCE) && !may_write(PRESENCE));
        assert!(!may_listen("$later") && !may_write("$later"));
        assert!(may_listen("hello") && may_write("hello"));
    }

    #[test]
    fn no_name_is_longer_than_a_user_can_make_it() {
        let (long, longest) = ("x".repeat(60_000), "x".repeat(NAME_BYTES_MAX));
        assert!(!may_listen(&received(&long)) && !may_listen(&received("")));
        assert!(may_listen(&received(&longest)));
        assert!(check_length(&longest).is_ok() && check_length(&received(&longest)).is_ok());
        assert!(check_length(&long).is_err() && check_length(&inbox(&long)).is_err());
    }
}
