//! Everybody at their own pace: answers flow as a client reads, and who floods a reader waits for
//! it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{
    Admission, Answer, Author, ChannelHistory, Config, Connection, Disconnect, Handler, HistoryConfig, Hooks,
    Hub, LateAnswer, Lifecycle, Storage,
};
use futures_util::{SinkExt, StreamExt};
use tokio::io::AsyncReadExt;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, advance, sleep, timeout};
use tokio_tungstenite::tungstenite;
use tokio_util::task::TaskTracker;

use crate::support::{Client, Replay};

/// Answers each call with as many bytes as it says, and counts the calls.
#[derive(Default)]
struct Answers {
    bytes: usize,
    calls: AtomicUsize,
}

impl Handler for Answers {
    fn call(&self, _connection: &Arc<Connection>, message: Message) -> Answer {
        self.calls.fetch_add(1, Ordering::SeqCst);
        Message::with_uuid(Opcode::SERVER, message.uuid, "", vec![b'x'; self.bytes]).into()
    }
}

/// A hub whose outboxes hold 64 KiB.
fn small(handler: impl Handler + 'static) -> Hub {
    let config = Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024);
    let hooks = Hooks::default().handler(handler);
    Hub::start(config, hooks).expect("configuration is valid")
}

async fn feed(client: &mut Client, message: &Message) {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("message has an encoding");
    client.socket.feed(tungstenite::Message::Binary(bytes.freeze())).await.expect("hub reads");
}

/// Sends as many calls as fit into one read, or more; returns their uuids.
async fn calls(client: &mut Client, count: usize) -> Vec<String> {
    let mut uuids = Vec::new();
    for _ in 0..count {
        let call = Message::new(Opcode::SERVER, "", "");
        feed(client, &call).await;
        uuids.push(call.uuid);
    }
    client.socket.flush().await.expect("hub reads");
    uuids
}

