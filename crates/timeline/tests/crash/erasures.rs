//! Files that are written anew without the texts that were taken away.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use timeline::contract::set_clock_ahead;
use timeline::{
    Conversation, Count, EntryKind, GroupName, MemberId, Message, NewGroupMessage, NewMessage, PageRequest,
    Seq, Timeline, embedded,
};
use tokio::runtime::Runtime;

use crate::child::{orders, run_and_kill};
use crate::sends::{check, send_until_killed};
use crate::{GRACE, member, open, start};

/// What every text has that is taken away.
const TAKEN: &str = "taken-away";

/// How much further ahead than the one before each child has its clock: what was taken away until
/// then is to be in no file at once, and not only in a minute.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// The part of the killed process: writes its files anew from its start on, and sends meanwhile.
#[test]
fn child() {
    let Some((directory, round)) = orders() else { return };
    set_clock_ahead(HOUR_MS * (round.parse::<i64>().unwrap() + 1));
    Runtime::new().unwrap().block_on(async {
        let config = embedded::Config::new(directory).erased_within(Duration::from_secs(60));
        send_until_killed(&start(config).await, &round).await;
    });
}

/// How far the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// They may be as they were.
    Begun,
    /// The journal is being filled.
    Filling,
    /// There is another journal, and what was in memory goes into tables.
    NextJournal,
    /// The journals from before are gone, and the tables are merged.
    Merging,
    /// No file has a text any more that was taken away.
    Erased,
}

impl Stage {
    /// Returns whether it is reached, or behind, where `last` was the last journal at the start.
    fn is_reached(self, directory: &Path, last: u64) -> bool {
        // What fills a journal is one byte again and again.
        let filler = "\u{3}".repeat(4_096);
        match self {
            Self::Begun => true,
            Self::Filling => {
                Self::NextJournal.is_reached(directory, last)
                    || is_in_a_file(directory, &filler) == Some(true)
            }
            Self::NextJournal => journals(directory).last().is_some_and(|number| *number > last),
            Self::Merging => journals(directory).first().is_some_and(|number| *number > last),
            Self::Erased => is_in_a_file(directory, TAKEN) == Some(false),
        }
    }
}

/// Returns the numbers of the journals, ascending.
fn journals(directory: &Path) -> Vec<u64> {
    let number = |name: OsString| -> Option<u64> { name.to_str()?.strip_suffix(".jnl")?.parse().ok() };
    let files = fs::read_dir(directory.join("store")).unwrap();
    let mut numbers: Vec<_> = files.filter_map(|file| number(file.ok()?.file_name())).collect();
    numbers.sort_unstable();
    numbers
}

/// Returns all files below a folder; `None` if one was removed meanwhile.
fn files(directory: &Path) -> Option<Vec<PathBuf>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).ok()? {
        let path = entry.ok()?.path();
        if path.is_dir() {
            all.extend(files(&path)?);
        } else {
            all.push(path);
        }
    }
    all.sort_unstable();
    Some(all)
}

/// Returns whether a file has a text; `None` if files came or went meanwhile, which may be those
/// that have it.
fn is_in_a_file(directory: &Path, text: &str) -> Option<bool> {
    let (before, mut is_found) = (files(directory)?, false);
    for path in &before {
        // Also in a build for tests a journal of 64 MB is searched in no time so.
        is_found |= String::from_utf8_lossy(&fs::read(path).ok()?).contains(text);
    }
    (files(directory)? == before).then_some(is_found)
}

fn pair() -> Conversation {
    Conversation::single(member("x"), member("y"))
}

fn group(name: &str) -> Conversation {
    Conversation::group(GroupName::new(name).unwrap())
}

/// More members than a text is written for into each entry.
fn many() -> impl Iterator<Item = MemberId> {
    (0..20).map(|number| member(&format!("x{number}"))).chain([member("x")])
}

