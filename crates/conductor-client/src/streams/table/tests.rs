//! The laws of the table, first one by one and then over interleavings.

use super::*;

fn table() -> StreamTable<char> {
    StreamTable::new(10)
}

fn start(table: &mut StreamTable<char>, uuid: &str, takers: char) {
    table.start("f", uuid, takers).expect("there is room");
}

#[test]
fn streams_that_give_one_uuid_to_all_their_messages_are_told_apart() {
    let mut table = table();
    start(&mut table, "a", 'a');
    start(&mut table, "b", 'b');
    assert_eq!(table.piece("f", "b"), Whose::One(&'b'));
    assert_eq!(table.piece("f", "a"), Whose::One(&'a'));
    assert_eq!(table.end("f", "a", false), Whose::One('a'));
    assert_eq!(table.piece("f", "a"), Whose::Nobody, "a is over, and b has named its pieces");
    assert_eq!(table.end("f", "b", false), Whose::One('b'));
    assert_eq!((table.known, table.followed), (0, 0));
    assert!(table.channels.is_empty());
}

#[test]
fn pieces_with_uuids_of_their_own_go_to_the_only_stream_that_may_be_theirs() {
    let mut table = table();
    start(&mut table, "a", 'a');
    start(&mut table, "b", 'b');
    table.start("g", "c", 'c').expect("there is room");
    assert_eq!(table.piece("f", "b"), Whose::One(&'b'));
    assert_eq!(table.piece("f", "1"), Whose::One(&'a'));
    assert_eq!(table.end("f", "2", false), Whose::One('a'));
    assert_eq!(table.end("f", "b", false), Whose::One('b'));
    assert_eq!(table.piece("f", "3"), Whose::Nobody);
}

#[test]
fn streams_that_nobody_can_tell_apart_fail_together_and_a_third_one_with_them() {
    let mut table = table();
    start(&mut table, "a", 'a');
    start(&mut table, "b", 'b');
    assert_eq!(table.piece("f", "1"), Whose::Mixed(vec!['a', 'b']));
    assert_eq!(table.piece("f", "2"), Whose::Nobody);
    // Both go on, so what comes next need not be of the new one.
    start(&mut table, "c", 'c');
    assert_eq!(table.piece("f", "3"), Whose::Mixed(vec!['c']));
    for uuid in ["4", "5", "6"] {
        assert_eq!(table.end("f", uuid, false), Whose::Nobody);
    }
    assert_eq!(table.known, 0, "all three have ended");
    start(&mut table, "d", 'd');
    assert_eq!(table.piece("f", "7"), Whose::One(&'d'));
}

#[test]
fn a_stream_that_began_before_we_listened_goes_to_nobody() {
    let mut table = table();
    assert_eq!(table.piece("f", "a"), Whose::Nobody);
    start(&mut table, "b", 'b');
    assert_eq!(table.piece("f", "a"), Whose::Nobody);
    assert_eq!(table.end("f", "a", false), Whose::Nobody);
    assert_eq!(table.piece("f", "b"), Whose::One(&'b'));
    assert_eq!(table.end("f", "b", false), Whose::One('b'));
}

#[test]
fn a_stream_that_took_a_piece_of_another_fails_when_that_shows() {
    for shows in ["a", "b"] {
        for is_end in [false, true] {
            let mut table = table();
            start(&mut table, "b", 'b');
            assert_eq!(table.piece("f", "a"), Whose::One(&'b'), "it may be of the original's client");
            let failed =
                if is_end { table.end("f", shows, false) } else { to_owned(table.piece("f", shows)) };
            assert_eq!(failed, Whose::Mixed(vec!['b']), "{shows} {is_end}");
        }
    }
}

fn to_owned(whose: Whose<&char, char>) -> Whose<char, char> {
    match whose {
        Whose::One(takers) => Whose::One(*takers),
        Whose::Nobody => Whose::Nobody,
        Whose::Mixed(failed) => Whose::Mixed(failed),
    }
}