#[tokio::test]
async fn a_hundred_calls_in_one_packet_are_answered_in_order() {
    // Together 4 MB, for an outbox of 64 KiB.
    let hub = small(Answers { bytes: 40_000, ..Answers::default() });
    let mut client = Client::connect(&hub).await;
    for uuid in calls(&mut client, 100).await {
        let answer = client.next().await;
        assert_eq!((answer.uuid, answer.body.len()), (uuid, 40_000));
    }
    client.settle().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_computed_for_a_client_that_does_not_read() {
    let answers = Arc::new(Answers { bytes: 20_000, ..Answers::default() });
    let hub = small(Arc::clone(&answers));
    let mut client = Client::connect_with(&hub, Admission::default(), 40_000).await;
    calls(&mut client, 600).await;
    let mut before = usize::MAX;
    loop {
        // Goes on when nobody has anything to do.
        sleep(Duration::from_millis(50)).await;
        let now = answers.calls.load(Ordering::SeqCst);
        if now == before {
            break;
        }
        before = now;
    }
    assert!((1..=8).contains(&before), "{before} answers were made");
    hub.shutdown(Duration::from_millis(100)).await;
    assert_eq!(answers.calls.load(Ordering::SeqCst), before, "and none for a connection that closes");
}

#[tokio::test]
async fn an_answer_that_no_outbox_takes_is_the_servers_fault() {
    let hub = small(Answers { bytes: 70_000, ..Answers::default() });
    let mut client = Client::connect(&hub).await;
    calls(&mut client, 1).await;
    assert_eq!(client.close_code().await, Disconnect::InternalError.code());
}

#[tokio::test]
async fn a_history_larger_than_the_outbox_reaches_whoever_reads_it() {
    let history = ChannelHistory::new(HistoryConfig::default().messages_max(400)).expect("it is valid");
    let history = Arc::new(history);
    let mut sent = Vec::new();
    for number in 0..400_u32 {
        let message = Message::new(Opcode::WRITE, "hello", number.to_string() + &"x".repeat(5_000));
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("fits");
        history.store(
            &Author::Server,
            conductor_hub::protocol::MessageRef::decode(&bytes).expect("is a message"),
        );
        sent.push(message);
    }
    let hub = small(Replay(history));
    let mut client = Client::connect_with(&hub, Admission::user("a").bound_to("hello"), 3_000).await;
    let call = Message::new(Opcode::SERVER, "hello", "");
    client.send(&call).await;
    for message in sent {
        assert_eq!(client.next().await, message);
    }
    assert_eq!(client.next().await.uuid, call.uuid);
    client.settle().await;
}

/// Answers later, and counts who waits.
struct Later {
    queue: mpsc::Sender<(LateAnswer, String)>,
    waiting: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Handler for Later {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        let waiting = self.waiting.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(waiting, Ordering::SeqCst);
        self.queue.try_send((LateAnswer::new(connection), message.uuid)).expect("the test listens");
        Answer::none()
    }
}

#[tokio::test]
async fn calls_that_are_answered_later_are_bounded_and_none_is_lost() {
    let (queue, mut asked) = mpsc::channel::<(LateAnswer, String)>(1_000);
    let (waiting, most) = <(Arc<AtomicUsize>, Arc<AtomicUsize>)>::default();
    let hub = small(Later { queue, waiting: Arc::clone(&waiting), most: Arc::clone(&most) });
    let tasks = TaskTracker::new();
    tasks.spawn(async move {
        while let Some((late, uuid)) = asked.recv().await {
            tokio::task::yield_now().await;
            waiting.fetch_sub(1, Ordering::SeqCst);
            // Some are not answered at all.
            if !uuid.starts_with('0') {
                late.send(&Message::with_uuid(Opcode::SERVER, uuid, "", "")).expect("client reads");
            }
        }
    });
    let mut client = Client::connect(&hub).await;
    for uuid in calls(&mut client, 300).await.into_iter().filter(|uuid| !uuid.starts_with('0')) {
        assert_eq!(client.next().await.uuid, uuid);
    }
    let most = most.load(Ordering::SeqCst);
    assert!((2..=16).contains(&most), "{most} waited at once");
}

/// Reads everything that comes to a member, so many messages, each after a pause; returns their
/// numbers.
async fn read_all(mut client: Client, count: usize, pause: Duration) -> Vec<u32> {
    let mut numbers = Vec::new();
    for _ in 0..count {
        sleep(pause).await;
        let body = client.next().await.body;
        numbers.push(u32::from_be_bytes(body[..4].try_into().expect("body is long")));
    }
    numbers
}

/// A hub that waits for readers however long the machine lets nobody run.
fn patient() -> Hub {
    let long = Duration::from_secs(60);
    let config = Config::default().sender_pause_max(long).stall_timeout(long);
    Hub::start(config, Hooks::default()).expect("configuration is valid")
}

fn numbered(number: u32, bytes: usize) -> Vec<u8> {
    let mut body = number.to_be_bytes().to_vec();
    body.resize(bytes, 0);
    body
}

#[tokio::test]
async fn forty_large_messages_of_one_member_reach_every_reader() {
    let hub = patient();
    let tasks = TaskTracker::new();
    let mut readers = Vec::new();
    for number in 0..4 {
        let client = Client::bound(&hub, "hello").await;
        readers.push(tasks.spawn(read_all(client, 40, Duration::from_millis(number))));
    }
    let mut flooder = Client::bound(&hub, "hello").await;
    for number in 0..40 {
        flooder.write("hello", numbered(number, 250_000)).await;
    }
    for reader in readers {
        assert_eq!(reader.await.expect("nobody is closed"), (0..40).collect::<Vec<_>>());
    }
    flooder.settle().await;
}

#[tokio::test]
async fn many_flooders_at_once_close_no_reader() {
    let hub = patient();
    let tasks = TaskTracker::new();
    let reader = Client::bound(&hub, "hello").await;
    let reader = tasks.spawn(read_all(reader, 8 * 8, Duration::from_millis(2)));
    let (mut members, mut flooders) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        members.push(Client::bound(&hub, "hello").await);
    }
    for member in members {
        let (mut writes, mut reads) = member.socket.split();
        flooders.push(tasks.spawn(async move {
            let write = async {
                for number in 0..8 {
                    let message = Message::new(Opcode::WRITE, "hello", numbered(number, 200_000));
                    let mut bytes = BytesMut::new();
                    message.encode(&mut bytes).expect("fits");
                    writes.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("hub reads");
                }
            };
            let read = async {
                let mut received = 0;
                while received < 7 * 8 {
                    let next = timeout(Duration::from_secs(60), reads.next()).await.expect("hub delivers");
                    received += usize::from(next.expect("it is open").expect("in kind").is_binary());
                }
            };
            tokio::join!(write, read);
        }));
    }
    assert_eq!(reader.await.expect("the reader is not closed").len(), 64);
    for flooder in flooders {
        flooder.await.expect("no flooder is closed who reads");
    }
}