/// Sends texts, and takes each of them away in another way.
async fn take_away(timeline: &Timeline, round: usize) {
    let text = |what: &str| {
        let more = "z".repeat(1_000);
        Message::new(format!("{{\"t\":\"{TAKEN} {what} {round} {more}\"}}")).unwrap()
    };
    let by = || Some(member("x"));
    let send = |what| NewMessage::new(member("x"), member("y"), text(what));
    let recalled = timeline.send(send("recalled")).await.unwrap().place;
    timeline.recall(&pair(), recalled, by()).await.unwrap();
    let edited = timeline.send(send("edited")).await.unwrap().place;
    let kept = Message::new(format!("{{\"kept\":{round}}}")).unwrap();
    timeline.edit(&pair(), edited, by(), kept).await.unwrap();
    let to_group = |name: &str| {
        NewGroupMessage::new(GroupName::new(name).unwrap(), many(), text(name)).from(member("x"))
    };
    let recalled = timeline.send_group(to_group("recalled")).await.unwrap().place;
    timeline.recall(&group("recalled"), recalled, by()).await.unwrap();
    timeline.send_group(to_group("purged")).await.unwrap();
    timeline.purge(&group("purged")).await.unwrap();
}

/// No reader gets a text that was taken away in so many rounds, and the others are there.
async fn check_taken_away(timeline: &Timeline, rounds: usize) {
    let all = Count::new(1_000);
    let page = PageRequest::after(Seq::ZERO, all);
    let history = async |of: Conversation| timeline.history(&of, page).await.unwrap();
    let of_pair = history(pair()).await.entries;
    let of_group = history(group("recalled")).await.entries;
    let purged = history(group("purged")).await;
    // Each change is told by an entry of its own.
    assert_eq!((of_pair.len(), of_group.len()), (4 * rounds, 2 * rounds));
    assert_eq!(purged.floor.get() + purged.entries.len() as u64, 2 * rounds as u64);
    let texts: Vec<_> = of_pair
        .iter()
        .filter(|entry| entry.kind == EntryKind::Message)
        .map(|entry| entry.message.as_str().to_owned())
        .collect();
    let kept: Vec<_> = (0..rounds).map(|round| format!("{{\"kept\":{round}}}")).collect();
    assert_eq!(texts, kept);
    let mut entries = [of_pair, of_group, purged.entries].concat();
    for id in ["x", "y", "x0", "x19"] {
        entries.extend(timeline.sync(&member(id), Seq::ZERO, all).await.unwrap().entries);
    }
    for entry in entries {
        let is_taken = |text: &Message| text.as_str().contains(TAKEN);
        assert!(!is_taken(&entry.message) && !entry.edited.as_ref().is_some_and(is_taken), "{entry:?}");
    }
}

#[tokio::test]
async fn kill_9_while_files_are_written_anew_loses_nothing_and_brings_no_taken_text_back() {
    let directory = tempfile::tempdir().unwrap();
    let (mut there, mut taken, mut unfinished) = (Vec::new(), 0, 0);
    let kills = [
        (1, Stage::Begun),
        (10, Stage::Filling),
        (150, Stage::Filling),
        (1, Stage::NextJournal),
        (1, Stage::Merging),
        (60, Stage::NextJournal),
        (1, Stage::Erased),
    ];
    for (round, (calls, stage)) in kills.into_iter().enumerate() {
        // What a purge leaves is erased by the life after it. So the last one has nothing of that.
        if stage != Stage::Erased {
            let timeline = open(directory.path()).await;
            take_away(&timeline, round).await;
            assert!(timeline.shutdown(GRACE).await);
            taken += 1;
        }
        let (path, begun) = (directory.path().to_owned(), Instant::now());
        let last = journals(&path).last().copied().unwrap();
        let is_enough = move |answers: usize| {
            assert!(begun.elapsed() < GRACE, "the files are not {stage:?} in a minute");
            answers >= calls && stage.is_reached(&path, last)
        };
        let said = run_and_kill("erasures::child", directory.path(), round, is_enough).await;
        let is_taken_left = is_in_a_file(directory.path(), TAKEN).unwrap();
        if stage == Stage::Erased {
            assert!(!is_taken_left, "a file has a text that was taken away");
        } else {
            // Only then was the kill in the middle of it.
            unfinished += usize::from(is_taken_left && stage != Stage::Begun);
        }
        embedded::check_deep(directory.path()).unwrap();
        let timeline = open(directory.path()).await;
        there.extend(said.acknowledged);
        check(&timeline, &there).await;
        check_taken_away(&timeline, taken).await;
        assert!(timeline.shutdown(GRACE).await);
    }
    assert!(unfinished > 0, "no kill came before the end of the work");
    assert_eq!(is_in_a_file(directory.path(), TAKEN), Some(false));
}
