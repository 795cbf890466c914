//! The faults of the Go package, none of which is repeated: one test for what each of them broke.

use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{FutureExt, StreamExt};
use presence_core::{Cause, ErrorKind, Presence, Since, Status};
use presence_redis::keyspace::{Config, Keyspace};
use test_support::{Redis, RedisOptions, RedisUser, require};
use tokio::time::Instant;

use super::ancestor::Ancestor;
use super::listener::{Listener, PATIENCE, config, link, run, start, stranger};

/// Settings with which nobody falls silent, however busy the machine is.
fn lasting(redis: &Redis) -> Config {
    config(redis).ttl(Duration::from_secs(60))
}

/// B1: an explicit departure was silent.
#[tokio::test]
async fn explicit_offline_is_heard() {
    let Some(redis) = require(Redis::private().await) else { return };
    let ttl = Duration::from_secs(5);
    let config = config(&redis).ttl(ttl);
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    presence.offline(["a", "nobody"]).await.unwrap();
    listener.expect("a", Cause::Explicit).await;
    listener.silent(ttl + Duration::from_millis(500)).await;
}

/// B2: whatever was written to the database was somebody's arrival.
#[tokio::test]
async fn keys_of_others_are_not_heard() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&lasting(&redis)).await;
    let mut listener = Listener::open(&presence).await;
    let mut stranger = stranger(redis.url()).await;
    for line in [
        "SET otherapp:session:42 x PX 20",
        "SET presences:a x",
        "SET presence_a x",
        "SET PRESENCE:a x",
        "SET otherapp:presence:a x",
        "DEL presences:a presence_a",
        "HSET presence:hash field value",
        "SELECT 1",
        "SET presence:elsewhere x",
    ] {
        run(&mut stranger, line).await;
    }
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    assert_eq!(presence.count().await.unwrap(), 1);
}

/// B3 and B4: a key shorter than the prefix was an event of nobody, one of exactly its length
/// killed the process.
#[tokio::test]
async fn keys_up_to_the_length_of_the_prefix_are_not_heard() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&config(&redis)).await;
    let mut listener = Listener::open(&presence).await;
    let mut stranger = stranger(redis.url()).await;
    for key in ["p", "presenc", "presence", "presence:"] {
        run(&mut stranger, &format!("SET {key} x")).await;
        run(&mut stranger, &format!("DEL {key}")).await;
    }
    let mut binary = redis::cmd("SET");
    binary.arg(b"presence:\xff\xfe").arg("x").query_async::<()>(&mut stranger).await.unwrap();
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
}

/// B5: closing while the listener was blocked panicked.
#[tokio::test]
async fn closing_while_nobody_reads_ends_the_stream_after_what_has_happened() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&lasting(&redis)).await;
    let mut listener = Listener::open(&presence).await;
    presence.online((0..100).map(|number| number.to_string())).await.unwrap();
    let clone = presence.clone();
    tokio::join!(presence.shutdown(PATIENCE), clone.shutdown(PATIENCE));
    for _ in 0..100 {
        assert_eq!(listener.event().await.status, Status::Online);
    }
    assert!(listener.next().await.is_none());
    assert_eq!(presence.online(["a"]).await.unwrap_err().kind(), ErrorKind::Closed);
}

/// B5, too: nobody has to wait for the end.
#[tokio::test]
async fn stream_ends_after_what_has_happened_though_nobody_waits_for_the_end() {
    for dropped in [true, false] {
        let Some(redis) = require(Redis::private().await) else { return };
        let presence = start(&lasting(&redis)).await;
        assert_eq!(presence.count().await.unwrap(), 0);
        let mut listener = Listener::open(&presence).await;
        // This blocks the only thread, so nothing is heard before the end begins.
        let mut stranger = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
        redis::cmd("SET").arg("presence:a").arg("a").exec(&mut stranger).unwrap();
        if dropped {
            drop(presence);
        } else {
            assert_eq!(presence.shutdown(PATIENCE).now_or_never(), None);
        }
        listener.expect("a", Cause::Heartbeat).await;
        assert!(listener.next().await.is_none());
    }
}

/// B6: a lost connection was the end of all events.
#[tokio::test]
async fn listening_goes_on_after_a_lost_connection() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(60));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    let mut stranger = stranger(redis.url()).await;
    for round in 0..3 {
        let id = format!("a{round}");
        presence.online([&id]).await.unwrap();
        listener.expect(&id, Cause::Heartbeat).await;
        run(&mut stranger, "CLIENT KILL TYPE pubsub").await;
        assert_eq!(listener.error().await, ErrorKind::Unavailable);
        // Nobody heard what happened meanwhile, and that is said.
        assert_eq!(listener.error().await, ErrorKind::Lagged);
    }
    let (mut listener, online) = Listener::snapshot(&presence).await;
    assert_eq!(online, ["a0", "a1", "a2"]);
    presence.offline(["a1"]).await.unwrap();
    listener.expect("a1", Cause::Explicit).await;
}

/// B7: five seconds of silence ended all events.
#[tokio::test]
async fn silence_longer_than_every_timeout_is_no_failure() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).link(link(redis.url(), Duration::from_secs(4)));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    listener.silent(Duration::from_secs(9)).await;
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
}

/// B8: a second error that nobody read blocked the listener for ever.
#[tokio::test]
async fn errors_that_nobody_reads_hold_nothing_up() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&config(&redis)).await;
    let mut unread = Listener::open(&presence).await;
    let mut stranger = stranger(redis.url()).await;
    for _ in 0..4 {
        run(&mut stranger, "CLIENT KILL TYPE pubsub").await;
        let mut read = loop {
            match presence.events(Since::Snapshot).await {
                Ok(events) => break events,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
            }
            tokio::task::yield_now().await;
        };
        // Synced: it listens again.
        while read.next().await.unwrap().is_err() {}
    }
    presence.online(["a"]).await.unwrap();
    while unread.next().await.unwrap().is_err() {}
}

