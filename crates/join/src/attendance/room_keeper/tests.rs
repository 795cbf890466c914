//! What is wanted comes to be, whatever the store does in between.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use presence_core::memory::{Config, Memory};
use presence_core::rooms::{Action, MemberPage, RoomBackend, RoomUpdate};
use presence_core::{Cursor, Error, Events, Since, State};
use tokio::sync::watch;
use tokio::time::timeout;

use super::*;

/// A store that fails so many calls first, some of them after they took effect.
#[derive(Debug)]
struct Flaky {
    store: Memory,
    failures: AtomicU32,
}

impl Flaky {
    async fn call(&self, call: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
        let less = |failures: u32| failures.checked_sub(1);
        match self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less) {
            Err(_) => call.await,
            Ok(failures) => {
                if failures % 2 == 0 {
                    call.await?;
                }
                Err(Error::new(ErrorKind::Unavailable, "away"))
            }
        }
    }
}

#[async_trait]
impl RoomBackend for Flaky {
    async fn join(&self, room: &Room, id: &Id, device: &Device, payload: &Payload) -> Result<(), Error> {
        self.call(self.store.join(room, id, device, payload)).await
    }

    async fn leave(&self, room: &Room, id: &Id, device: &Device) -> Result<(), Error> {
        self.call(self.store.leave(room, id, device)).await
    }

    async fn join_beating(
        &self,
        room: &Room,
        id: &Id,
        device: &Device,
        payload: &Payload,
    ) -> Result<(), Error> {
        self.store.join_beating(room, id, device, payload).await
    }

    async fn beat(&self, room: &Room, id: &Id, device: &Device) -> Result<bool, Error> {
        self.store.beat(room, id, device).await
    }

    async fn update(&self, room: &Room, id: &Id, payload: &Payload) -> Result<bool, Error> {
        self.store.update(room, id, payload).await
    }

    async fn remove(&self, room: &Room, id: &Id) -> Result<(), Error> {
        self.store.remove(room, id).await
    }

    async fn members(&self, room: &Room, cursor: Cursor, limit: usize) -> Result<MemberPage, Error> {
        self.store.members(room, cursor, limit).await
    }

    async fn count(&self, room: &Room) -> Result<u64, Error> {
        self.store.count(room).await
    }

    async fn events(&self, room: &Room, since: Since) -> Result<Events<RoomUpdate>, Error> {
        self.store.events(room, since).await
    }

    fn state(&self) -> watch::Receiver<State> {
        RoomBackend::state(&self.store)
    }

    async fn shutdown(&self, grace: Duration) -> bool {
        RoomBackend::shutdown(&self.store, grace).await
    }
}

struct World {
    keeper: Arc<RoomKeeper>,
    rooms: Rooms,
    hello: Events<RoomUpdate>,
    stop: CancellationToken,
}

impl World {
    async fn start(failures: u32) -> Self {
        let store = Memory::start(Config::default()).unwrap();
        let rooms = Rooms::new(Flaky { store, failures: AtomicU32::new(failures) });
        let mut hello = rooms.events("hello", Since::Now).await.unwrap();
        hello.next().await.unwrap().unwrap();
        let (keeper, stop) = (Arc::new(RoomKeeper::new(rooms.clone())), CancellationToken::new());
        let tasks = TaskTracker::new();
        tasks.spawn(Arc::clone(&keeper).work(tasks.clone(), stop.clone()));
        Self { keeper, rooms, hello, stop }
    }

    fn bind(&self, user: &str, connection: &str, channel: &str) {
        self.keeper.bound(&connection.parse().unwrap(), &user.parse().unwrap(), channel);
    }

    fn unbind(&self, connection: &str, channel: &str) {
        self.keeper.unbound(&connection.parse().unwrap(), channel);
    }

    fn show(&self, connection: &str, channel: &str, text: &str) -> bool {
        self.keeper.show(&connection.parse().unwrap(), channel, text.try_into().unwrap())
    }

