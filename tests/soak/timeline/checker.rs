//! The comparison of a store with the model.

use std::collections::{HashMap, HashSet};
use std::error::Error;

use timeline::{Count, Entry, EntryKind, EntryStatus, InboxPage, PageRequest, Seq, Timeline};

use crate::line::Talk;
use crate::model::Model;
use crate::talk::{KEPT, member};
use crate::users::{AGE, INBOX_KEPT, MANY_NODES, USERS};

type Violation = Box<dyn Error>;

/// What was compared before, so that a round reads what is new.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// The floors that were seen: of histories, and of inboxes.
    floors: HashMap<Talk, u64>,
    inbox_floors: HashMap<usize, u64>,
    /// Up to where inboxes were compared.
    compared: HashMap<usize, u64>,
    /// The tags of their entries.
    tags: HashMap<(usize, u64), u64>,
    /// Of which messages those who acknowledge nothing have had copies.
    copies: HashMap<usize, HashSet<(Talk, u64)>>,
    /// The times of the entries that were seen in the history that keeps them for a time.
    times: HashMap<u64, u64>,
    entries: u64,
}

/// A history as it is.
struct History {
    floor: u64,
    top: u64,
    entries: HashMap<u64, Entry>,
}

impl Checker {
    /// Compares, and returns how many entries were read so far; an error says what is broken.
    pub(crate) async fn check(
        &mut self,
        timeline: &Timeline,
        model: &Model,
        whole: bool,
    ) -> Result<u64, Violation> {
        let mut histories = HashMap::new();
        for talk in Talk::all() {
            let history = self.history(timeline, talk).await?;
            check_messages(talk, &history, model)?;
            if talk == Talk::Aged {
                self.check_ages(&history, model)?;
            }
            histories.insert(talk, history);
        }
        for talk in Talk::all() {
            if let Some(history) = histories.get(&talk) {
                check_views(timeline, model, talk, history).await?;
            }
        }
        for user in 0..USERS {
            self.inbox(timeline, model, user, &histories, whole).await?;
        }
        Ok(self.entries)
    }

    async fn history(&mut self, timeline: &Timeline, talk: Talk) -> Result<History, Violation> {
        let (conversation, mut entries) = (talk.conversation()?, HashMap::new());
        let (mut last, mut floor, mut last_ms) = (Seq::ZERO, None, 0);
        loop {
            let page = timeline.history(&conversation, PageRequest::after(last, Count::new(1_000))).await?;
            floor.get_or_insert_with(|| page.floor.get());
            let expected = last.max(page.floor).get() + 1;
            let sequences = page.entries.iter().map(|entry| entry.sequence.get());
            if !sequences.eq(expected..expected + page.entries.len() as u64) {
                return Err(format!("{talk:?} has a gap after {last}").into());
            }
            for entry in &page.entries {
                if entry.at_ms < last_ms {
                    return Err(format!("the time of {talk:?} falls from {last_ms}: {entry:?}").into());
                }
                last_ms = entry.at_ms;
            }
            self.entries += page.entries.len() as u64;
            let Some(newest) = page.entries.last() else { break };
            last = newest.sequence;
            entries.extend(page.entries.into_iter().map(|entry| (entry.sequence.get(), entry)));
        }
        let floor = floor.unwrap_or_default();
        let before = self.floors.insert(talk, floor).unwrap_or_default();
        if floor < before {
            return Err(format!("the floor of {talk:?} fell from {before} to {floor}").into());
        }
        Ok(History { floor, top: last.get().max(floor), entries })
    }

