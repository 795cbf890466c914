//! Readers who are behind: what they are given, and what all of them together may hold.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Config, Disconnect, Hooks, Hub};
use tokio::time::{advance, sleep};
use tokio_util::task::TaskTracker;

use crate::support::Client;

/// A hub that ends nobody for a pause in reading, as a busy machine makes such pauses.
fn hub() -> Hub {
    let config = Config::default().stall_timeout(Duration::from_secs(60));
    Hub::start(config, Hooks::default()).expect("configuration is valid")
}

/// A member that has to read before more than a little comes.
async fn member(hub: &Hub) -> Client {
    let before = hub.members("inbox");
    let client = Client::connect_with(hub, Admission::user("bob").bound_to("inbox"), 4_096).await;
    while hub.members("inbox") == before {
        tokio::task::yield_now().await;
    }
    client
}

fn body(number: u32, bytes: usize) -> String {
    format!("{number}{}", " ".repeat(bytes))
}

fn number(message: &Message) -> u32 {
    std::str::from_utf8(&message.body).expect("it is text").trim().parse().expect("it is a number")
}

/// Reads up to the message of that number; returns the numbers.
async fn numbers(client: &mut Client, last: u32) -> Vec<u32> {
    let mut numbers = Vec::new();
    while numbers.last() != Some(&last) {
        numbers.push(number(&client.next().await));
        sleep(Duration::from_millis(1)).await;
    }
    numbers
}

#[tokio::test]
async fn whatever_is_pushed_in_a_row_closes_nobody_who_reads() {
    let hub = hub();
    let mut client = member(&hub).await;
    for (count, bytes) in [(40, 250_000), (10_000, 200)] {
        for number in 0..count {
            let taken = hub.publish_latest("inbox", body(number, bytes)).expect("name is short");
            assert_eq!(taken, 1, "closed at {number} of {bytes} bytes");
        }
        let heard = numbers(&mut client, count - 1).await;
        assert_eq!(heard[0], 0);
        assert!(heard.is_sorted_by(|a, b| a < b) && heard.len() < count as usize);
    }
    client.settle().await;
    assert_eq!(hub.stats().outboxes_bytes, 0);
    // What may leave out nothing closes.
    while hub.publish("inbox", body(0, 250_000)).expect("name is short") == 1 {}
    assert_eq!(client.close_code().await, Disconnect::SlowReader.code());
}

#[tokio::test]
async fn each_connection_is_behind_by_itself() {
    let hub = hub();
    let (mut slow, mut quick) = (member(&hub).await, member(&hub).await);
    for sent in 0..20 {
        assert_eq!(hub.publish_latest("inbox", body(sent, 200_000)).expect("name is short"), 2);
        assert_eq!(number(&quick.next().await), sent);
    }
    let heard = numbers(&mut slow, 19).await;
    assert!(heard.len() < 5, "{heard:?}");
    slow.settle().await;
    quick.settle().await;
}

#[tokio::test]
async fn what_is_kept_of_a_channel_is_not_given_to_who_has_left_it() {
    let hub = hub();
    let mut client = member(&hub).await;
    client.send(&Message::new(Opcode::BIND, "cursor", "")).await;
    client.settle().await;
    let mut writer = Client::bound(&hub, "cursor").await;
    hub.publish("inbox", body(1, 600_000)).expect("name is short");
    assert_eq!(hub.publish_latest("cursor", body(2, 10)).expect("name is short"), 2);
    writer.next().await;
    // What others write to the channel comes behind it.
    writer.write("cursor", body(3, 10)).await;
    writer.settle().await;
    assert_eq!(hub.publish_latest("cursor", body(4, 10)).expect("name is short"), 2);
    drop(writer);
    client.send(&Message::new(Opcode::UNBIND, "cursor", "")).await;
    while hub.members("cursor") > 0 {
        tokio::task::yield_now().await;
    }
    hub.publish_latest("inbox", body(5, 10)).expect("name is short");
    assert_eq!(numbers(&mut client, 5).await, [1, 2, 3, 5]);
    client.settle().await;
}

/// Room for four full outboxes.
const ROOM: usize = 256 * 1024;

fn small() -> Hub {
    let config =
        Config::default().message_bytes_max(16 * 1024).outbox_bytes_max(64 * 1024).outboxes_bytes_max(ROOM);
    Hub::start(config, Hooks::default()).expect("configuration is valid")
}

/// Connects so many, each bound to a channel; none reads by itself.
async fn members(hub: &Hub, count: usize, channel: impl Fn(usize) -> String) -> Vec<Client> {
    let mut members = Vec::new();
    for number in 0..count {
        let admission = Admission::default().bound_to(channel(number));
        members.push(Client::connect_with(hub, admission, 512).await);
    }
    while (0..count).any(|number| hub.members(&channel(number)) == 0) {
        tokio::task::yield_now().await;
    }
    members
}

fn own(number: usize) -> String {
    format!("own {number}")
}