    /// The next change in the room `hello`.
    async fn next(&mut self) -> String {
        let next = timeout(Duration::from_secs(10 * 60), self.hello.next())
            .await
            .expect("something happens in the room");
        let event = next.unwrap().unwrap().into_change().unwrap();
        let text = |payload: Payload| String::from_utf8(payload.as_bytes().to_vec()).unwrap();
        match event.action {
            Action::Joined(payload) => format!("{} joined {}", event.id, text(payload)),
            Action::Updated(payload) => format!("{} updated {}", event.id, text(payload)),
            Action::Left(_) => format!("{} left", event.id),
            other => panic!("{other:?}"),
        }
    }

    /// Nobody is in any room, and nothing of anybody is kept.
    async fn assert_forgotten(&self) {
        // The last thing that is told of a visit comes before it is forgotten.
        let forgotten = async {
            while !self.keeper.visits.lock().is_empty() {
                sleep(AGAIN).await;
            }
        };
        let forgotten = timeout(Duration::from_secs(10 * 60), forgotten).await;
        assert!(forgotten.is_ok(), "{:?}", self.keeper.visits.lock());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test(start_paused = true)]
async fn members_are_those_with_a_connection_that_is_bound() {
    let mut world = World::start(0).await;
    world.bind("alice", "1", "hello");
    assert_eq!(world.next().await, "alice joined ");
    world.bind("alice", "2", "hello");
    world.bind("bob", "3", "hello");
    assert_eq!(world.next().await, "bob joined ");
    world.unbind("1", "hello");
    world.unbind("3", "hello");
    assert_eq!(world.next().await, "bob left");
    assert_eq!(world.rooms.count("hello").await.unwrap(), 1);
    world.keeper.gone(&"2".parse().unwrap());
    assert_eq!(world.next().await, "alice left");
    world.assert_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_asked_again_until_it_has_what_is_wanted() {
    let mut world = World::start(5).await;
    world.bind("alice", "1", "hello");
    world.bind("bob", "2", "hello");
    let mut came = [world.next().await, world.next().await];
    came.sort_unstable();
    assert_eq!(came, ["alice joined ", "bob joined "]);
    world.unbind("1", "hello");
    assert_eq!(world.next().await, "alice left");
    world.keeper.gone(&"2".parse().unwrap());
    assert_eq!(world.next().await, "bob left");
    world.assert_forgotten().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_wanted_last_counts() {
    for failures in 0..6 {
        let mut world = World::start(failures).await;
        for _ in 0..3 {
            world.bind("alice", "1", "hello");
            world.unbind("1", "hello");
            tokio::task::yield_now().await;
        }
        world.bind("alice", "1", "hello");
        assert_eq!(world.next().await, "alice joined ");
        sleep(Duration::from_secs(60)).await;
        assert_eq!(world.rooms.count("hello").await.unwrap(), 1, "{failures} failures");
        world.keeper.gone(&"1".parse().unwrap());
        assert_eq!(world.next().await, "alice left");
        world.assert_forgotten().await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_user_shows_outlives_a_second_connection() {
    let mut world = World::start(0).await;
    assert!(!world.show("1", "hello", "early"));
    world.bind("alice", "1", "hello");
    assert_eq!(world.next().await, "alice joined ");
    assert!(world.show("1", "hello", "busy") && !world.show("1", "other", "busy"));
    assert_eq!(world.next().await, "alice updated busy");
    world.bind("alice", "2", "hello");
    world.unbind("1", "hello");
    assert!(world.show("2", "hello", "free"));
    assert_eq!(world.next().await, "alice updated free");
    world.keeper.gone(&"2".parse().unwrap());
    assert_eq!(world.next().await, "alice left");
    world.assert_forgotten().await;
    world.bind("alice", "3", "hello");
    assert_eq!(world.next().await, "alice joined ");
}

#[tokio::test(start_paused = true)]
async fn channels_of_the_program_and_names_that_no_room_may_have_are_no_rooms() {
    let world = World::start(0).await;
    for name in ["$presence", "$received:bob", "", "a\nb", &"x".repeat(513)] {
        world.bind("alice", "1", name);
        world.unbind("1", name);
    }
    assert!(world.keeper.visits.lock().is_empty());
}
