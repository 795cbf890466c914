//! The channels that the server owns, all with a `$` in front. Clients cannot write to them.

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
    !channel.starts_with(OWN) || channel == PRESENCE || channel.starts_with(RECEIVED)
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
}
