//! The channels of the program itself, all with a `$` in front.
//!
//! | channel | who publishes | body |
//! |---|---|---|
//! | `$presence` | [`RosterKeeper`](crate::roster::RosterKeeper) | who came or went, with a position |
//! | `$inbox:<user>` | [`InboxPublisher`](crate::receipts::InboxPublisher) | a new entry of the inbox |
//! | `$read:<user>` | [`InboxPublisher`](crate::receipts::InboxPublisher) | how far the user, or the other one of a pair, has read |
//! | `$received:<user>` | [`Receipts`](crate::receipts::Receipts) | how far the user's programs have received the inbox |
//!
//! Clients write to none of them, none is a room, and the inbox and the cursors of a user are the
//! user's alone: an [`Auth`](conductor_hub::Auth) asks [`may_listen`] and [`may_write`], and binds
//! a user to them when the user connects.
//!
//! ```
//! use conductor_hub::protocol::MessageRef;
//! use conductor_hub::{Admission, Auth, Connection};
//! use tidings_join::channel;
//!
//! struct Users;
//!
//! impl Auth for Users {
//!     // `admit` returns `Admission::user(name).bound_to(channel::inbox(name))`, and bound to
//!     // `channel::read(name)` for clients that show what is read.
//!
//!     fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
//!         channel::may_listen(message.channel)
//!     }
//!
//!     fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
//!         channel::may_write(message.channel) && connection.is_bound(message.channel)
//!     }
//! }
//! # let _auth = (Users, Admission::default());
//! ```

/// The channel of who comes and goes; anybody may listen.
pub const PRESENCE: &str = "$presence";

/// What every channel of the program begins with.
const OWN: char = '$';
const INBOX: &str = "$inbox:";
const READ: &str = "$read:";
const RECEIVED: &str = "$received:";

/// The longest name of a user, in bytes, as presence and the timelines have it.
const USER_BYTES_MAX: usize = 512;

/// Returns the channel of new entries of a user's inbox.
///
/// Only the user listens, bound at connect.
#[must_use]
pub fn inbox(user: &str) -> String {
    format!("{INBOX}{user}")
}

/// Returns the channel of what was read in a user's conversations.
///
/// Only the user listens, bound at connect.
#[must_use]
pub fn read(user: &str) -> String {
    format!("{READ}{user}")
}

/// Returns the channel that tells how far a user has received the inbox.
///
/// Anybody may listen.
#[must_use]
pub fn received(user: &str) -> String {
    format!("{RECEIVED}{user}")
}

/// Returns whether any client may listen to a channel.
#[must_use]
pub fn may_listen(channel: &str) -> bool {
    // A hub bounds the names that clients make up, but not those of the program, so the user's is
    // bounded here.
    may_write(channel) || channel == PRESENCE || channel.strip_prefix(RECEIVED).is_some_and(is_user)
}

/// Returns whether clients may write to a channel.
///
/// They may not write to those of the program.
#[must_use]
pub fn may_write(channel: &str) -> bool {
    !channel.starts_with(OWN)
}

/// Returns whose inbox, or what was read by whom, a channel is about; none if it is another one.
#[cfg(feature = "receipts")]
pub(crate) fn reader(channel: &str) -> Option<&str> {
    channel.strip_prefix(INBOX).or_else(|| channel.strip_prefix(READ))
}

/// Whether it could be the name of somebody.
fn is_user(name: &str) -> bool {
    (1..=USER_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inboxes_are_private_and_our_channels_are_not_written_to() {
        assert!(!may_listen(&inbox("bob")) && !may_write(&inbox("bob")));
        assert!(!may_listen(&read("bob")) && !may_write(&read("bob")));
        assert!(may_listen(&received("bob")) && !may_write(&received("bob")));
        assert!(may_listen(PRESENCE) && !may_write(PRESENCE));
        assert!(!may_listen("$later") && !may_write("$later"));
        assert!(may_listen("hello") && may_write("hello"));
    }

    #[cfg(feature = "receipts")]
    #[test]
    fn the_reader_of_an_inbox_or_its_cursors_is_in_the_name_of_the_channel() {
        assert_eq!([reader(&inbox("bob")), reader(&read("bob"))], [Some("bob"); 2]);
        assert_eq!([reader(&received("bob")), reader("bob")], [None; 2]);
    }

    #[test]
    fn no_name_is_longer_than_a_user_can_make_it() {
        let (long, longest) = ("x".repeat(60_000), "x".repeat(USER_BYTES_MAX));
        assert!(!may_listen(&received(&long)) && !may_listen(&received("")));
        assert!(!may_listen(&received("a\nb")) && may_listen(&received(&longest)));
    }
}