    async fn inbox(
        &mut self,
        timeline: &Timeline,
        model: &Model,
        user: usize,
        histories: &HashMap<Talk, History>,
        whole: bool,
    ) -> Result<(), Violation> {
        let me = member(user)?;
        let compared = self.compared.get(&user).copied().unwrap_or_default();
        let (mut last, mut places) = (Seq::new(if whole { 0 } else { compared })?, HashSet::new());
        loop {
            let page = timeline.sync(&me, last, Count::new(1_000)).await?;
            if page.reset {
                return Err(format!("the inbox of user {user} was reset after {last}").into());
            }
            let before = self.inbox_floors.insert(user, page.floor.get()).unwrap_or_default();
            let acked = model.acks.get(&user).copied().unwrap_or_default().max(before);
            if page.floor.get() < acked {
                return Err(format!("the floor of user {user} is {} after {acked}", page.floor).into());
            }
            if user < 2 {
                check_kept(user, &page, compared)?;
            }
            let first = last.max(page.floor).get() + 1;
            for (entry, expected) in page.entries.iter().zip(first..) {
                self.entry(user, entry, expected, model)?;
                if is_given_up(entry) {
                    continue;
                }
                let talk = talk_of(user, entry)?;
                let history = histories.get(&talk).ok_or("an entry is of no talk")?;
                check_copy(user, entry, history)?;
                if !places.insert((talk, entry.place.get())) {
                    return Err(format!("{entry:?} is twice in the inbox of user {user}").into());
                }
            }
            self.entries += page.entries.len() as u64;
            let Some(newest) = page.entries.last() else { break };
            last = newest.sequence;
        }
        self.compared.insert(user, last.get());
        if user < 2 {
            self.copies.entry(user).or_default().extend(&places);
        }
        // The first two acknowledge nothing, so they have a copy of every entry, or had it.
        if whole && user < 2 {
            let had = self.copies.get(&user).filter(|_| INBOX_KEPT.is_some());
            let places = had.unwrap_or(&places);
            for (talk, history) in histories.iter().filter(|(talk, _)| talk.members().contains(&user)) {
                let mut messages = history.entries.iter().filter(|(_, entry)| !is_given_up(entry));
                if let Some((lost, _)) = messages.find(|(place, _)| !places.contains(&(*talk, **place))) {
                    return Err(format!("user {user} has no copy of {lost} of {talk:?}").into());
                }
            }
        }
        Ok(())
    }

    /// Nothing goes before its time by any of the clocks that processes had.
    fn check_ages(&mut self, history: &History, model: &Model) -> Result<(), Violation> {
        let age_ms = u64::try_from(AGE.unwrap_or_default().as_millis())?;
        self.times.extend(history.entries.iter().map(|(place, entry)| (*place, entry.at_ms)));
        let mut gone = self.times.iter().filter(|(place, _)| **place <= history.floor);
        if let Some((place, at_ms)) = gone.find(|(_, at_ms)| *at_ms + age_ms > model.latest_ms) {
            let (floor, latest_ms) = (history.floor, model.latest_ms);
            let text =
                format!("entry {place} of {at_ms} is gone, floor {floor}, at {latest_ms} at the latest");
            return Err(text.into());
        }
        self.times.retain(|place, _| *place > history.floor);
        Ok(())
    }

    fn entry(&mut self, user: usize, entry: &Entry, expected: u64, model: &Model) -> Result<(), Violation> {
        let sequence = entry.sequence.get();
        if sequence != expected {
            return Err(format!("user {user} misses {expected} and gets {sequence}").into());
        }
        let tag = entry.tag.map(timeline::Tag::get).unwrap_or_default();
        let before = *self.tags.entry((user, sequence)).or_insert(tag);
        let seen = model.seen.get(&(user, sequence)).copied().unwrap_or(tag);
        if before != tag || seen != tag {
            return Err(format!("entry {sequence} of user {user} has become another message").into());
        }
        Ok(())
    }
}

/// An inbox whose owner acknowledges nothing keeps as many entries as it has to, and few more; it
/// kept what was not compared so far.
fn check_kept(user: usize, page: &InboxPage, compared: u64) -> Result<(), Violation> {
    let (floor, kept) = (page.floor.get(), page.latest_seq.get() - page.floor.get());
    let least = INBOX_KEPT.unwrap_or(u64::MAX);
    if floor > 0 && kept < least || kept > least.saturating_add(least / 10) {
        return Err(format!("the inbox of user {user} keeps {kept} entries above {floor}").into());
    }
    if floor > compared {
        let text =
            format!("user {user} got more than an inbox keeps: {floor} are gone, {compared} were compared");
        return Err(text.into());
    }
    Ok(())
}

/// Returns whether an entry is there only so that there is no hole: its writer died.
fn is_given_up(entry: &Entry) -> bool {
    MANY_NODES && entry.kind == EntryKind::Tombstone && entry.status == EntryStatus::Unused
}

/// Finds the talk of an entry of an inbox.
pub(crate) fn talk_of(user: usize, entry: &Entry) -> Result<Talk, Violation> {
    let number = |name: &str| name.strip_prefix("user-").and_then(|number| number.parse::<usize>().ok());
    let talk = match &entry.to {
        Some(timeline::Destination::Group(group)) => {
            Talk::of(user).into_iter().find(|talk| talk.group() == Some(group.as_str()))
        }
        Some(timeline::Destination::Member(to)) => {
            let from = entry.from.as_ref().and_then(|from| number(from.as_str()));
            from.zip(number(to.as_str())).map(|(one, other)| Talk::Pair(one.min(other), one.max(other)))
        }
        _ => None,
    };
    talk.ok_or_else(|| format!("user {user} has an entry of nobody: {entry:?}").into())
}