/// A member that reads nothing by itself, and a flooder that has filled half of its outbox.
async fn flooded(hub: &Hub) -> (Client, Client) {
    let slow = Client::connect_with(hub, Admission::user("slow").bound_to("hello"), 100).await;
    let mut flooder = Client::bound(hub, "hello").await;
    for _ in 0..6 {
        flooder.write("hello", vec![0; 6_000]).await;
    }
    (slow, flooder)
}

#[tokio::test(start_paused = true)]
async fn who_chats_is_not_delayed_by_who_floods() {
    let hub = small(());
    let mut reader = Client::bound(&hub, "hello").await;
    let (mut slow, mut flooder) = flooded(&hub).await;
    for _ in 0..5 {
        reader.next().await;
    }
    let start = Instant::now();
    // Its next one is held, as the slow one is behind.
    flooder.write("hello", vec![1; 6_000]).await;
    let mut chatter = Client::bound(&hub, "hello").await;
    let said = chatter.write("hello", "hi").await;
    loop {
        let message = reader.next().await;
        if message == said {
            break;
        }
    }
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    assert_eq!(hub.members("hello"), 4, "nobody is closed");
    // The slow one is read out, and the flooder goes on.
    while hub.members("hello") == 4 && slow.next().await.body.first() != Some(&1) {}
    assert_eq!(hub.members("hello"), 4, "nobody is closed");
}

