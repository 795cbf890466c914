//! Tells presence and rooms which users are connected.
//!
//! A user is online while a connection of theirs is open, and in the rooms of the channels that the
//! connection is bound to.
//!
//! ```text
//! hub ──connected, alive, disconnected──► hold_device, end_device ──► Presence
//!     ──bound, unbound──► what is wanted ──► join, leave ───────────► Rooms
//!                         (a hook must not wait)
//! ```
//!
//! The room of a channel has the name of the channel. Channels of the
//! [program itself](crate::channel) have none, nor have those whose name is not that of a room.
//!
//! A store that fails is asked again: for a device when the client next shows that it is alive, for
//! a room within 2 s. What is noted meanwhile is bounded by what connections may be bound to.

mod config;
mod device_names;
mod room_keeper;
mod visits;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::{BindCause, Connection, Disconnect, Lifecycle};
use presence_core::rooms::Payload;
use presence_core::{ErrorKind, Id, Presence};

pub use self::config::Config;
use self::device_names::DeviceNames;
use self::room_keeper::RoomKeeper;
use crate::Error;
use crate::tasks::Tasks;

/// Tells presence who is connected to a hub: a handle, and the hub's [`Lifecycle`].
///
/// [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and waits. Dropping the
/// last handle, that in the hub's hooks too, ends it without waiting.
///
/// Each connection with a user is a device of that user, under a name that no other process's
/// connections have. A user whose name is not a valid [`Id`] is not present: admit nobody
/// under such a name.
///
/// # Examples
///
/// ```
/// use conductor_hub::{Hooks, Hub};
/// use presence_core::Presence;
/// use presence_core::memory::Memory;
/// use tidings_join::attendance::{Attendance, Config};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let presence = Presence::new(Memory::start(Default::default())?);
/// let attendance = Attendance::start(Config::new(presence.clone()))?;
/// let hub = Hub::start(Default::default(), Hooks::default().lifecycle(attendance.clone()))?;
/// # drop(hub);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Attendance {
    presence: Presence,
    rooms: Option<Arc<RoomKeeper>>,
    names: DeviceNames,
    tasks: Tasks,
}

impl Attendance {
    /// Starts it.
    ///
    /// The handle is then given to [`Hooks::lifecycle`](conductor_hub::Hooks::lifecycle).
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, Error> {
        let Config { presence, rooms } = config;
        let tasks = Tasks::new()?;
        let rooms = rooms.map(|rooms| Arc::new(RoomKeeper::new(rooms)));
        if let Some(keeper) = rooms.clone() {
            let (tracker, stop) = (tasks.tracker.clone(), tasks.stop.clone());
            tasks.keep("the keeper of the rooms", move || {
                Arc::clone(&keeper).work(tracker.clone(), stop.clone())
            });
        }
        Ok(Self { presence, rooms, names: DeviceNames::new(), tasks })
    }

    /// Sets what the user of a connection shows in the room of a channel.
    ///
    /// It is kept while a connection of the user to this process is bound to the channel, and the
    /// last value counts. Returns `false`, and sets nothing, if the connection has no user or is
    /// not bound to the channel, or if the channel is not a room.
    pub fn show(&self, connection: &Connection, channel: &str, payload: impl Into<Payload>) -> bool {
        let Some(rooms) = &self.rooms else { return false };
        rooms.show(&self.names.device(connection), channel, payload.into())
    }

    /// Waits until its task cannot go on, and returns why.
    ///
    /// The task is started again when it ends before its time; this returns when that happened five
    /// times within a minute. It waits for ever while all is well, and after the shutdown.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again at any time.
    pub async fn failed(&self) -> Error {
        self.tasks.failed().await
    }

    /// Ends its tasks, for all clones of this handle.
    ///
    /// Comes after the shutdown of the hub, whose connections then have ended, and before that of
    /// presence. What a store has not been told by then, it finds out when this process leaves it.
    /// Returns whether the tasks ended within `grace`. A second call waits for the same end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended them all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.tasks.shutdown(grace).await
    }
}

#[async_trait]
impl Lifecycle for Attendance {
    async fn connected(&self, connection: &Arc<Connection>) {
        let Some(user) = device_names::user(connection) else { return };
        // The name of the device is made of the process and the connection, so holding it once more
        // is the same device and no second one.
        if let Err(error) = self.presence.hold_device(&user, self.names.device(connection)).await {
            tell(&user, &error, "a user who connected may not be shown as online yet");
        }
    }

    /// Holds it again, which is nothing new unless the store was away when the user came.
    async fn alive(&self, connection: &Arc<Connection>) {
        self.connected(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect, _: &[Arc<str>]) {
        let Some(user) = device_names::user(connection) else { return };
        tracing::debug!(%user, connection = %connection.id(), ?reason, "disconnected");
        let device = self.names.device(connection);
        // The order matters: the rooms are noted without waiting, so a store of presence that hangs
        // does not keep the user in them. The hub has told of each channel before; this forgets the
        // connection as a whole.
        if let Some(rooms) = &self.rooms {
            rooms.gone(&device);
        }
        if let Err(error) = self.presence.end_device(&user, device).await {
            tell(&user, &error, "a user who left may still be shown as online");
        }
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str, _: BindCause) {
        let (Some(rooms), Some(user)) = (&self.rooms, device_names::user(connection)) else { return };
        rooms.bound(&self.names.device(connection), &user, channel);
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str, _: BindCause) {
        let Some(rooms) = &self.rooms else { return };
        if connection.user().is_some() {
            rooms.unbound(&self.names.device(connection), channel);
        }
    }
}

/// Logs what the store did not take.
///
/// An outage concerns every user who comes, goes or is still there: the store tells it once for all
/// of them (`Presence::state`). After a shutdown of presence there is nothing to warn of.
fn tell(user: &Id, error: &presence_core::Error, what: &str) {
    match error.kind() {
        ErrorKind::Unavailable | ErrorKind::Closed => {
            tracing::debug!(%user, error = %format_args!("{error:#}"), "{what}");
        }
        _ => tracing::warn!(%user, error = %format_args!("{error:#}"), "{what}"),
    }
}