/// B9: a subscription that Redis refused was no error.
#[tokio::test]
async fn a_refused_subscription_is_an_error_at_the_start() {
    let user = RedisUser {
        name: "deaf".to_owned(),
        password: "secret".to_owned(),
        rules: ["~*", "+@all", "resetchannels"].map(str::to_owned).into(),
    };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let error = Keyspace::start(config(&redis).link(redis.user_url(&user))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(!format!("{error:?}").contains("secret"));
}

/// B9, too: the second listener took the first one's events.
#[tokio::test]
async fn every_listener_hears_everything() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&lasting(&redis)).await;
    let mut listeners = Vec::new();
    for number in 0..5 {
        listeners.push(Listener::open(&presence).await);
        presence.online([number.to_string()]).await.unwrap();
    }
    for (first, listener) in listeners.iter_mut().enumerate() {
        for number in first..5 {
            listener.expect(&number.to_string(), Cause::Heartbeat).await;
        }
    }
    // One that ends leaves the others alone.
    drop(listeners.remove(0));
    presence.offline(["3"]).await.unwrap();
    for listener in &mut listeners {
        listener.expect("3", Cause::Explicit).await;
    }
}

/// B10: a TTL below a second kept nobody online, and one of 1.9 s was one of 1 s.
#[tokio::test]
async fn parts_of_a_second_count() {
    let Some(redis) = require(Redis::private().await) else { return };
    for millis in [900, 1_900] {
        let ttl = Duration::from_millis(millis);
        let presence = start(&config(&redis).ttl(ttl)).await;
        let mut listener = Listener::open(&presence).await;
        let before = Instant::now();
        presence.online(["a"]).await.unwrap();
        let status = presence.status(["a"]).await.unwrap();
        assert!(status == [Status::Online] || before.elapsed() >= ttl, "{status:?} too early");
        listener.expect("a", Cause::Heartbeat).await;
        listener.expect("a", Cause::Expired).await;
        assert!(before.elapsed() >= ttl, "offline after {:?}", before.elapsed());
        presence.shutdown(PATIENCE).await;
    }
    let config = config(&redis).ttl(*Config::TTL_BOUNDS.start() / 2);
    assert_eq!(Keyspace::start(config).await.unwrap_err().kind(), ErrorKind::Config);
}

/// B11: listening and closing at once was a data race.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn listening_and_closing_at_once_is_either_or() {
    let Some(redis) = require(Redis::private().await) else { return };
    for _ in 0..10 {
        let presence = start(&config(&redis)).await;
        let listen = async |presence: Presence| match presence.events(Since::Now).await {
            // It ends, and does not hang.
            Ok(events) => drop(events.collect::<Vec<_>>().await),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed),
        };
        let listening = join_all((0..8).map(|_| listen(presence.clone())));
        tokio::join!(listening, presence.shutdown(PATIENCE));
    }
}

/// B12: a new listener knew nothing about who was online already.
#[tokio::test]
async fn a_new_listener_learns_who_is_online_from_before_its_process_began() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut ancestor = Ancestor::start(redis.url(), 60).await;
    let ids: Vec<_> = (0..3_000).map(|number| format!("{number:04}")).collect();
    ancestor.online(&ids.iter().map(String::as_str).collect::<Vec<_>>()).await;
    run(&mut stranger(redis.url()).await, "SET otherapp:session:42 x").await;
    let presence = start(&config(&redis)).await;
    let (mut listener, online) = Listener::snapshot(&presence).await;
    assert_eq!(online, ids);
    assert_eq!(presence.count().await.unwrap(), 3_000);
    ancestor.offline("0007").await;
    listener.expect("0007", Cause::Explicit).await;
}

/// B13: the example's batches carried a stale first id.
#[tokio::test]
async fn batches_are_of_the_ids_they_are_made_of() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(60));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    let ids: Vec<_> = (0..25_000).map(|number| number.to_string()).collect();
    // Whole, of which several transactions are made, and by callers who cut it themselves.
    presence.online(&ids[..21_000]).await.unwrap();
    for batch in ids[21_000..].chunks(1_000) {
        presence.online(batch).await.unwrap();
    }
    for id in &ids {
        listener.expect(id, Cause::Heartbeat).await;
    }
}

/// B14: the text of an error had its ids in another order each time.
#[tokio::test]
async fn errors_name_their_ids_in_input_order() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&config(&redis)).await;
    redis.kill().unwrap();
    let error = presence.online(["c", "a\n", "b", ""]).await.unwrap_err();
    let (text, ids): (_, Vec<_>) = (error.to_string(), error.iter().map(|failure| failure.id()).collect());
    assert_eq!(ids, ["c", "a\n", "b", ""]);
    let places = [r#""c""#, r#""a\n""#, r#""b""#].map(|id| text.find(id).unwrap());
    assert!(places.is_sorted(), "{text}");
}

/// Two processes that both find a key absent both make it: the second time is no arrival.
#[tokio::test]
async fn a_key_that_is_made_twice_is_one_arrival() {
    let Some(redis) = require(Redis::private().await) else { return };
    let presence = start(&config(&redis)).await;
    let mut listener = Listener::open(&presence).await;
    let mut stranger = stranger(redis.url()).await;
    run(&mut stranger, "SETEX presence:a 60 a").await;
    run(&mut stranger, "SETEX presence:a 1 a").await;
    listener.expect("a", Cause::Heartbeat).await;
    listener.expect("a", Cause::Expired).await;
}
