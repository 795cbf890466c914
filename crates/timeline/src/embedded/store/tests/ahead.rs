//! What becomes of calls that come while a batch is being written.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::*;
use crate::{EntryKind, MessageId};

/// What becomes of a batch.
enum Verdict {
    Write,
    Fail,
    Panic,
}

/// A store whose batches wait until the test lets go of them.
struct Held {
    timeline: Timeline,
    store: Arc<EmbeddedStore>,
    tasks: TaskTracker,
    is_held: Arc<AtomicBool>,
    /// A batch is about to be written.
    begun: mpsc::Receiver<()>,
    go: Sender<Verdict>,
}

/// What a spawned call answers.
type Answer<T> = tokio::task::JoinHandle<Result<T>>;

/// So many sends are in the batch that is held: more than are written without another thread.
const SENDS: usize = 20;

/// How many sends are made before.
const BEFORE: u64 = 4;

fn holding(is_held: Arc<AtomicBool>, begun: mpsc::Sender<()>, go: Receiver<Verdict>) -> Commit {
    Box::new(move |batch| {
        if is_held.load(Ordering::SeqCst) {
            begun.blocking_send(()).ok();
            match go.recv() {
                Ok(Verdict::Write) | Err(_) => {}
                Ok(Verdict::Fail) => return Err(fjall::Error::Io(std::io::ErrorKind::StorageFull.into())),
                Ok(Verdict::Panic) => panic!("the test wants it"),
            }
        }
        batch.durability(Some(PersistMode::SyncData)).commit()
    })
}

impl Held {
    /// Starts a store, and has it begin to write the first sends with the ids `m0`, `m1`, … from
    /// `a` to `b`, whose places are those behind [`BEFORE`].
    async fn start(config: Config) -> (Self, Vec<Answer<(u64, u64)>>) {
        let (is_held, (begin, begun), (go, wait)) = (Arc::default(), mpsc::channel(1), channel());
        let commit = holding(Arc::clone(&is_held), begin, wait);
        let store = Arc::new(EmbeddedStore::start_with(config, commit).await.unwrap());
        let timeline = Timeline::start(crate::Config::default(), Arc::clone(&store)).unwrap();
        let mut held = Self { timeline, store, tasks: TaskTracker::new(), is_held, begun, go };
        // After each there is a chore, if an earlier start may have left some.
        for number in 1..BEFORE {
            assert_eq!(held.say(&format!("before{number}")).await.unwrap().unwrap(), (number, number));
        }
        held.is_held.store(true, Ordering::SeqCst);
        let first = held.say("first");
        held.begins().await;
        let answers = (0..SENDS).map(|number| held.say(&format!("m{number}"))).collect();
        held.handed_over(SENDS).await;
        held.lets(Verdict::Write);
        assert_eq!(first.await.unwrap().unwrap(), (BEFORE, BEFORE));
        held.begins().await;
        (held, answers)
    }

