//! Senders who leave or vanish while the hub waits with what they have sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{Admission, Config, Connection, ConnectionId, Hooks, Hub, Lifecycle};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::task::TaskTracker;

use crate::stream_names::Open;
use crate::support::{Client, Recorder};

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

/// Connects a member that reads nothing, and a sender that has filled half of its outbox.
async fn filled(hub: &Hub) -> (Client, Client) {
    let still = Client::connect_with(hub, Admission::default().bound_to("hello"), 1_000).await;
    while hub.members("hello") < 1 {
        tokio::task::yield_now().await;
    }
    let mut sender = Client::connect_with(hub, Admission::default(), 200_000).await;
    for _ in 0..6 {
        sender.write("hello", vec![0; 6_000]).await;
    }
    sender.settle().await;
    (still, sender)
}

/// Sends as many of these bytes as are taken by the hub, and by the stream to it.
async fn push(sender: &mut Client, bytes: &[u8]) -> usize {
    let (stream, mut sent) = (sender.socket.get_mut(), 0);
    // The clock moves on when nobody has anything to do.
    while sent < bytes.len()
        && let Ok(taken) = timeout(Duration::from_millis(10), stream.write(&bytes[sent..])).await
    {
        sent += taken.expect("the hub reads");
    }
    sent
}

#[tokio::test(start_paused = true)]
async fn what_is_read_of_all_senders_who_wait_for_a_reader_and_is_not_routed_is_bounded() {
    const SENDERS: usize = 30;
    const ROOM: usize = 1024 * 1024;
    let recorder = Recorder::default();
    let config = small().unfinished_bytes_max(ROOM).sender_pause_max(Duration::from_secs(60));
    let hub = metrics::with_local_recorder(&recorder, || hub(config, Hooks::default().auth(Open)));
    let (_still, _filler) = filled(&hub).await;
    let mut senders = Vec::new();
    for _ in 0..SENDERS {
        let mut sender = Client::connect_with(&hub, Admission::default(), 4_096).await;
        sender.write("hello", vec![0; 6_000]).await;
        senders.push(sender);
    }
    sleep(Duration::from_millis(10)).await;
    // Each of them waits with a row, and goes on sending: of one alone 64 KiB would be read.
    let more: Vec<u8> = (0..20).flat_map(|_| frame(6_000)).collect();
    let (message, mut sent) = (more.len() / 20, [0; SENDERS]);
    let routed = || usize::try_from(recorder.count("hub_messages_received_total")).expect("it is a number");
    let (before, mut total, mut most) = (routed(), 0_usize, 0);
    for _ in 0..2 {
        for (sender, sent) in senders.iter_mut().zip(&mut sent) {
            let taken = push(sender, &more[*sent..]).await;
            (*sent, total) = (*sent + taken, total + taken);
            most = total.saturating_sub((routed() - before) * message).max(most);
        }
        // More is read of who has waited for half a second, where there is room.
        sleep(Duration::from_secs(1)).await;
    }
    // On top comes what the streams hold, what was read when the bound was passed, and the messages
    // of others that are not complete.
    let bound = ROOM / 2 + SENDERS * 16 * 1024;
    assert!((ROOM / 32..=bound).contains(&most), "{most} bytes waited");
    // Nobody was closed, and all are answered when the reader is not waited for any more.
    for (sender, sent) in senders.iter_mut().zip(sent) {
        sender.socket.get_mut().write_all(&more[sent..]).await.expect("the hub reads");
        sender.settle().await;
    }
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
