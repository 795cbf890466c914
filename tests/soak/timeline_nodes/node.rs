//! One node, which does what it is asked on standard input until that ends, or it is killed.

use std::time::Duration;

use timeline::contract::set_clock_ahead;
use timeline::{
    Conversation, Count, ErrorKind, GroupName, MemberId, MessageId, NewGroupMessage, NewMessage, PageRequest,
    Position, Result, Seq, State, Tag, Timeline,
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::ask::{Answer, Ask, Asked, Page, Said};
use crate::fault::Fault;
use crate::line::{Call, Talk, say};
use crate::place::Place;
use crate::talk::{member, message, text};
use crate::users::USERS;

/// How long a reader waits for something new.
const WAIT: Duration = Duration::from_secs(2);

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// The most entries of a page.
const PAGE: usize = 200;

/// Starts a node whose clock is so far ahead, and answers what it is asked.
pub(crate) async fn run(place: &Place, ahead_ms: i64) -> std::result::Result<(), Fault> {
    set_clock_ahead(ahead_ms);
    let timeline = place.start().await?;
    timeline.state().wait_for(State::is_well).await?;
    say(&Said::Ready)?;
    let (mut lines, mut calls) = (BufReader::new(stdin()).lines(), JoinSet::new());
    while let Some(line) = lines.next_line().await? {
        let Asked { number, ask } = serde_json::from_str(&line)?;
        let timeline = timeline.clone();
        calls.spawn(async move { say(&Said::Answered { number, answer: answer(&timeline, ask).await }) });
        while let Some(ended) = calls.try_join_next() {
            ended??;
        }
    }
    while let Some(ended) = calls.join_next().await {
        ended??;
    }
    if timeline.shutdown(GRACE).await { Ok(()) } else { Err("the node did not end".into()) }
}

async fn answer(timeline: &Timeline, ask: Ask) -> Answer {
    let answered = match ask {
        Ask::Call { by, call } => called(timeline, by, call).await,
        Ask::Page { inbox, last, tag, waits } => page(timeline, inbox, last, tag, waits).await,
        Ask::History { talk, after } => history(timeline, talk, after).await,
    };
    answered.unwrap_or_else(|error| {
        let text = format!("{:?}: {error}", error.kind());
        match error.kind() {
            ErrorKind::Unavailable | ErrorKind::UnknownOutcome => Answer::Failed { text },
            _ => Answer::Wrong { text },
        }
    })
}

async fn page(timeline: &Timeline, inbox: usize, last: u64, tag: Option<u64>, waits: bool) -> Result<Answer> {
    let (me, position) = (member(inbox)?, Position::new(Seq::new(last)?, tag.map(Tag::new)));
    let page = if waits {
        let mut watch = timeline.watch(&me, position);
        match timeout(WAIT, watch.next()).await {
            Ok(page) => page?,
            Err(_elapsed) => return Ok(nothing(last)),
        }
    } else {
        timeline.sync(&me, position, Count::new(PAGE)).await?
    };
    Ok(Answer::Page(Page::of(inbox, &page)))
}

async fn history(timeline: &Timeline, talk: Talk, after: Option<u64>) -> Result<Answer> {
    let request = match after {
        Some(after) => PageRequest::after(Seq::new(after)?, Count::new(PAGE)),
        None => PageRequest::before(Seq::ZERO, Count::new(PAGE)),
    };
    let page = timeline.history(&talk.conversation()?, request).await?;
    Ok(Answer::Page(Page::of_history(&page)))
}

fn nothing(floor: u64) -> Answer {
    Answer::Page(Page { reset: false, floor, entries: Vec::new() })
}

async fn called(timeline: &Timeline, by: usize, call: Call) -> Result<Answer> {
    let mut failed = Vec::new();
    let by = member(by)?;
    let answer = match call {
        Call::Send { talk, id, .. } => {
            let place;
            (place, failed) = send(timeline, by, talk, &id).await?;
            place
        }
        Call::Edit { talk, place, text } => {
            let (conversation, at) = found(talk, place)?;
            gone(timeline.edit(&conversation, at, Some(by), message(&text)?).await.map(|told| told.place))?
        }
        Call::Recall { talk, place } => {
            let (conversation, at) = found(talk, place)?;
            gone(timeline.recall(&conversation, at, Some(by)).await.map(|told| told.place))?
        }
        Call::Read { talk, place, .. } => {
            let (conversation, at) = found(talk, place)?;
            timeline.read(&by, &conversation, at).await?
        }
        Call::Ack { sequence, .. } => timeline.ack(&by, Seq::new(sequence)?).await?,
        Call::Purge => timeline.purge(&Talk::Purged.conversation()?).await?,
    };
    Ok(Answer::Done { answer: answer.get(), failed })
}

async fn send(timeline: &Timeline, by: MemberId, talk: Talk, id: &str) -> Result<(Seq, Vec<usize>)> {
    let (body, message_id) = (message(&text(id))?, MessageId::new(id)?);
    match talk {
        Talk::Pair(one, other) => {
            let to = if member(one)? == by { member(other)? } else { member(one)? };
            let send = NewMessage::new(by, to, body).message_id(message_id);
            Ok((timeline.send(send).await?.place, Vec::new()))
        }
        Talk::Group | Talk::Short | Talk::Purged | Talk::Aged => {
            let group = GroupName::new(talk.group().unwrap_or_default())?;
            let send = NewGroupMessage::new(group, talk.member_ids()?, body).from(by).message_id(message_id);
            let sent = timeline.send_group(send).await?;
            let failed = (0..USERS)
                .filter(|user| member(*user).is_ok_and(|member| sent.failed.contains(&member)))
                .collect();
            Ok((sent.place, failed))
        }
    }
}

fn found(talk: Talk, place: u64) -> Result<(Conversation, Seq)> {
    Ok((talk.conversation()?, Seq::new(place)?))
}

/// A message may be gone meanwhile by retention or a purge: then nothing is changed, which is 0.
fn gone(changed: Result<Seq>) -> Result<Seq> {
    match changed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Seq::ZERO),
        changed => changed,
    }
}