#[test]
fn an_end_of_another_is_not_taken_for_that_of_an_empty_stream() {
    let mut table = table();
    start(&mut table, "b", 'b');
    assert_eq!(table.end("f", "a", false), Whose::Mixed(vec!['b']));
    assert_eq!(table.piece("f", "b"), Whose::Nobody);
    assert_eq!(table.end("f", "b", false), Whose::Nobody);
    assert_eq!(table.known, 0);
}

#[test]
fn a_lost_sender_of_the_original_has_aborted_its_stream() {
    let mut table = table();
    start(&mut table, "a", 'a');
    assert_eq!(table.piece("f", "1"), Whose::One(&'a'));
    assert_eq!(table.end("f", "a", true), Whose::One('a'));
}

#[test]
fn while_an_unknown_stream_may_go_on_none_without_a_name_is_whole() {
    let mut table = table();
    assert_eq!(table.piece("f", "1"), Whose::Nobody);
    start(&mut table, "a", 'a');
    assert_eq!(table.piece("f", "2"), Whose::Mixed(vec!['a']));
    // One with a name that it has given before is known by it.
    start(&mut table, "n", 'n');
    assert_eq!(table.piece("f", "n"), Whose::One(&'n'));
    assert_eq!(table.piece("f", "3"), Whose::Nobody);
    for uuid in ["4", "5"] {
        assert_eq!(table.end("f", uuid, false), Whose::Nobody);
    }
    assert_eq!(table.end("f", "n", false), Whose::One('n'));
    start(&mut table, "b", 'b');
    assert_eq!(table.piece("f", "6"), Whose::One(&'b'), "both have ended");
}

#[test]
fn what_was_left_is_nobodys_also_after_a_return() {
    let mut table = table();
    start(&mut table, "a", 'a');
    start(&mut table, "b", 'b');
    assert_eq!(table.leave("f"), ['a', 'b']);
    assert_eq!((table.known, table.followed), (0, 0));
    start(&mut table, "c", 'c');
    assert_eq!(table.piece("f", "a"), Whose::Nobody);
    assert_eq!(table.end("f", "b", false), Whose::Nobody);
    assert_eq!(table.piece("f", "c"), Whose::One(&'c'));
}

#[test]
fn one_too_many_is_left_out_and_its_pieces_are_no_others() {
    let mut table = StreamTable::new(1);
    assert_eq!(table.start("f", "a", 'a'), Ok(()));
    assert_eq!(table.start("f", "b", 'b'), Err('b'));
    assert_eq!(table.piece("f", "b"), Whose::Nobody);
    assert_eq!(table.piece("f", "a"), Whose::One(&'a'));
    assert_eq!(table.drain().collect::<String>(), "a");
    assert_eq!(table.start("g", "b", 'b'), Ok(()));
}

#[test]
fn those_that_are_left_out_take_no_room_from_others_for_ever() {
    let mut table = StreamTable::new(2);
    for number in 0..100 {
        let is_open = table.start("f", &number.to_string(), number).is_ok();
        assert_eq!(is_open, number < 2);
        assert!(table.known <= 4);
    }
    for number in 0..2 {
        assert_eq!(table.end("f", &number.to_string(), false), Whose::One(number));
    }
    assert_eq!(table.start("f", "new", 100), Ok(()));
    assert_eq!(table.piece("f", "new"), Whose::One(&100));
}

/// One that sends a stream, message by message.
struct Sender {
    taker: usize,
    /// Whether all its messages have one uuid.
    is_named: bool,
    pieces: usize,
    sent: usize,
}

