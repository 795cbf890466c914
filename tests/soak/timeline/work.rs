//! The process that is killed: every device of every user does this and that until then.

use std::error::Error;
use std::io::stdin;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use timeline::contract::set_clock_ahead;
use timeline::{Count, GroupName, MessageId, NewGroupMessage, NewMessage, Result, Seq, Timeline};
use tokio::task::JoinSet;

use crate::line::{Call, Line, Talk, say};
use crate::store::open_to_work;
use crate::talk::{member, message, text};
use crate::users::{DEVICES, USERS};

type Fault = Box<dyn Error + Send + Sync>;

/// Opens the store by a clock that is so far ahead, and has all devices work until the process is
/// killed.
pub(crate) async fn run(
    directory: &Path,
    round: u64,
    seed: u64,
    ahead_ms: i64,
) -> std::result::Result<(), Box<dyn Error>> {
    set_clock_ahead(ahead_ms);
    let unanswered: Vec<Call> = serde_json::from_reader(stdin())?;
    let timeline = open_to_work(directory).await?;
    let (numbers, mut devices) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    repeat(&timeline, &numbers, unanswered).await.map_err(|fault| -> Box<dyn Error> { fault })?;
    for number in 0..USERS * DEVICES {
        let worker = Device {
            timeline: timeline.clone(),
            user: number / DEVICES,
            number,
            round,
            rng: Rng::with_seed(seed ^ (round << 8) ^ number as u64),
            numbers: Arc::clone(&numbers),
            own: Vec::new(),
        };
        devices.spawn(worker.work());
    }
    // None of them ends but by an error.
    while let Some(ended) = devices.join_next().await {
        ended?.map_err(|fault| -> Box<dyn Error> { fault })?;
    }
    Ok(())
}

/// Repeats the sends that were not answered before the process before was killed, all at once.
async fn repeat(
    timeline: &Timeline,
    numbers: &Arc<AtomicU64>,
    unanswered: Vec<Call>,
) -> std::result::Result<(), Fault> {
    let mut sends = JoinSet::new();
    for call in unanswered {
        let Call::Send { from, talk, id } = call.clone() else { continue };
        let (timeline, numbers) = (timeline.clone(), Arc::clone(numbers));
        sends.spawn(async move { tell(&numbers, call, send(&timeline, from, talk, &id)).await });
    }
    while let Some(sent) = sends.join_next().await {
        sent??;
    }
    Ok(())
}

/// Says that a call is made, makes it, and says what was answered.
async fn tell(
    numbers: &AtomicU64,
    call: Call,
    answer: impl Future<Output = Result<u64>>,
) -> std::result::Result<u64, Fault> {
    let number = numbers.fetch_add(1, Ordering::Relaxed);
    say(&Line::Try { number, call })?;
    let answer = answer.await?;
    say(&Line::Done { number, answer })?;
    Ok(answer)
}

/// Sends the message of an id, and returns its place.
async fn send(timeline: &Timeline, from: usize, talk: Talk, id: &str) -> Result<u64> {
    let (sender, body, message_id) = (member(from)?, message(&text(id))?, Some(MessageId::new(id)?));
    let place = match (talk, talk.group()) {
        (Talk::Pair(one, other), _) => {
            let to = member(if one == from { other } else { one })?;
            timeline.send(NewMessage::new(sender, to, body).message_id(message_id)).await?.place
        }
        (_, group) => {
            let group = GroupName::new(group.unwrap_or_default())?;
            let send = NewGroupMessage::new(group, talk.member_ids()?, body);
            timeline.send_group(send.from(sender).message_id(message_id)).await?.place
        }
    };
    Ok(place.get())
}

struct Device {
    timeline: Timeline,
    user: usize,
    /// Which of all devices it is.
    number: usize,
    round: u64,
    rng: Rng,
    /// Numbers the calls of all devices.
    numbers: Arc<AtomicU64>,
    /// The messages that this device has sent in this round. No other one changes them, so the
    /// model knows which change came last.
    own: Vec<(Talk, u64)>,
}

impl Device {
    async fn work(mut self) -> std::result::Result<(), Fault> {
        let mut last_read = Seq::ZERO;
        for turn in 0_u64.. {
            match self.rng.u32(0..100) {
                0..50 => self.send(turn).await?,
                50..65 => self.edit(turn).await?,
                65..70 => self.recall().await?,
                70..85 => self.read().await?,
                85..98 => last_read = self.sync(last_read).await?,
                _ if self.user == 0 => self.purge().await?,
                _ => {}
            }
        }
        Ok(())
    }