#[tokio::test(start_paused = true)]
async fn who_stands_still_goes_when_there_is_no_room_and_who_reads_stays() {
    let hub = small();
    let mut reader = Client::bound(&hub, "hello").await;
    let still = members(&hub, 50, own).await;
    for number in 0..50 {
        hub.publish(&own(number), vec![0; 30_000]).expect("name is short");
        // They have had time to read, had they wanted to.
        sleep(Duration::from_millis(300)).await;
        hub.publish("hello", vec![1; 30_000]).expect("name is short");
        assert_eq!(reader.next().await.body.len(), 30_000);
        assert!(hub.stats().outboxes_bytes <= ROOM + 70_000, "{:?}", hub.stats());
    }
    let ended = (0..50).filter(|&number| hub.members(&own(number)) == 0).count();
    assert!((40..50).contains(&ended), "{ended}");
    reader.settle().await;
    drop(still);
    hub.shutdown(Duration::from_secs(10)).await;
    assert_eq!(hub.stats().outboxes_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_weighs_the_same_however_large_its_channel_is() {
    let hub = small();
    let clients = members(&hub, 200, |_| "hello".to_owned()).await;
    while hub.members("hello") < 200 {
        tokio::task::yield_now().await;
    }
    // 10 MB if each had its own.
    for _ in 0..5 {
        assert_eq!(hub.publish("hello", vec![0; 10_000]).expect("name is short"), 200);
        advance(Duration::from_millis(300)).await;
        tokio::task::yield_now().await;
    }
    let held = hub.stats().outboxes_bytes;
    assert!((50_000..100_000).contains(&held), "{held}");
    assert_eq!(hub.members("hello"), 200, "nobody is ended");
    drop(clients);
    while hub.stats().connections > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(hub.stats().outboxes_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_to_many_waits_for_readers_who_read() {
    let begun = Instant::now();
    loop {
        let (closed, most, longest) = publish_to_readers().await;
        // A wait of half a second ends those who stand still: a machine that lets nobody read for
        // so long proves nothing.
        if longest < Duration::from_millis(500) {
            assert_eq!(closed, 0, "nobody is closed");
            assert!(most < ROOM, "{most}");
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "readers made no room for {longest:?}");
    }
}

/// Publishes to many who read. Returns how many of them were closed, the most that waited for them,
/// and for how long the publisher waited at most.
async fn publish_to_readers() -> (usize, usize, Duration) {
    let hub = small();
    let tasks = TaskTracker::new();
    let mut readers = Vec::new();
    for mut client in members(&hub, 100, own).await {
        readers.push(tasks.spawn(async move {
            for number in 0..4_u8 {
                assert_eq!(client.next().await.body[0], number);
            }
            client.settle().await;
        }));
    }
    let publisher = hub.clone();
    // 4 MB, sixteen times the room, to readers of whom none is ever behind.
    let publishing = thread::spawn(move || {
        let (mut most, mut longest) = (0, Duration::ZERO);
        for number in 0..4_u8 {
            for member in 0..100 {
                let asked = Instant::now();
                publisher.wait_for_room();
                longest = longest.max(asked.elapsed());
                publisher.publish(&own(member), vec![number; 10_000]).expect("name is short");
                most = most.max(publisher.stats().outboxes_bytes);
            }
        }
        (most, longest)
    });
    let mut closed = 0;
    for reader in readers {
        closed += usize::from(reader.await.is_err());
    }
    let (most, longest) = publishing.join().expect("it does not fail");
    (closed, most, longest)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_publishes_to_many_waits_for_those_who_stand_still_once() {
    let begun = Instant::now();
    // On a busy machine the reader itself may be kept from reading for as long as it takes to be
    // closed.
    while let Err(longest) = publish_beside_still_readers().await {
        assert!(longest >= Duration::from_millis(200), "a reader that reads was closed after {longest:?}");
        assert!(begun.elapsed() < Duration::from_secs(60), "the reader is kept from reading for {longest:?}");
    }
}

/// Publishes to fourteen who stand still and to one who reads.
///
/// Fails when that one is closed, with the longest time that a message took to be read.
async fn publish_beside_still_readers() -> Result<(), Duration> {
    let hub = small();
    let still = members(&hub, 14, own).await;
    let mut reader = Client::bound(&hub, "hello").await;
    let publisher = hub.clone();
    let (has_read, read) = mpsc::channel();
    let publishing = thread::spawn(move || {
        let mut longest = Duration::ZERO;
        for member in 0..14 {
            publisher.wait_for_room();
            publisher.publish_latest(&own(member), vec![0; 40_000]).expect("name is short");
            publisher.wait_for_room();
            let published = Instant::now();
            publisher.publish("hello", vec![0; 40_000]).expect("name is short");
            let taken = read.recv();
            longest = longest.max(published.elapsed());
            if taken.is_err() {
                return Err(longest);
            }
        }
        Ok(())
    });
    let reading = TaskTracker::new().spawn(async move {
        for _ in 0..14 {
            reader.next().await;
            has_read.send(()).expect("somebody publishes");
        }
        reader.settle().await;
    });
    // One that is closed panics, and lets go of its end of the channel.
    let read_all = reading.await.is_ok();
    publishing.join().expect("it does not fail")?;
    assert!(read_all, "the reader has read everything and was closed then");
    let open = (0..14).filter(|&number| hub.members(&own(number)) == 1).count();
    assert!((1..14).contains(&open), "{open}");
    drop(still);
    Ok(())
}