/// Plays an interleaving; `missed` is a sender whose start nobody hears, and how much of its stream
/// comes before the others begin.
fn play(dice: &mut fastrand::Rng, mut senders: Vec<Sender>, missed: Option<(usize, usize)>) -> [usize; 2] {
    let (mut table, mut fresh, mut outcomes) = (StreamTable::new(10), 0, [0; 2]);
    let mut got: Vec<Option<Vec<(usize, usize)>>> = senders.iter().map(|_| Some(Vec::new())).collect();
    let mut alone = missed.map_or(0, |(_, alone)| alone);
    if let Some((at, _)) = missed {
        senders[at].sent = 1;
    }
    loop {
        let is_open = |at: &usize| senders[*at].sent < senders[*at].pieces + 2;
        let open: Vec<usize> = (0..senders.len()).filter(is_open).collect();
        let at = match (missed, open[..].is_empty()) {
            (_, true) => return outcomes,
            (Some((missed, _)), false) if alone > 0 && open.contains(&missed) => missed,
            _ => open[dice.usize(..open.len())],
        };
        alone = alone.saturating_sub(1);
        let sender = &mut senders[at];
        fresh += 1;
        let uuid =
            if sender.is_named { format!("name {}", sender.taker) } else { format!("message {fresh}") };
        let number = sender.sent;
        sender.sent += 1;
        let failed = if number == 0 {
            table.start("f", &uuid, at).expect("there is room");
            continue;
        } else if number <= sender.pieces {
            match table.piece("f", &uuid) {
                Whose::One(&to) => {
                    got[to].as_mut().expect("it is open").push((at, number));
                    continue;
                }
                Whose::Nobody => continue,
                Whose::Mixed(failed) => failed,
            }
        } else {
            match table.end("f", &uuid, false) {
                Whose::One(to) => {
                    let whole: Vec<_> = (1..=senders[to].pieces).map(|number| (to, number)).collect();
                    assert_eq!(got[to].take().expect("it is open"), whole, "a whole stream is its sender's");
                    outcomes[0] += 1;
                    continue;
                }
                Whose::Nobody => continue,
                Whose::Mixed(failed) => failed,
            }
        };
        for to in failed {
            assert!(got[to].take().is_some(), "it fails once");
            outcomes[1] += 1;
        }
    }
}

fn senders(dice: &mut fastrand::Rng, is_named: impl Fn(&mut fastrand::Rng) -> bool) -> Vec<Sender> {
    let senders = 0..dice.usize(1..5);
    let sender = |taker| Sender { taker, is_named: is_named(dice), pieces: dice.usize(..4), sent: 0 };
    senders.map(sender).collect()
}

/// Senders of both kinds, all of whose starts are heard.
#[test]
fn a_stream_that_ends_whole_has_exactly_its_senders_bytes_whoever_sends_beside_it() {
    let mut all = [0; 2];
    for seed in 0..20_000 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let senders = senders(&mut dice, fastrand::Rng::bool);
        let [whole, failed] = play(&mut dice, senders, None);
        all = [all[0] + whole, all[1] + failed];
    }
    assert!(all[0] > 1_000 && all[1] > 1_000, "{all:?}");
}

/// All give their streams names, and one began before we listened.
#[test]
fn a_stream_that_ends_whole_has_exactly_its_senders_bytes_beside_one_that_was_missed() {
    let mut all = [0; 2];
    for seed in 0..20_000 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let senders = senders(&mut dice, |_| true);
        let missed = (dice.usize(..senders.len()), dice.usize(..3));
        let [whole, failed] = play(&mut dice, senders, Some(missed));
        all = [all[0] + whole, all[1] + failed];
    }
    assert!(all[0] > 1_000 && all[1] > 100, "{all:?}");
}

/// Of the one that was missed a piece comes before the others begin, whatever kinds they are.
#[test]
fn a_stream_that_ends_whole_has_exactly_its_senders_bytes_beside_one_that_is_suspected() {
    let mut all = [0; 2];
    for seed in 0..20_000 {
        let mut dice = fastrand::Rng::with_seed(seed);
        let mut senders = senders(&mut dice, fastrand::Rng::bool);
        let at = dice.usize(..senders.len());
        senders[at].pieces += 1;
        let alone = dice.usize(1..3);
        let [whole, failed] = play(&mut dice, senders, Some((at, alone)));
        all = [all[0] + whole, all[1] + failed];
    }
    assert!(all[0] > 1_000 && all[1] > 1_000, "{all:?}");
}
