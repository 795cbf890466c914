//! What processes ask of each other.
//!
//! One asks to let go of a name that somebody told to leave, or of a device that was ended
//! elsewhere.
//!
//! ```text
//! asks    kind "left", of, from, token, lines     whoever was told to leave; the receiver checks with Redis before it forgets
//!         kind "end",  of, from, token, lines     a device of the name in the first lines, itself the last
//! answers kind "heard", token
//! ```
//!
//! `of` is a space, `ids` or `rooms`, and a name of it is one line or two: no name has control
//! characters. Mail may get lost: who was told offline is found out at the next comparison of
//! counts, a device ends at its deadline.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::{Device, Error};
use redis::Value;
use redis::aio::MultiplexedConnection;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep, timeout};

use super::ids::IdSpace;
use super::outbox::StepKind;
use super::rooms::RoomSpace;
use super::shared::Shared;
use super::space::Space;

/// The rooms of this process, once it has used some.
pub(super) type Rooms = OnceCell<Arc<Shared<RoomSpace>>>;

/// A message as it lies in the stream.
#[derive(Debug, Default)]
struct Letter {
    kind: String,
    of: String,
    from: String,
    token: u64,
    lines: String,
}

impl<S: Space> Shared<S> {
    /// Tells processes that names left them, and waits for their word, but not for long.
    pub(super) async fn tell_left(&self, told: HashMap<String, Vec<S::Name>>) {
        let letters = told.into_iter().map(|(process, names)| async move {
            for names in names.chunks(NAMES_MAX) {
                let lines: Vec<_> = names.iter().map(S::text).collect();
                self.ask_process(&process, "left", &lines.join("\n")).await;
            }
        });
        // The event is out and has its effect already, so the wait is bounded. A process that does
        // not answer learns of it when it compares counts.
        drop(timeout(ANSWER, futures_util::future::join_all(letters)).await);
    }

    /// Tells processes to end a device, and waits for their word, but not for long.
    pub(super) async fn tell_end(&self, processes: &[String], name: &S::Name, device: &Device) {
        let lines = format!("{}\n{}", S::text(name), device.as_str());
        let letters = processes.iter().map(|process| self.ask_process(process, "end", &lines));
        drop(timeout(ANSWER, futures_util::future::join_all(letters)).await);
    }

    async fn ask_process(&self, process: &str, kind: &str, lines: &str) {
        let mut request = self.requests.begin();
        match self.send(process, kind, request.token(), lines).await {
            Ok(()) => request.answered().await,
            Err(error) => tracing::debug!(
                process,
                error = %format_args!("{error:#}"),
                "another process could not be told of a device; it learns of it later"
            ),
        }
    }

    /// Does what a letter about names of this space asks for.
    async fn handle(&self, letter: &Letter) {
        let lines: Vec<_> = letter.lines.lines().collect();
        match letter.kind.as_str() {
            "left" => self.check(&lines).await,
            "end" => {
                let Some((device, name)) = lines.split_last() else { return };
                if let (Some(name), Ok(device)) = (S::read(&name.join("\n")), Device::new(device)) {
                    self.tracker.end_device(&name, &device);
                }
            }
            _ => {}
        }
    }

    /// Asks Redis whether names are still here, and waits until the answer has had its effect.
    async fn check(&self, lines: &[&str]) {
        let until = Instant::now() + self.patience();
        let ledger = self.tracker.ledger();
        let mut waits = HashMap::new();
        for name in lines.chunks(S::LINES).filter_map(|lines| S::read(&lines.join("\n"))) {
            let shard = ledger.shard(&name);
            let (_, ticket) = waits.entry(shard).or_insert_with(|| (self.shards[shard].wait(), 0));
            *ticket = ledger.push(shard, name, StepKind::Check);
        }
        for (wait, ticket) in waits.into_values() {
            if let Err(error) = wait.until(ticket, until).await {
                tracing::debug!(
                    error = %format_args!("{error:#}"),
                    "ids that another process removed are checked later"
                );
            }
        }
    }

