//! What a program does with the connections of its hub, from any thread.

use std::sync::Arc;

use bytes::Bytes;

use super::Hub;
use crate::connection::{BindOutcome, LoginOutcome};
use crate::{Admission, BindCause, Connection, ConnectionId, Disconnect, Error, ErrorKind};

impl Hub {
    /// Returns the connection with the given number, while it is open.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.shared.registry.connection(id)
    }

    /// Returns every connection.
    ///
    /// Those that come or go meanwhile may be among them or not.
    pub fn connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        self.shared.registry.all_connections()
    }

    /// Returns the connections of a user, the oldest first.
    #[must_use]
    pub fn connections_of(&self, user: &str) -> Vec<Arc<Connection>> {
        self.shared.registry.connections_of(user)
    }

    /// Returns the connections that are bound to a channel.
    #[must_use]
    pub fn connections_in(&self, channel: &str) -> Vec<Arc<Connection>> {
        self.shared.registry.channel(channel).map_or_else(Vec::new, |channel| channel.members())
    }

    /// Returns how many members a channel has.
    #[must_use]
    pub fn members(&self, channel: &str) -> usize {
        self.shared.registry.channel(channel).map_or(0, |channel| channel.len())
    }

    /// Logs in a connection that was admitted by [`Admission::awaiting_login`], once.
    ///
    /// When this returns the connection has the user, the rights and the expiry of this admission,
    /// is found by its user and bound to the channels; values of the admission take the place of
    /// those of their types in [`Connection::data`], and the others stay.
    /// [`Lifecycle::connected`](crate::Lifecycle::connected) is told later, by the connection's own
    /// task, before it routes any further message of the client. What would close the connection at
    /// its admission closes it here: too many channels, or an expiry that is over. May be called
    /// from a [`Handler`](crate::Handler), and from any other task or thread.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the connection awaits no login, as after
    /// another one, or if the admission itself awaits one; [`Closed`](crate::ErrorKind::Closed) if
    /// the connection is closing or of another hub, or its time to log in is over. Then it stays as
    /// it is.
    pub fn log_in(&self, connection: &Arc<Connection>, mut admission: Admission) -> Result<(), Error> {
        if admission.login_time.is_some() {
            let text = "the admission of a login awaits a login itself; name the user with Admission::user";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        if !self.has(connection) {
            return Err(has_ended(connection));
        }
        let (registry, id) = (&self.shared.registry, connection.id());
        match connection.log_in(&mut admission, |user| registry.add_user(user, id)) {
            LoginOutcome::Begun => {}
            LoginOutcome::NotAwaited => {
                let text = format!(
                    "connection {id} awaits no login: it has one already, or was not admitted to log in later; \
                     renew its login with Connection::renew"
                );
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            LoginOutcome::Ended => {
                let text = format!("the login of connection {id} comes too late, as it is being closed");
                return Err(Error::new(ErrorKind::Closed, text));
            }
        }
        // The order matters: the task tells of the login with its channels, so they come before.
        self.shared.bind_admitted(connection, &admission.channels);
        connection.finish_login();
        Ok(())
    }

    /// Binds a connection to a channel, without asking `can_bind`.
    ///
    /// Returns whether that is new. When this returns it is a member, and gets what is published
    /// next; [`Lifecycle::bound`](crate::Lifecycle::bound) is told later, by the connection's own
    /// task. May be called from hooks. The limits of the [`Config`](crate::Config) count as for its
    /// client.
    ///
    /// # Errors
    ///
    /// [`Full`](crate::ErrorKind::Full) if the connection is bound to as much as it may be; it
    /// stays as it is. [`Closed`](crate::ErrorKind::Closed) if it has ended or is of another hub,
    /// or is ended by this bind, for which all connections together have no room.
    pub fn bind(&self, connection: &Arc<Connection>, channel: &str) -> Result<bool, Error> {
        if !self.has(connection) {
            return Err(has_ended(connection));
        }
        match self.shared.bind(connection, channel, BindCause::Server) {
            BindOutcome::Bound(_) => Ok(true),
            BindOutcome::Unchanged => Ok(false),
            BindOutcome::Ended => Err(has_ended(connection)),
            BindOutcome::TooMany => {
                let text = format!(
                    "connection {} is bound to as many channels as it may be; unbind it from another first",
                    connection.id()
                );
                Err(Error::new(ErrorKind::Full, text))
            }
            BindOutcome::NoRoom(_) => {
                let text = format!(
                    "the channels of all connections have no room, so connection {}, which had most of them, \
                     is being closed",
                    connection.id()
                );
                Err(Error::new(ErrorKind::Closed, text))
            }
        }
    }

    /// Unbinds a connection from a channel.
    ///
    /// Returns whether it was bound, as none of another hub is. When this returns it is no member
    /// and gets nothing more of the channel but what is queued for it;
    /// [`Lifecycle::unbound`](crate::Lifecycle::unbound) is told later, by the connection's own
    /// task. May be called from hooks.
    pub fn unbind(&self, connection: &Arc<Connection>, channel: &str) -> bool {
        // The binds of another hub were never counted by this one.
        self.has(connection) && self.shared.unbind(connection, channel, BindCause::Server).is_some()
    }

    /// Ends the connection with the given number, as [`Connection::close`] does.
    ///
    /// Returns whether there is such a connection.
    #[allow(clippy::must_use_candidate, reason = "that it is gone already is as good")]
    pub fn disconnect(&self, id: ConnectionId, reason: Disconnect) -> bool {
        let connection = self.connection(id);
        connection.inspect(|connection| connection.close(reason)).is_some()
    }

    /// Ends all connections of a user, as [`Connection::close`] does.
    ///
    /// Returns how many there were. A client whom the auth hook is admitting at this moment is not
    /// among them. So whoever shuts a user out notes that first, then calls this, and looks at the
    /// note once more in [`Lifecycle::connected`](crate::Lifecycle::connected), which comes when
    /// the connection can be found.
    #[allow(clippy::must_use_candidate, reason = "that there are none is as good")]
    pub fn disconnect_user(&self, user: &str, reason: Disconnect) -> usize {
        let connections = self.connections_of(user);
        connections.iter().for_each(|connection| connection.close(reason));
        connections.len()
    }

    /// Writes a message of the server's own to every member of a channel but one.
    ///
    /// It is [`publish`](Self::publish) for what one of the members has caused and knows already.
    ///
    /// # Errors
    ///
    /// Those of [`publish`](Self::publish).
    pub fn publish_except(
        &self,
        channel: &str,
        body: impl Into<Bytes>,
        except: ConnectionId,
    ) -> Result<usize, Error> {
        self.shared.publish(channel, body, Some(except))
    }

    /// Tells whether a connection is of this hub, and open.
    pub(super) fn has(&self, connection: &Arc<Connection>) -> bool {
        let known = self.shared.registry.connection(connection.id());
        known.is_some_and(|known| Arc::ptr_eq(&known, connection))
    }
}

pub(super) fn has_ended(connection: &Connection) -> Error {
    let text = format!("connection {} has ended, or is not of this hub", connection.id());
    Error::new(ErrorKind::Closed, text)
}
