//! Laws of retention.

use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};

use super::calls::*;
use super::world::*;
use crate::{
    Conversation, Count, ErrorKind, HistoryPage, Keep, NewGroupMessage, PageRequest, Retention, Seq, Timeline,
};

/// A short age, in which a busy machine still gets from one call to the next.
const AGE: Duration = Duration::from_secs(2);

/// Where a keep by number says something.
const KEPT: u64 = 10;

fn newest() -> Keep {
    Keep::everything().entries(KEPT)
}

async fn page(timeline: &Timeline, conversation: &Conversation) -> HistoryPage {
    timeline.history(conversation, PageRequest::after(seq(0), Count::new(1_000))).await.unwrap()
}

/// Checks that of `latest` entries the newest are there, and hardly more.
async fn check_kept(timeline: &Timeline, conversation: &Conversation, latest: u64) {
    let page = page(timeline, conversation).await;
    let kept = page.entries.len() as u64;
    assert!(kept >= latest.min(KEPT) && kept <= KEPT + KEPT / 10, "{kept} of {latest}");
    assert_eq!(page.floor.get(), latest - kept);
    assert_eq!(page.entries[0].sequence, page.floor.next());
}

/// A history keeps the newest entries, never fewer than promised and hardly more.
///
/// Its copies in inboxes expire with it, which keep their sequences.
pub async fn a_history_keeps_the_newest_entries(world: &dyn World) {
    let timeline = keeping(world, Retention::new().pairs(newest())).await;
    let ab = pair("a", "b");
    for number in 1..=35 {
        assert_eq!(say(&timeline, "a", "b", number).await, number);
        check_kept(&timeline, &ab, number).await;
        say_to(&timeline, "a", "g", &["a", "b"], number).await;
    }
    let floor = page(&timeline, &ab).await.floor;
    assert_eq!(page(&timeline, &group("g")).await.entries.len(), 35);
    for id in ["a", "b"] {
        let entries = inbox_entries(&timeline, id).await;
        assert_eq!(entries.len(), 70);
        for (entry, number) in entries.iter().step_by(2).zip(1..) {
            let is_kept = entry.place > floor;
            assert_eq!(told(entry), if is_kept { number.to_string() } else { "expired".to_owned() });
            assert!(entry.tag.is_some() && entry.from == Some(member("a")));
        }
        let of_group: Vec<_> = entries.iter().skip(1).step_by(2).map(told).collect();
        assert_eq!(of_group, (1..=35).map(|number| number.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(u64::from(unread(&timeline, "b", &ab).await), 35 - floor.get());
    assert_eq!(view(&timeline, "b", &ab).await.floor, floor);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = keeping(world, Retention::new().pairs(newest())).await;
    assert_eq!(say(&timeline, "a", "b", 36).await, 36);
    check_kept(&timeline, &ab, 36).await;
}

/// Changes are entries, too, and what retention removed cannot be changed.
pub async fn changes_count_as_entries_of_a_history(world: &dyn World) {
    let timeline = keeping(world, Retention::new().pairs(newest())).await;
    let ab = pair("a", "b");
    for number in 1..=10 {
        say(&timeline, "a", "b", number).await;
    }
    for (number, latest) in (11..=15).zip(11..) {
        assert_eq!(edit(&timeline, &ab, 10, Some("a"), number).await, Ok(latest));
        check_kept(&timeline, &ab, latest).await;
    }
    let floor = page(&timeline, &ab).await.floor.get();
    assert!(floor >= 4, "{floor}");
    for place in 1..=floor {
        assert_eq!(recall(&timeline, &ab, place, None).await, Err(ErrorKind::NotFound), "{place}");
    }
    assert_eq!(recall(&timeline, &ab, 10, None).await, Ok(16));
    for latest in 17..=40 {
        assert_eq!(say(&timeline, "b", "a", latest).await, latest);
        check_kept(&timeline, &ab, latest).await;
    }
    // What told of a change that is gone itself shows no text.
    let of_changes = inbox_told(&timeline, "b").await[9..16].to_vec();
    assert!(of_changes.iter().all(|told| !told.contains("15")), "{of_changes:?}");
}

/// Groups are kept as their names say: the longest prefix that fits counts.
pub async fn groups_are_kept_as_their_names_say(world: &dyn World) {
    let everything = Keep::everything();
    let retention = Retention::new().groups_named("news:", newest()).groups_named("news:all:", everything);
    let timeline = keeping(world, retention).await;
    let long = async |name: &str, number: u64| {
        let send = NewGroupMessage { message: long_message(number), ..group_send(name, &MANY, 0) };
        timeline.send_group(send).await.unwrap();
    };
    for number in 1..=25 {
        for name in ["news:a", "news:all:a", "tea"] {
            long(name, number).await;
        }
        check_kept(&timeline, &group("news:a"), number).await;
    }
    assert_eq!(page(&timeline, &group("news:all:a")).await.entries.len(), 25);
    assert_eq!(page(&timeline, &group("tea")).await.entries.len(), 25);
    let gone = page(&timeline, &group("news:a")).await.floor.get();
    let inbox = inbox_told(&timeline, MANY[19]).await;
    assert_eq!(inbox.len(), 75);
    assert_eq!(inbox.iter().filter(|told| *told == "expired").count() as u64, gone);
}

const MANY: [&str; 20] =
    ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p", "q", "r", "s", "t"];

/// An inbox keeps the newest entries as if the others had been acknowledged.
///
/// Its watchers are told the floor. The histories keep all.
pub async fn an_inbox_keeps_the_newest_entries(world: &dyn World) {
    let timeline = keeping(world, Retention::new().inboxes(newest())).await;
    let mut watch = timeline.watch(&member("b"), seq(0));
    for number in 1..=35 {
        say(&timeline, "a", "b", number).await;
        let page = timeline.sync(&member("b"), seq(0), Count::default()).await.unwrap();
        let kept = page.entries.len() as u64;
        assert!(kept >= number.min(KEPT) && kept <= KEPT + KEPT / 10, "{kept} of {number}");
        assert_eq!((page.floor.get(), page.latest_seq.get(), page.reset), (number - kept, number, false));
        let page = timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap();
        assert_eq!((page.entry_set_last_seq.get(), page.floor.get()), (number, number - kept));
    }
    assert_eq!(history_told(&timeline, &pair("a", "b")).await.len(), 35);
    assert_eq!(unread(&timeline, "b", &pair("a", "b")).await, 35, "freed is not read");
    assert_eq!(timeline.ack(&member("b"), seq(35)).await.unwrap(), seq(35));
    assert_eq!(send(&timeline, "a", "b", 36).await, 36);
}

/// What is too much goes also from boxes that get nothing more.
///
/// So it is with what was written while more was kept.
pub async fn too_much_goes_also_where_nothing_comes(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, g, small) = (pair("a", "b"), group("g"), group("small"));
    for number in 1..=35 {
        say(&timeline, "a", "b", number).await;
        say_to(&timeline, "a", "g", &["a", "b"], number).await;
    }
    for number in 1..=KEPT {
        say_to(&timeline, "a", "small", &["c"], number).await;
    }
    assert!(timeline.shutdown(GRACE).await);
    let timeline = keeping(world, Retention::new().pairs(newest()).groups(newest()).inboxes(newest())).await;
    for conversation in [&ab, &g] {
        until_floor(async || page(&timeline, conversation).await.floor, 25).await;
        check_kept(&timeline, conversation, 35).await;
    }
    let inbox = async |id| timeline.sync(&member(id), seq(0), Count::default()).await.unwrap();
    until_floor(async || inbox("b").await.floor, 60).await;
    assert_eq!(inbox("b").await.entries.len() as u64, KEPT);
    check_kept(&timeline, &small, KEPT).await;
    assert_eq!(inbox("c").await.entries.len() as u64, KEPT);
    assert_eq!(say(&timeline, "a", "b", 36).await, 36);
}

/// The ids of messages that retention removed are free again, and not before.
pub async fn the_ids_of_removed_messages_are_free_again(world: &dyn World) {
    let timeline = keeping(world, Retention::new().pairs(newest())).await;
    for number in 1..=30 {
        assert_eq!(say_id(&timeline, "a", "b", number, &format!("id{number}")).await, Ok(number));
        let floor = page(&timeline, &pair("a", "b")).await.floor.get();
        let (first, id) = (floor + 1, format!("id{}", floor + 1));
        assert_eq!(say_id(&timeline, "a", "b", first, &id).await, Ok(first), "it is there");
        assert_eq!(say_id(&timeline, "a", "b", 99, &id).await, Err(ErrorKind::Conflict));
    }
    assert_eq!(say_id(&timeline, "a", "b", 99, "id1").await, Ok(31));
    assert_eq!(say_id(&timeline, "a", "b", 99, "id1").await, Ok(31));
}

/// Entries go when they have the age, and not before: from histories and inboxes.
///
/// A box that lost all of them counts on.
pub async fn entries_go_when_they_have_the_age(world: &dyn World) {
    let aged = Keep::everything().age(AGE);
    let timeline = keeping(world, Retention::new().pairs(aged).inboxes(aged)).await;
    let ab = pair("a", "b");
    let begun = Instant::now();
    assert_eq!(say_id(&timeline, "a", "b", 1, "id").await, Ok(1));
    say_to(&timeline, "a", "g", &["c"], 2).await;
    let mut watch = timeline.watch(&member("b"), seq(0));
    let first = timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap();
    assert_eq!((first.floor, first.entries.len()), (seq(0), 1));
    let freed = timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap();
    assert!(begun.elapsed() >= AGE - ROUNDING, "{:?}", begun.elapsed());
    assert_eq!((freed.floor, freed.latest_seq, freed.entries.len()), (seq(1), seq(1), 0));
    gone(&timeline, &ab, 1).await;
    assert!(begun.elapsed() >= AGE - ROUNDING, "{:?}", begun.elapsed());
    assert_eq!(say_id(&timeline, "a", "b", 3, "id").await, Ok(2), "its id is free");
    assert_eq!(inbox_told(&timeline, "b").await, ["3"]);
    assert_eq!(history_told(&timeline, &ab).await, ["3"]);
    assert_eq!(history_told(&timeline, &group("g")).await, ["2"], "kept for ever");
    let seen = view(&timeline, "b", &ab).await;
    assert_eq!((seen.floor, seen.latest, seen.unread.get()), (seq(1), seq(2), 1));
}

/// Copies in inboxes expire when their history has the age.
///
/// Boxes count on from where they were, also after opening again.
pub async fn copies_go_with_an_aged_history(world: &dyn World) {
    let retention = || Retention::new().groups(Keep::everything().age(AGE));
    let timeline = open(world).await;
    for number in 1..=3 {
        say_to(&timeline, "a", "g", &["a", "b"], number).await;
        say(&timeline, "a", "b", number).await;
    }
    assert!(timeline.shutdown(GRACE).await);
    let timeline = keeping(world, retention()).await;
    gone(&timeline, &group("g"), 3).await;
    assert_eq!(inbox_told(&timeline, "b").await, ["expired", "1", "expired", "2", "expired", "3"]);
    assert_eq!(unread(&timeline, "b", &group("g")).await, 0);
    assert_eq!(listed(&timeline, "b").await, [pair("a", "b")]);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = keeping(world, retention()).await;
    assert!(history_told(&timeline, &group("g")).await.is_empty());
    assert_eq!(say_to(&timeline, "a", "g", &["b"], 4).await, 4);
    assert_eq!(inbox_told(&timeline, "b").await[4..], ["expired", "3", "4"]);
}

/// A time that clocks which count milliseconds may differ by.
const ROUNDING: Duration = Duration::from_millis(2);

/// Waits until a history is gone up to this place.
async fn gone(timeline: &Timeline, conversation: &Conversation, floor: u64) {
    until_floor(async || page(timeline, conversation).await.floor, floor).await;
    let page = page(timeline, conversation).await;
    assert_eq!((page.floor.get(), page.entries.len()), (floor, 0));
}

/// Waits until a floor is this high.
///
/// Nobody is told of that of a history, so it asks. A store may try again after a minute what has
/// failed, as that on MongoDB does.
async fn until_floor(floor: impl AsyncFn() -> Seq, expected: u64) {
    for _ in 0..(2 * GRACE).as_millis() / 20 {
        if floor().await.get() >= expected {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("nothing was removed");
}