    fn spawn<T: Send + 'static>(&self, call: impl Future<Output = Result<T>> + Send + 'static) -> Answer<T> {
        self.tasks.spawn(call)
    }

    /// Sends from `a` to `b`; the answer is the sequence, and the place.
    fn say(&self, id: &str) -> Answer<(u64, u64)> {
        self.say_text(id, "{\"n\":1}")
    }

    fn say_text(&self, id: &str, text: &str) -> Answer<(u64, u64)> {
        let send = NewMessage::new(member("a"), member("b"), Message::new(text).unwrap());
        let (timeline, send) = (self.timeline.clone(), send.message_id(MessageId::new(id).unwrap()));
        self.spawn(async move {
            let sent = timeline.send(send).await?;
            Ok((sent.sequence.get(), sent.place.get()))
        })
    }

    /// Waits until the next batch is about to be written.
    async fn begins(&mut self) {
        timeout(GRACE, self.begun.recv()).await.expect("within a minute").unwrap();
    }

    fn lets(&self, verdict: Verdict) {
        self.go.send(verdict).unwrap();
    }

    /// Lets all batches be written from now on, beginning with that which is held.
    fn release(&self) {
        self.is_held.store(false, Ordering::SeqCst);
        self.lets(Verdict::Write);
    }

    /// Waits until so many calls wait in the channel.
    async fn handed_over(&self, calls: usize) {
        let commands = &self.store.commands;
        while commands.max_capacity() - commands.capacity() != calls {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until so many sends are planned beside the batch that is being written, and so many
    /// calls wait with them.
    async fn planned(&self, sends: usize, calls: usize) {
        let mut planned = self.store.shared.planned_ahead.subscribe();
        let wait = planned.wait_for(|planned| *planned == (sends, calls));
        timeout(GRACE, wait).await.expect("within a minute").unwrap();
    }

    /// Sends again until the store can be written to, which may note a panic after its callers have
    /// heard of it.
    async fn say_again(&self, id: &str) -> (u64, u64) {
        loop {
            until(&self.timeline, State::is_well).await;
            match self.say(id).await.unwrap() {
                Ok(answer) => return answer,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
            }
        }
    }

    async fn inbox(&self, id: &str) -> InboxPage {
        self.timeline.sync(&member(id), Seq::ZERO, Count::new(1_000)).await.unwrap()
    }

    async fn ended(self) {
        assert!(self.timeline.shutdown(GRACE).await);
    }
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair() -> Conversation {
    Conversation::single(member("a"), member("b"))
}

/// Waits until the calls are refused, with such a reason.
async fn unavailable<T: fmt::Debug>(answers: impl IntoIterator<Item = Answer<T>>, told: &str) {
    for answer in answers {
        let error = timeout(GRACE, answer).await.expect("within a minute").unwrap().unwrap_err();
        let text = error.to_string();
        assert!(error.kind() == ErrorKind::Unavailable && text.contains(told), "{text}");
    }
}

#[tokio::test]
async fn sends_that_come_meanwhile_are_in_the_next_batch_and_nobody_sees_them_before() {
    let directory = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let (held, first) = Held::start(Config::new(directory.path()).observer(Arc::clone(&heard))).await;
    let second = [held.say("n0"), held.say("n1")];
    held.planned(2, 2).await;
    assert_eq!(held.inbox("b").await.latest_seq, seq(BEFORE), "nothing of it is durable");
    assert!(heard.0.lock().unwrap().iter().all(|sequence| *sequence <= BEFORE));
    assert!(first.iter().chain(&second).all(|answer| !answer.is_finished()));
    held.lets(Verdict::Write);
    let (mut held, mut next) = (held, BEFORE);
    for answer in first {
        next += 1;
        assert_eq!(answer.await.unwrap().unwrap(), (next, next));
    }
    held.begins().await;
    assert_eq!(held.inbox("b").await.latest_seq, seq(next), "the second batch is being written");
    assert!(second.iter().all(|answer| !answer.is_finished()));
    held.release();
    for answer in second {
        next += 1;
        assert_eq!(answer.await.unwrap().unwrap(), (next, next));
    }
    assert_eq!(held.inbox("b").await.entries.len() as u64, next);
    held.ended().await;
    super::super::super::check_deep(directory.path()).unwrap();
}

#[tokio::test]
async fn a_batch_that_fails_takes_along_what_was_planned_on_it() {
    for (verdict, told) in [(Verdict::Fail, "no storage space"), (Verdict::Panic, "")] {
        let directory = tempfile::tempdir().unwrap();
        let (held, first) = Held::start(Config::new(directory.path())).await;
        let second = [held.say("n0"), held.say("n1")];
        held.planned(2, 2).await;
        // Whatever is written from now on was not begun by those two.
        held.is_held.store(false, Ordering::SeqCst);
        held.lets(verdict);
        unavailable(first.into_iter().chain(second), told).await;
        for (id, next) in [("n1", BEFORE + 1), ("m0", BEFORE + 2), ("n0", BEFORE + 3)] {
            assert_eq!(held.say_again(id).await, (next, next), "nothing was written");
        }
        held.ended().await;
        super::super::super::check_deep(directory.path()).unwrap();
    }
}

#[tokio::test]
async fn a_message_id_of_the_batch_that_is_being_written_has_one_effect() {
    let directory = tempfile::tempdir().unwrap();
    let (held, first) = Held::start(Config::new(directory.path())).await;
    let (again, other) = (held.say("m3"), held.say_text("m4", "{\"n\":2}"));
    let new = held.say("n0");
    held.planned(3, 3).await;
    held.release();
    let mut answers = Vec::new();
    for answer in first {
        answers.push(answer.await.unwrap().unwrap());
    }
    assert_eq!(again.await.unwrap().unwrap(), answers[3]);
    assert_eq!(other.await.unwrap().unwrap_err().kind(), ErrorKind::Conflict);
    let last = BEFORE + SENDS as u64 + 1;
    assert_eq!(new.await.unwrap().unwrap(), (last, last));
    assert_eq!(held.inbox("b").await.entries.len() as u64, last);
    held.ended().await;
}

#[tokio::test]
async fn calls_of_other_kinds_see_the_batch_that_is_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let (held, first) = Held::start(Config::new(directory.path())).await;
    let of_first = BEFORE + 5;
    let before = held.say("n0");
    held.planned(1, 1).await;
    let timeline = held.timeline.clone();
    let edit = held.spawn(async move {
        let message = Message::new("{\"n\":3}").unwrap();
        timeline.edit(&pair(), seq(of_first), Some(member("a")), message).await
    });
    let timeline = held.timeline.clone();
    let ack = held.spawn(async move { timeline.ack(&member("b"), seq(of_first - 1)).await });
    let behind = held.say("n1");
    held.planned(1, 4).await;
    held.release();
    for answer in first {
        answer.await.unwrap().unwrap();
    }
    let last = BEFORE + SENDS as u64;
    assert_eq!(before.await.unwrap().unwrap().1, last + 1);
    assert_eq!(edit.await.unwrap().unwrap().place, seq(last + 2), "behind what came before it");
    assert_eq!(ack.await.unwrap().unwrap(), seq(of_first - 1));
    assert_eq!(behind.await.unwrap().unwrap().1, last + 3);
    let inbox = held.inbox("b").await;
    assert_eq!((inbox.floor, inbox.latest_seq), (seq(of_first - 1), seq(last + 3)));
    assert_eq!(inbox.entries[0].message.as_str(), "{\"n\":3}");
    assert_eq!(inbox.entries[inbox.entries.len() - 2].kind, EntryKind::Edit);
    held.ended().await;
}

#[tokio::test]
async fn a_panic_about_what_comes_meanwhile_leaves_the_batch_that_is_being_written() {
    let directory = tempfile::tempdir().unwrap();
    let (held, first) = Held::start(Config::new(directory.path())).await;
    let planned = held.say("n0");
    held.planned(1, 1).await;
    let told = directory.path().join("panic-ahead");
    std::fs::write(&told, "").unwrap();
    let comes = held.say("n1");
    held.planned(0, 0).await;
    held.release();
    for (number, answer) in first.into_iter().enumerate() {
        assert_eq!(answer.await.unwrap().unwrap().1, BEFORE + 1 + number as u64);
    }
    unavailable([planned, comes], "").await;
    std::fs::remove_file(told).unwrap();
    let next = BEFORE + SENDS as u64 + 1;
    assert_eq!(held.say_again("n0").await, (next, next));
    held.ended().await;
}

#[tokio::test]
async fn a_shutdown_writes_what_was_planned_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let config = Config::new(directory.path());
    let (held, first) = Held::start(config.clone()).await;
    let second = held.say("n0");
    held.planned(1, 1).await;
    let timeline = held.timeline.clone();
    let end = held.tasks.spawn(async move { timeline.shutdown(GRACE).await });
    while !held.store.shared.is_closed() {
        tokio::task::yield_now().await;
    }
    held.release();
    for answer in first {
        answer.await.unwrap().unwrap();
    }
    let last = BEFORE + SENDS as u64 + 1;
    assert_eq!(second.await.unwrap().unwrap(), (last, last));
    assert!(end.await.unwrap());
    drop(held);
    let store = EmbeddedStore::start(config).await.unwrap();
    let inbox = store.inbox(&member("b"), Seq::ZERO.into(), Count::new(1_000)).await.unwrap();
    assert_eq!(inbox.latest_seq, seq(last));
}
