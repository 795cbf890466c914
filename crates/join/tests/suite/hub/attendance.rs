//! Who is connected is online, and in the rooms of the channels.

use std::sync::Arc;
use std::time::Duration;

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Answer, Connection, Handler, Hooks, Hub};
use presence_core::memory::{Config, Memory};
use presence_core::rooms::{Action, Payload, RoomBackend, RoomUpdate, Rooms};
use presence_core::{Backend, Cause, Events, Presence, Since, Status, Update};
use tidings_join::attendance::{self, Attendance};
use tokio::time::timeout;

use super::client::{Client, Names};
use crate::PATIENCE;

/// A hub with attendance, and what is told of it.
struct World {
    hub: Hub,
    attendance: Attendance,
    presence: Presence,
    rooms: Rooms,
}

/// Shows what a client sends, in the room of the channel; answers `true` or `false`.
struct Show(Attendance);

impl Handler for Show {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        let payload = Payload::new(&call.body).expect("tests show little");
        let shown = self.0.show(connection, &call.channel, payload);
        Message::with_uuid(Opcode::SERVER, call.uuid, "", shown.to_string()).into()
    }
}

impl World {
    fn start() -> Self {
        let store = Memory::start(Config::default().grace(Duration::from_millis(10))).expect("it is valid");
        let store = Arc::new(store);
        let presence = Presence::from(Arc::clone(&store) as Arc<dyn Backend>);
        let rooms = Rooms::from(store as Arc<dyn RoomBackend>);
        let attendance = Attendance::start(attendance::Config::new(presence.clone()).rooms(rooms.clone()))
            .expect("it is in a runtime");
        let hooks =
            Hooks::default().auth(Names).lifecycle(attendance.clone()).handler(Show(attendance.clone()));
        let hub = Hub::start(Default::default(), hooks).expect("the defaults are valid");
        Self { hub, attendance, presence, rooms }
    }

    /// Ends all of it, in order.
    async fn end(self) {
        assert!(self.hub.shutdown(PATIENCE).await && self.attendance.shutdown(PATIENCE).await);
        assert!(self.presence.shutdown(PATIENCE).await);
    }
}

/// The next transition, as `alice ONLINE`.
async fn next(events: &mut Events) -> (String, Cause) {
    loop {
        let update = timeout(PATIENCE, events.next()).await.expect("something happens");
        if let Update::Change(event) = update.expect("presence is open").expect("nothing is lost") {
            return (format!("{} {}", event.id, event.status), event.cause);
        }
    }
}

/// What happens next in a room.
async fn next_in_room(events: &mut Events<RoomUpdate>) -> String {
    let text = |payload: &Payload| String::from_utf8_lossy(payload.as_bytes()).into_owned();
    loop {
        let update = timeout(PATIENCE, events.next()).await.expect("something happens");
        let update = update.expect("the rooms are open").expect("nothing is lost");
        let Some(event) = update.into_change() else { continue };
        return match event.action {
            Action::Joined(payload) => format!("{} joined {}", event.id, text(&payload)),
            Action::Updated(payload) => format!("{} updated {}", event.id, text(&payload)),
            Action::Left(_) => format!("{} left", event.id),
            other => panic!("{other:?}"),
        };
    }
}

#[tokio::test]
async fn a_user_is_online_while_a_connection_is_open() {
    let world = World::start();
    let mut events = world.presence.events(Since::Now).await.unwrap();
    let first = Client::connect(&world.hub, "alice").await;
    assert_eq!(next(&mut events).await, ("alice ONLINE".to_owned(), Cause::Held));
    let second = Client::connect(&world.hub, "alice").await;
    let nobody = Client::connect(&world.hub, "").await;
    drop(first);
    // Bob comes after that in the log, and nothing of alice before him.
    let bob = Client::connect(&world.hub, "bob").await;
    assert_eq!(next(&mut events).await.0, "bob ONLINE");
    assert_eq!(world.presence.status(["alice"]).await.unwrap(), [Status::Online]);
    drop(second);
    assert_eq!(next(&mut events).await, ("alice OFFLINE".to_owned(), Cause::Ended));
    drop((nobody, bob));
    world.end().await;
}

#[tokio::test]
async fn a_user_is_in_the_rooms_of_the_channels_and_shows_something_there() {
    let world = World::start();
    let mut hello = world.rooms.events("hello", Since::Now).await.unwrap();
    let mut alice = Client::connect(&world.hub, "alice").await;
    alice.send(Opcode::SERVER, "hello", "early").await;
    assert_eq!(alice.next().await.body, "false");
    alice.bind("hello").await;
    alice.bind("$presence").await;
    assert_eq!(next_in_room(&mut hello).await, "alice joined ");
    alice.send(Opcode::SERVER, "hello", "typing").await;
    assert_eq!(alice.next().await.body, "true");
    assert_eq!(next_in_room(&mut hello).await, "alice updated typing");
    alice.send(Opcode::UNBIND, "hello", "").await;
    assert_eq!(next_in_room(&mut hello).await, "alice left");
    assert_eq!(world.rooms.count("$presence").await.unwrap(), 0);

    alice.bind("hello").await;
    assert_eq!(next_in_room(&mut hello).await, "alice joined ");
    drop(alice);
    assert_eq!(next_in_room(&mut hello).await, "alice left");
    world.end().await;
}

#[tokio::test]
async fn a_user_is_in_the_room_that_the_program_binds_them_to() {
    let world = World::start();
    let mut lobby = world.rooms.events("lobby", Since::Now).await.unwrap();
    let mut alice = Client::connect(&world.hub, "alice").await;
    alice.settle().await;
    let connection = world.hub.connections_of("alice").pop().expect("alice is connected");
    assert!(world.hub.bind(&connection, "lobby").expect("there is room"));
    assert_eq!(next_in_room(&mut lobby).await, "alice joined ");
    assert!(world.hub.unbind(&connection, "lobby"));
    assert_eq!(next_in_room(&mut lobby).await, "alice left");
    drop(alice);
    world.end().await;
}

#[tokio::test]
async fn a_hub_that_ends_leaves_nobody_online() {
    let world = World::start();
    let mut events = world.presence.events(Since::Now).await.unwrap();
    let mut alice = Client::connect(&world.hub, "alice").await;
    assert_eq!(next(&mut events).await.0, "alice ONLINE");
    let (ended, code) = tokio::join!(world.hub.shutdown(PATIENCE), alice.close_code());
    assert_eq!((ended, code), (true, 1012));
    assert_eq!(next(&mut events).await.0, "alice OFFLINE");
    world.end().await;
}