/// A copy says what the history says.
fn check_copy(user: usize, entry: &Entry, history: &History) -> Result<(), Violation> {
    let place = entry.place.get();
    let same = match history.entries.get(&place) {
        Some(original) => {
            let parts =
                |entry: &Entry| (entry.kind, entry.status, entry.message.clone(), entry.tag, entry.target);
            // Of several nodes one may raise it in between.
            let same_time = MANY_NODES || original.at_ms == entry.at_ms;
            same_time && parts(original) == parts(entry)
        }
        None if place <= history.floor => entry.kind != EntryKind::Message && entry.message.as_str() == "{}",
        None => false,
    };
    if same {
        return Ok(());
    }
    let original = history.entries.get(&place);
    Err(format!("user {user} has a copy {entry:?} of {original:?}, floor {}", history.floor).into())
}

/// Every acknowledged message is at its place, and nothing is made up.
fn check_messages(talk: Talk, history: &History, model: &Model) -> Result<(), Violation> {
    let mut ids = HashSet::new();
    for entry in history.entries.values().filter(|entry| !is_given_up(entry)) {
        let is_message = matches!(entry.kind, EntryKind::Message | EntryKind::Tombstone);
        let Some(id) = entry.message_id.as_ref().filter(|_| is_message) else {
            if is_message {
                return Err(format!("{talk:?} has a message without its id: {entry:?}").into());
            }
            continue;
        };
        let sent = model.sent.get(id.as_str()).filter(|sent| sent.talk == talk);
        let sent = sent.ok_or_else(|| format!("{talk:?} has {id}, which nobody sent"))?;
        let is_gone = entry.kind == EntryKind::Tombstone;
        let fits = if is_gone {
            sent.may_be_gone && entry.status == EntryStatus::Recalled
        } else {
            !sent.must_be_gone && sent.texts.contains(entry.message.as_str())
        };
        if !fits {
            return Err(format!("{entry:?} does not fit {sent:?}").into());
        }
        if !ids.insert(id.as_str().to_owned()) {
            return Err(format!("{talk:?} has {id} twice").into());
        }
    }
    for (id, sent) in model.sent.iter().filter(|(_, sent)| sent.talk == talk) {
        if sent.place.is_some_and(|place| place > history.floor) && !ids.contains(id) {
            return Err(format!("{talk:?} has lost {id}, which was acknowledged: {sent:?}").into());
        }
    }
    let kept = history.top - history.floor;
    let wrong = match talk {
        Talk::Short => kept > KEPT + KEPT / 10 || (history.floor > 0 && kept < KEPT),
        Talk::Purged => history.top < model.purged || (model.purged > 0 && history.floor + 1 < model.purged),
        Talk::Pair(..) | Talk::Group => history.floor > 0,
        // How much it keeps depends on the clocks: see `check_ages`.
        Talk::Aged => false,
    };
    if wrong {
        return Err(format!("{talk:?} keeps from {} to {}", history.floor, history.top).into());
    }
    Ok(())
}

/// Cursors are where they were acknowledged, and what is unread is counted right.
async fn check_views(
    timeline: &Timeline,
    model: &Model,
    talk: Talk,
    history: &History,
) -> Result<(), Violation> {
    let conversation = talk.conversation()?;
    for user in talk.members() {
        let least = model.cursors.get(&(user, talk)).copied().unwrap_or_default();
        let Some(view) = timeline.view(&member(user)?, &conversation).await? else {
            if history.floor > 0 || history.entries.values().any(|entry| !is_given_up(entry)) {
                return Err(format!("user {user} is not in {talk:?}").into());
            }
            continue;
        };
        if view.read.get() < least || view.latest.get() != history.top {
            return Err(format!("user {user} in {talk:?}: {view:?}, read {least} of {}", history.top).into());
        }
        let base = view.read.max(view.floor).get();
        let unread = (base + 1..=history.top)
            .filter(|place| history.entries.get(place).is_some_and(|entry| entry.kind == EntryKind::Message))
            .count();
        if u64::from(view.unread.get()) != (unread as u64).min(1_000) {
            return Err(format!("user {user} has {unread} unread in {talk:?}, not {}", view.unread).into());
        }
    }
    Ok(())
}
