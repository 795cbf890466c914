//! What a connection may do in a channel.
//!
//! The rights of its login decide, and the rules of the server.
//!
//! | channel | who may bind it, and read its history | who may write |
//! |---|---|---|
//! | without `$` | whose rights permit it: `bind`, `history` | a member whose right `write` permits it |
//! | `$presence` | any user; a service with the scope `presence` | nobody |
//! | `$received:<user>` | any user; a service with the scope `timelines` | nobody |
//! | all others with `$` | nobody: an inbox and its cursors are bound by the server | nobody |
//!
//! Patterns of rights speak of the channels of clients. Those of the server have rules of their
//! own, so `bind=*` opens no inbox, and `bind=room:*` takes nobody away who is online.

use tidings::hub::{Connection, Right};
use tidings::identity::{Identity, Scope};
use tidings::join::channel;

/// Tells whether the client of a connection may bind to a channel.
pub(super) fn may_bind(connection: &Connection, name: &str) -> bool {
    may_listen(connection, Right::Bind, name)
}

/// Tells whether the client of a connection may read what was last said in a channel.
pub(super) fn may_read(connection: &Connection, name: &str) -> bool {
    may_listen(connection, Right::History, name)
}

/// Tells whether the client of a connection may write to a channel.
pub(super) fn may_write(connection: &Connection, name: &str) -> bool {
    channel::may_write(name) && connection.is_bound(name) && connection.permits(Right::Write, name)
}

fn may_listen(connection: &Connection, right: Right, name: &str) -> bool {
    if channel::may_write(name) {
        return connection.permits(right, name);
    }
    channel::may_listen(name) && may_hear_server(connection, name)
}

/// Tells whether the login of a connection opens a channel of the server's that is not private.
fn may_hear_server(connection: &Connection, name: &str) -> bool {
    let Some(identity) = connection.data().get::<Identity>() else { return true };
    let scopes = identity.scopes();
    let needed = if name == channel::PRESENCE { Scope::Presence } else { Scope::Timelines };
    scopes.is_empty() || scopes.contains(needed)
}