    async fn send(&self, process: &str, kind: &str, token: u64, lines: &str) -> Result<(), Error> {
        let key = self.keys.mail(process);
        let mut pipeline = redis::pipe();
        // The receiver may be dead, so its mail has a bound, and an end in time.
        pipeline.cmd("XADD").arg(&key).arg("MAXLEN").arg("~").arg(LETTERS_MAX).arg("*");
        pipeline
            .arg("kind")
            .arg(kind)
            .arg("of")
            .arg(S::KIND)
            .arg("from")
            .arg(self.process(0))
            .arg("token")
            .arg(token);
        pipeline.arg("lines").arg(lines);
        pipeline.cmd("PEXPIRE").arg(&key).arg(KEPT_MS);
        self.link.pipeline(&key, &pipeline).await.map(drop)
    }
}

/// Up to which message the mail was read, by whichever run.
pub(super) type LastRead = Arc<Mutex<Option<String>>>;

/// Reads the mail of this process until the backend is shut down. It can be started again after a
/// panic, behind the message that was read then.
pub(super) async fn run(shared: Arc<Shared>, rooms: Arc<Rooms>, last: LastRead) {
    let key = shared.keys.mail(&shared.process(0));
    // Boxed, as a connection in the making is large and waits here for long.
    let read = Box::pin(async {
        loop {
            let error = match shared.link.dedicated(&key, BLOCK).await {
                Ok(mut connection) => read(&shared, &rooms, &mut connection, &key, &last).await,
                Err(error) => error,
            };
            tracing::debug!(
                error = %format_args!("{error:#}"),
                "messages of other processes cannot be read; trying again"
            );
            sleep(RETRY.mul_f64(crate::random::fraction())).await;
        }
    });
    shared.closing.run_until_cancelled(read).await;
}

async fn read(
    shared: &Shared,
    rooms: &Rooms,
    connection: &mut MultiplexedConnection,
    key: &str,
    last: &Mutex<Option<String>>,
) -> Error {
    loop {
        let block = u64::try_from(BLOCK.as_millis()).unwrap_or(u64::MAX);
        let after = last.lock().clone().unwrap_or_else(|| "0-0".to_owned());
        let mut read = redis::cmd("XREAD");
        read.arg("COUNT").arg(LETTERS_MAX).arg("BLOCK").arg(block).arg("STREAMS").arg(key).arg(after);
        let answer = match read.query_async::<Value>(connection).await {
            Ok(Value::Nil) => continue,
            Ok(answer) => answer,
            Err(error) => return shared.link.failed(error),
        };
        type Streams = Vec<(String, Vec<(String, HashMap<String, String>)>)>;
        let streams = match shared.link.read::<Streams>(key, answer) {
            Ok(streams) => streams,
            Err(error) => return error,
        };
        for (id, fields) in streams.into_iter().flat_map(|(_, letters)| letters) {
            // The order matters: a letter by which this task panics is not opened again when it is
            // restarted.
            *last.lock() = Some(id);
            open(shared, rooms, Letter::new(fields)).await;
        }
    }
}

async fn open(shared: &Shared, rooms: &Rooms, letter: Letter) {
    if letter.kind == "heard" {
        shared.requests.answer(letter.token);
        return;
    }
    match (letter.of == IdSpace::KIND, rooms.get()) {
        (true, _) => shared.handle(&letter).await,
        (false, Some(rooms)) => rooms.handle(&letter).await,
        // This process has not used rooms yet, so nobody has a seat here.
        (false, None) => {}
    }
    if let Err(error) = shared.send(&letter.from, "heard", letter.token, "").await {
        tracing::debug!(
            process = letter.from,
            error = %format_args!("{error:#}"),
            "a message of another process could not be answered"
        );
    }
}

impl Letter {
    fn new(mut fields: HashMap<String, String>) -> Self {
        let mut take = |name| fields.remove(name).unwrap_or_default();
        Self {
            kind: take("kind"),
            of: take("of"),
            from: take("from"),
            token: take("token").parse().unwrap_or(u64::MAX),
            lines: take("lines"),
        }
    }
}

/// How long a process is waited for that has to let go of something.
const ANSWER: Duration = Duration::from_millis(250);
const BLOCK: Duration = Duration::from_secs(2);
const RETRY: Duration = Duration::from_millis(500);
/// About how many letters are kept for a process, and how many are read at once.
const LETTERS_MAX: usize = 1024;
/// How many names one letter has.
const NAMES_MAX: usize = 1000;
/// How long the mail of a process is kept after its last letter, in milliseconds.
const KEPT_MS: u64 = 60_000;
