//! Senders who leave or vanish while the hub waits with what they have sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Config, Connection, ConnectionId, Hooks, Hub, Lifecycle};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::stream_names::Open;
use crate::support::Client;

/// The outboxes hold 64 KiB.
fn small() -> Config {
    Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024)
}

fn hub(config: Config, hooks: Hooks) -> Hub {
    Hub::start(config, hooks).expect("configuration is valid")
}

/// Reads 100 KiB a second, and answers no ping but says all the time that it is there.
async fn read_steadily(reader: Client) {
    let (mut socket, mut piece) = (reader.socket.into_inner(), [0; 1024]);
    while socket.read_exact(&mut piece).await.is_ok() {
        let pong = [0x8A, 0x80, 0, 0, 0, 0];
        if socket.write_all(&pong).await.is_err() {
            break;
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// Begins an upload of so many messages, with which the hub has to wait.
///
/// Its reader takes several seconds for it.
async fn uploading(hub: &Hub, messages: usize) -> (Client, JoinHandle<()>) {
    let admission = || Admission::default().bound_to("hello");
    let reader = Client::connect_with(hub, admission(), 4_096).await;
    let mut uploader = Client::connect_with(hub, admission(), 4_000_000).await;
    while hub.members("hello") < 2 {
        tokio::task::yield_now().await;
    }
    let reading = TaskTracker::new().spawn(read_steadily(reader));
    for _ in 0..messages {
        uploader.write("hello", vec![0; 6_000]).await;
    }
    (uploader, reading)
}

#[tokio::test(start_paused = true)]
async fn who_leaves_in_the_middle_of_an_upload_is_gone_within_its_pause() {
    for says_goodbye in [true, false] {
        let hub = hub(small(), Hooks::default());
        let (mut uploader, reading) = uploading(&hub, 150).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(hub.members("hello"), 2);
        let start = Instant::now();
        let stays = if says_goodbye {
            uploader.socket.close(None).await.expect("hub reads");
            Some(uploader)
        } else {
            drop(uploader);
            None
        };
        while hub.members("hello") > 1 {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(start.elapsed() <= Duration::from_millis(2_700), "{says_goodbye} {:?}", start.elapsed());
        assert!(!reading.is_finished(), "the reader stays");
        reading.abort();
        drop(stays);
    }
}

#[tokio::test(start_paused = true)]
async fn a_goodbye_behind_more_than_is_read_ahead_is_seen_when_less_is_left() {
    let hub = hub(small(), Hooks::default());
    // 1.5 MB, of which 1 MiB is read ahead. To deliver all of it takes 15 s.
    let (mut uploader, reading) = uploading(&hub, 250).await;
    sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    uploader.socket.close(None).await.expect("hub reads");
    while hub.members("hello") > 1 {
        sleep(Duration::from_millis(10)).await;
    }
    // Later than if all was read ahead, and before all is delivered and waited for.
    let taken = start.elapsed().as_millis();
    assert!((2_000..=20_000).contains(&taken), "{taken} ms");
    assert!(!reading.is_finished(), "the reader stays");
    reading.abort();
}

#[tokio::test(start_paused = true)]
async fn no_sender_is_closed_for_what_waits_for_a_reader_however_many_send() {
    let config = small().unfinished_bytes_max(64 * 1024);
    let hub = hub(config, Hooks::default().auth(Open));
    let _still = Client::connect_with(&hub, Admission::default().bound_to("hello"), 4_096).await;
    while hub.members("hello") < 1 {
        tokio::task::yield_now().await;
    }
    let mut senders = Vec::new();
    for number in 0..40_u8 {
        let mut sender = Client::connect(&hub).await;
        // Together 960 KB, of which there is room for 64 KiB.
        for _ in 0..3 {
            sender.write("hello", vec![number; 8_000]).await;
        }
        senders.push(sender);
    }
    for sender in &mut senders {
        sender.settle().await;
    }
    assert_eq!(hub.members("hello"), 0, "the reader is the one who cannot keep up");
}

/// Returns the frame of a message to `hello` with a body of so many bytes.
fn frame(bytes: usize) -> Vec<u8> {
    let mut encoded = BytesMut::new();
    Message::new(Opcode::WRITE, "hello", vec![0; bytes]).encode(&mut encoded).expect("it is short");
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend(u16::try_from(encoded.len()).expect("it is short").to_be_bytes());
    frame.extend([0; 4]);
    frame.extend_from_slice(&encoded);
    frame
}

#[tokio::test(start_paused = true)]
async fn no_upload_is_ended_for_what_another_sender_holds_who_waits_for_a_reader() {
    let hub = hub(small().unfinished_bytes_max(64 * 1024), Hooks::default().auth(Open));
    let _still = Client::connect_with(&hub, Admission::default().bound_to("hello"), 4_096).await;
    while hub.members("hello") < 1 {
        tokio::task::yield_now().await;
    }
    let mut uploader = Client::connect(&hub).await;
    let upload = frame(7_000);
    uploader.socket.get_mut().write_all(&upload[..4_000]).await.expect("hub reads");
    // More than half of an outbox, and what is read ahead behind it is more than all the room.
    let mut sender = Client::connect_with(&hub, Admission::default(), 200_000).await;
    for _ in 0..25 {
        sender.write("hello", vec![0; 6_000]).await;
    }
    // The clock moves on when the hub has nothing more to do.
    sleep(Duration::from_millis(10)).await;
    uploader.socket.get_mut().write_all(&upload[4_000..]).await.expect("hub reads");
    uploader.settle().await;
}

#[tokio::test(start_paused = true)]
async fn who_vanishes_in_the_middle_of_an_upload_is_missed_like_anybody() {
    let alive = Arc::new(Alive::default());
    let second = Duration::from_secs(1);
    let config = small().ping_interval(second).pong_timeout(second);
    let hub = hub(config, Hooks::default().lifecycle(Arc::clone(&alive)));
    let start = Instant::now();
    // Nobody reads or answers for it any more.
    let (vanished, reading) = uploading(&hub, 150).await;
    while hub.members("hello") > 1 {
        sleep(Duration::from_millis(10)).await;
    }
    assert!(start.elapsed() <= Duration::from_millis(3_700), "{:?}", start.elapsed());
    assert!(!reading.is_finished(), "the reader stays");
    let id = hub.connections_in("hello")[0].id();
    let of_vanished = alive.0.lock().iter().filter(|&&of| of != id).count();
    assert!(of_vanished <= 3, "{of_vanished} times alive");
    reading.abort();
    drop(vanished);
}

/// Notes of whom it is told that they are alive.
#[derive(Default)]
struct Alive(Mutex<Vec<ConnectionId>>);

#[async_trait::async_trait]
impl Lifecycle for Alive {
    async fn alive(&self, connection: &Arc<Connection>) {
        self.0.lock().push(connection.id());
    }
}