    async fn tell(
        &self,
        call: Call,
        answer: impl Future<Output = Result<u64>>,
    ) -> std::result::Result<u64, Fault> {
        tell(&self.numbers, call, answer).await
    }

    fn talk(&mut self) -> Talk {
        let talks = Talk::of(self.user);
        talks[self.rng.usize(0..talks.len())]
    }

    async fn send(&mut self, turn: u64) -> std::result::Result<(), Fault> {
        let (from, talk) = (self.user, self.talk());
        let id = format!("{}-{}-{turn}", self.round, self.number);
        let call = Call::Send { from, talk, id: id.clone() };
        let place = self.tell(call, send(&self.timeline, from, talk, &id)).await?;
        self.own.push((talk, place));
        Ok(())
    }

    async fn edit(&mut self, turn: u64) -> std::result::Result<(), Fault> {
        let Some((talk, place)) = self.rng.choice(&self.own).copied() else { return Ok(()) };
        let more = if turn.is_multiple_of(5) { 500 } else { 0 };
        let text = format!("{{\"edit\":\"{}-{}-{turn}{}\"}}", self.round, self.number, "y".repeat(more));
        let (conversation, body, by) = (talk.conversation()?, message(&text)?, member(self.user)?);
        let at = Seq::new(place)?;
        let timeline = self.timeline.clone();
        let edit =
            async { gone(timeline.edit(&conversation, at, Some(by), body).await.map(|told| told.place)) };
        self.tell(Call::Edit { talk, place, text }, edit).await?;
        Ok(())
    }

    async fn recall(&mut self) -> std::result::Result<(), Fault> {
        if self.own.is_empty() {
            return Ok(());
        }
        let (talk, place) = self.own.swap_remove(self.rng.usize(0..self.own.len()));
        let (conversation, by, at) = (talk.conversation()?, member(self.user)?, Seq::new(place)?);
        let timeline = self.timeline.clone();
        let recall =
            async { gone(timeline.recall(&conversation, at, Some(by)).await.map(|told| told.place)) };
        self.tell(Call::Recall { talk, place }, recall).await?;
        Ok(())
    }

    async fn read(&mut self) -> std::result::Result<(), Fault> {
        let (me, talk) = (member(self.user)?, self.talk());
        let conversation = talk.conversation()?;
        let Some(view) = self.timeline.view(&me, &conversation).await? else { return Ok(()) };
        let place = self.rng.u64(0..=view.latest.get());
        let (timeline, at) = (self.timeline.clone(), Seq::new(place)?);
        let read = async { Ok(timeline.read(&me, &conversation, at).await?.get()) };
        self.tell(Call::Read { member: self.user, talk, place }, read).await?;
        Ok(())
    }

    /// Reads a page of the inbox, says what is in it, and acknowledges some of it.
    async fn sync(&mut self, last_read: Seq) -> std::result::Result<Seq, Fault> {
        let me = member(self.user)?;
        let page = self.timeline.sync(&me, last_read, Count::new(200)).await?;
        if page.reset {
            return Err(format!("the inbox of user {} was reset", self.user).into());
        }
        for entry in &page.entries {
            say(&Line::Seen {
                inbox: self.user,
                sequence: entry.sequence.get(),
                tag: entry.tag.map(timeline::Tag::get).unwrap_or_default(),
                place: entry.place.get(),
            })?;
        }
        let reached = page.entry_set_last_seq.max(last_read);
        if self.user >= 2 && self.rng.u8(0..4) == 0 {
            let (timeline, ack) = (self.timeline.clone(), reached);
            let call = Call::Ack { member: self.user, sequence: reached.get() };
            self.tell(call, async { Ok(timeline.ack(&me, ack).await?.get()) }).await?;
        }
        Ok(reached)
    }

    async fn purge(&self) -> std::result::Result<(), Fault> {
        let conversation = Talk::Purged.conversation()?;
        let timeline = self.timeline.clone();
        self.tell(Call::Purge, async { Ok(timeline.purge(&conversation).await?.get()) }).await?;
        Ok(())
    }
}

/// A message may be gone meanwhile by retention or a purge: then nothing is changed, which is 0.
fn gone(changed: Result<Seq>) -> Result<u64> {
    match changed {
        Ok(place) => Ok(place.get()),
        Err(error) if error.kind() == timeline::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error),
    }
}