/// Lets a flooder go on, and tells how long it took until a reader had all of it.
async fn go_on(flooder: &mut Client, reader: &mut Client) -> Duration {
    let start = Instant::now();
    for _ in 0..12 {
        flooder.write("hello", vec![1; 6_000]).await;
    }
    for _ in 0..18 {
        reader.next().await;
    }
    start.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_stands_still_is_waited_for_until_it_is_closed() {
    let hub = small(());
    let mut reader = Client::bound(&hub, "hello").await;
    let (mut slow, mut flooder) = flooded(&hub).await;
    let waited = go_on(&mut flooder, &mut reader).await;
    // It is closed for its pace, whatever others send meanwhile.
    assert!((4..=6).contains(&waited.as_secs()), "{waited:?} for one reader that does not read");
    assert_eq!(slow.close_code().await, Disconnect::SlowReader.code());
    flooder.settle().await;
}

#[tokio::test(start_paused = true)]
async fn a_drip_does_not_slow_others_for_ever() {
    let hub = small(());
    let mut reader = Client::bound(&hub, "hello").await;
    let (slow, mut flooder) = flooded(&hub).await;
    // A byte ten times a second is progress, and no reason to wait for long.
    let mut dripping = slow.socket.into_inner();
    let tasks = TaskTracker::new();
    let drip = tasks.spawn(async move {
        let mut byte = [0];
        while dripping.read(&mut byte).await.is_ok_and(|read| read == 1) {
            sleep(Duration::from_millis(100)).await;
        }
    });
    let waited = go_on(&mut flooder, &mut reader).await;
    assert!((4..=6).contains(&waited.as_secs()), "{waited:?} for one reader that drips");
    while hub.members("hello") == 3 {
        advance(Duration::from_millis(10)).await;
    }
    drip.abort();
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_closed_without_anybody_sending_more() {
    let hub = small(());
    let (mut slow, _flooder) = flooded(&hub).await;
    let start = Instant::now();
    while hub.members("hello") == 2 {
        sleep(Duration::from_millis(100)).await;
    }
    assert!((4..=6).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    assert_eq!(slow.close_code().await, Disconnect::SlowReader.code());
}

/// Floods a reader who takes so much a second, evenly; returns when it is closed, if it is.
async fn closed_at_a_pace_of(kib: usize) -> Option<Duration> {
    // It answers no pings while it reads bytes and not messages.
    let config = Config::default().ping_interval(Duration::from_secs(3_600));
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let reader = Client::connect_with(&hub, Admission::default().bound_to("hello"), 16 * 1024).await;
    let mut flooder = Client::bound(&hub, "hello").await;
    let flooded = hub.clone();
    let flooding = TaskTracker::new().spawn(async move {
        // Without a reader nothing would hold it, and no time would pass.
        while flooded.members("hello") == 2 {
            flooder.write("hello", vec![0; 32 * 1024]).await;
        }
    });
    let (mut socket, mut piece) = (reader.socket.into_inner(), vec![0; kib * 1024 / 10]);
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(40) && hub.members("hello") == 2 {
        sleep(Duration::from_millis(100)).await;
        if socket.read_exact(&mut piece).await.is_err() {
            break;
        }
    }
    flooding.abort();
    (hub.members("hello") < 2).then(|| start.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_least_pace_is_64_kib_a_second_and_a_tenth_less_is_too_slow() {
    for kib in [40, 54, 57] {
        let closed = closed_at_a_pace_of(kib).await;
        let in_time = closed.is_some_and(|after| (4_900..=6_500).contains(&after.as_millis()));
        assert!(in_time, "{kib} KiB a second: closed after {closed:?}");
    }
    for kib in [65, 70] {
        assert_eq!(closed_at_a_pace_of(kib).await, None, "{kib} KiB a second");
    }
}

#[tokio::test(start_paused = true)]
async fn who_reads_a_burst_slowly_stays_once_no_more_than_half_an_outbox_is_left_of_it() {
    // It answers no pings while it reads bytes and not messages.
    let config = Config::default().ping_interval(Duration::from_secs(3_600));
    let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
    let reader = Client::connect_with(&hub, Admission::default().bound_to("hello"), 16 * 1024).await;
    let mut sender = Client::bound(&hub, "hello").await;
    while hub.members("hello") < 2 {
        tokio::task::yield_now().await;
    }
    // 600 KiB, for an outbox of 1 MiB.
    for _ in 0..3 {
        sender.write("hello", vec![0; 200 * 1024]).await;
    }
    let (mut socket, mut piece) = (reader.socket.into_inner(), vec![0; 5 * 1024]);
    for _ in 0..120 {
        sleep(Duration::from_millis(100)).await;
        socket.read_exact(&mut piece).await.expect("it is open");
    }
    assert_eq!(hub.members("hello"), 2, "nobody is closed");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_delays_no_other_channel_of_other_senders() {
    let hub = small(());
    let (slow, mut flooder) = flooded(&hub).await;
    flooder.write("hello", vec![1; 6_000]).await;
    let (mut reader, mut writer) = (Client::bound(&hub, "other").await, Client::bound(&hub, "other").await);
    let start = Instant::now();
    for _ in 0..20 {
        let said = writer.write("other", vec![2; 6_000]).await;
        assert_eq!(reader.next().await, said);
    }
    assert!(start.elapsed() < Duration::from_millis(100), "{:?}", start.elapsed());
    drop(slow);
}

/// Fills half of a slow reader's outbox, and more that its sender has to wait with.
async fn held(hub: &Hub) -> (Client, Client) {
    let (slow, mut flooder) = flooded(hub).await;
    flooder.write("hello", vec![1; 6_000]).await;
    (slow, flooder)
}

#[tokio::test(start_paused = true)]
async fn the_pongs_of_a_sender_who_waits_are_seen_and_missed() {
    for answers in [true, false] {
        let config = Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024);
        let second = Duration::from_secs(1);
        let config = config.ping_interval(second).pong_timeout(second).sender_pause_max(second * 3_600);
        let hub = Hub::start(config, Hooks::default()).expect("configuration is valid");
        let (mut slow, mut flooder) = held(&hub).await;
        let mut pings = 0;
        // Before the slow one is closed for its pace. It shows by itself that it is there.
        for _ in 0..40 {
            let pong = tungstenite::Message::Pong(Bytes::new());
            slow.socket.send(pong).await.expect("hub reads");
            let tenth = Duration::from_millis(100);
            if !answers {
                sleep(tenth).await;
            } else if let Ok(event) = timeout(tenth, flooder.socket.next()).await {
                assert!(event.expect("it is open").expect("in kind").is_ping());
                pings += 1;
            }
        }
        assert_eq!(hub.members("hello"), 1 + usize::from(answers));
        assert_eq!(pings >= 2, answers, "{pings} pings came");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sender_who_waits_and_leaves_is_gone_within_its_pause() {
    for says_goodbye in [true, false] {
        let hub = small(());
        let mut reader = Client::bound(&hub, "hello").await;
        let (_slow, mut flooder) = held(&hub).await;
        let last = flooder.write("hello", "behind what waits").await;
        for _ in 0..6 {
            reader.next().await;
        }
        let start = Instant::now();
        if says_goodbye {
            flooder.socket.close(None).await.expect("hub reads");
        } else {
            drop(flooder);
        }
        while hub.members("hello") > 2 {
            sleep(Duration::from_millis(10)).await;
        }
        assert!(start.elapsed() <= Duration::from_millis(2_100), "{:?}", start.elapsed());
        // What it sent before its goodbye was accepted, in order; the message behind it is
        // delivered if nobody is behind for it any more.
        assert_eq!(reader.next().await.body.len(), 6_000);
        let next = timeout(Duration::from_millis(100), reader.next()).await;
        assert!(next.as_ref().is_err() || next.as_ref().is_ok_and(|next| *next == last), "{next:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_accepted_of_a_sender_who_is_closed_is_delivered() {
    let hub = small(());
    let mut reader = Client::bound(&hub, "hello").await;
    let (_slow, _flooder) = held(&hub).await;
    for _ in 0..6 {
        reader.next().await;
    }
    sleep(Duration::from_millis(10)).await;
    let flooder = hub.connections_in("hello").into_iter().max_by_key(|one| one.id());
    flooder.expect("it waits").close(Disconnect::Kicked);
    assert_eq!(reader.next().await.body.len(), 6_000);
}

/// A lifecycle hook that takes its time.
struct Slow(Notify);

#[async_trait::async_trait]
impl Lifecycle for Slow {
    async fn connected(&self, _connection: &Arc<Connection>) {
        self.0.notified().await;
    }
}

#[tokio::test]
async fn a_slow_hook_makes_nobody_a_slow_reader() {
    let slow = Arc::new(Slow(Notify::new()));
    let config = Config::default().message_bytes_max(8 * 1024).outbox_bytes_max(64 * 1024);
    let hooks = Hooks::default().lifecycle(Arc::clone(&slow));
    let hub = Hub::start(config, hooks).expect("configuration is valid");
    let mut client = Client::connect_with(&hub, Admission::user("a").bound_to("hello"), 4_096).await;
    while hub.members("hello") == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        hub.publish("hello", Bytes::from(vec![0; 5_000])).expect("name is short");
        timeout(Duration::from_secs(60), client.next()).await.expect("it is written");
    }
    slow.0.notify_one();
    client.settle().await;
}
