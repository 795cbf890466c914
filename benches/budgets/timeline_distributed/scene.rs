//! Callers that send, again and again.

use std::error::Error;
use std::process;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use timeline::{GroupName, MemberId, Message, MessageId, NewGroupMessage, NewMessage, Timeline};
use tokio_util::task::TaskTracker;

/// As many callers wait for their send at any time, where not said otherwise.
pub(crate) const CALLERS: u64 = 64;

/// How long a text is: 200 bytes of JSON, a long line of chat.
pub(crate) const TEXT_BYTES: usize = 189;

/// One who sends when their last send is durable.
pub(crate) struct Caller {
    timeline: Timeline,
    /// What its message ids begin with.
    name: String,
    message: Message,
    from: MemberId,
    to: Receiver,
    sent: u64,
}

enum Receiver {
    Member(MemberId),
    Group(GroupName, Vec<MemberId>),
}

impl Caller {
    /// One of several, each with somebody of their own to talk to.
    pub(crate) fn of_pair(timeline: &Timeline, number: u64) -> timeline::Result<Self> {
        Self::to_member(timeline, &format!("user-{number:04}"), &format!("friend-{number:04}"))
    }

    pub(crate) fn to_member(timeline: &Timeline, from: &str, to: &str) -> timeline::Result<Self> {
        Self::new(timeline, from, from, Receiver::Member(MemberId::new(to)?))
    }

    /// One of several who send to a group of so many members; its first one sends.
    pub(crate) fn to_group(
        timeline: &Timeline,
        number: u64,
        group: &str,
        members: u64,
    ) -> timeline::Result<Self> {
        let ids: Vec<MemberId> = (0..members).map(member).collect::<Result<_, _>>()?;
        let group = GroupName::new(group)?;
        let name = format!("caller-{number:04}");
        Self::new(timeline, &name, member(0)?.as_str(), Receiver::Group(group, ids))
    }

    fn new(timeline: &Timeline, name: &str, from: &str, to: Receiver) -> timeline::Result<Self> {
        Ok(Self {
            timeline: timeline.clone(),
            // Another process may be the same caller, and sends other messages.
            name: format!("{:08x}-{name}", process::id()),
            message: Message::new(message_text())?,
            from: MemberId::new(from)?,
            to,
            sent: 0,
        })
    }

    /// Sends once; as clients that want to know what became of it, with an id.
    pub(crate) async fn send(&mut self) -> timeline::Result<()> {
        let (id, message) =
            (MessageId::new(format!("{}-{:012}", self.name, self.sent))?, self.message.clone());
        self.sent += 1;
        match &self.to {
            Receiver::Member(to) => {
                let send = NewMessage::new(self.from.clone(), to.clone(), message);
                self.timeline.send(send.message_id(id)).await?;
            }
            Receiver::Group(group, members) => {
                let send = NewGroupMessage::new(group.clone(), members.clone(), message);
                self.timeline.send_group(send.from(self.from.clone()).message_id(id)).await?;
            }
        }
        Ok(())
    }
}

/// Has all of them send until each is told to stop, by how many it has sent; returns how many there
/// were.
pub(crate) async fn send_until(
    callers: Vec<Caller>,
    stop: impl Fn(u64) -> bool + Clone + Send + 'static,
) -> Result<u64, Box<dyn Error>> {
    let tasks = TaskTracker::new();
    let sending: Vec<_> = callers
        .into_iter()
        .map(|mut caller| {
            let stop = stop.clone();
            tasks.spawn(async move {
                let mut sent = 0;
                while !stop(sent) {
                    caller.send().await?;
                    sent += 1;
                }
                Ok::<_, timeline::Error>(sent)
            })
        })
        .collect();
    let mut sent = 0;
    for caller in sending {
        sent += caller.await??;
    }
    Ok(sent)
}

/// Has all of them send for a while, after one send each that is not counted; returns how many they
/// sent a second.
///
/// By the first send a store learns where the boxes end, and makes the rows of their lists.
pub(crate) async fn rate(callers: Vec<Caller>, time: Duration) -> Result<f64, Box<dyn Error>> {
    let callers = warmed(callers).await?;
    let start = Instant::now();
    let sent = send_until(callers, move |_sent| start.elapsed() >= time).await?;
    Ok(sent as f64 / start.elapsed().as_secs_f64())
}

/// Has each of them send once, and returns them.
pub(crate) async fn warmed(mut callers: Vec<Caller>) -> Result<Vec<Caller>, Box<dyn Error>> {
    try_join_all(callers.iter_mut().map(Caller::send)).await?;
    Ok(callers)
}

fn member(number: u64) -> timeline::Result<MemberId> {
    MemberId::new(format!("member-{number:06}"))
}

fn message_text() -> String {
    format!("{{\"text\":\"{}\"}}", "x".repeat(TEXT_BYTES))
}
