//! What nodes say of readers who are behind, in any graph.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

fn node(number: usize) -> NodeId {
    NodeId::from_bytes([u8::try_from(number).expect("there are few"); 16])
}

fn half(number: u64) -> Pace {
    Pace { node: node(1), number, mark: PaceMark::Half, channel: "tea".into() }
}

#[test]
fn what_was_said_holds_for_its_channel_until_it_is_taken_back() {
    let (now, mut heard, mut said) = (Instant::now(), HeardPaces::default(), SaidPaces::default());
    let pace = said.say(node(1), "tea", PaceMark::Half).expect("it is new");
    assert_eq!(said.say(node(1), "tea", PaceMark::Half), None);
    assert!(heard.hear(1, &pace, now) && !heard.hear(2, &pace, now), "it comes by two ways");
    assert!(heard.is_behind("tea", WaitMark::Half, now) && !heard.is_behind("tea", WaitMark::Upper, now));
    assert!(!heard.is_behind("cake", WaitMark::Half, now));
    let upper = said.say(node(1), "tea", PaceMark::Upper).expect("it is new");
    assert!(heard.hear(1, &upper, now) && heard.is_behind("tea", WaitMark::Upper, now));
    let free = said.say(node(1), "tea", PaceMark::Free).expect("it is new");
    assert!(heard.hear(1, &free, now) && !heard.hear(2, &upper, now), "the longer way comes behind");
    assert!(!heard.is_behind("tea", WaitMark::Half, now) && heard.is_empty() && said.is_empty());
    assert_eq!((heard.bytes, said.bytes), (0, 0));
}

#[test]
fn what_is_not_said_again_or_came_by_a_lost_link_is_forgotten() {
    let (now, mut heard) = (Instant::now(), HeardPaces::default());
    heard.hear(1, &half(1), now);
    assert!(!heard.is_behind("tea", WaitMark::Half, now + HOLDS));
    heard.expire(now + HOLDS);
    assert!(heard.is_empty());
    heard.hear(1, &half(2), now);
    heard.forget_link(2);
    assert!(heard.is_behind("tea", WaitMark::Half, now));
    heard.forget_link(1);
    assert!(heard.is_empty() && heard.bytes == 0);
}

#[test]
fn what_is_heard_and_said_is_bounded_in_bytes() {
    let (now, mut heard, mut said) = (Instant::now(), HeardPaces::default(), SaidPaces::default());
    for number in 1..100_000 {
        let channel = number.to_string();
        said.say(node(2), &channel, PaceMark::Half);
        heard.hear(1, &Pace { channel: channel.into(), ..half(number) }, now);
    }
    assert!(heard.bytes <= BYTES_MAX && said.bytes <= BYTES_MAX);
}

proptest! {
    /// In any connected graph, whatever the order in which links are read: what is said ends,
    /// and all know what each has said last.
    #[test]
    fn all_hear_what_each_has_said_last(
        count in 2usize..6,
        edges in prop::collection::vec((0usize..6, 0usize..6), 0..12),
        steps in prop::collection::vec((any::<bool>(), 0usize..60, 0u8..3), 1..80),
    ) {
        let now = Instant::now();
        let mut links: Vec<_> = (1..count).map(|at| (at, at / 2)).collect();
        for (a, b) in edges {
            let (a, b) = (a % count, b % count);
            if a != b && !links.contains(&(a, b)) && !links.contains(&(b, a)) {
                links.push((a, b));
            }
        }
        let mut heard: Vec<_> = (0..count).map(|_| HeardPaces::default()).collect();
        let mut said: Vec<_> = (0..count).map(|_| SaidPaces::default()).collect();
        let mut queues = vec![[VecDeque::new(), VecDeque::new()]; links.len()];
        let mut last = vec![PaceMark::Free; count];
        let send = |queues: &mut Vec<[VecDeque<Pace>; 2]>, from: usize, by: Option<usize>, pace: &Pace| {
            for (at, (a, b)) in links.iter().enumerate().filter(|(at, _)| Some(*at) != by) {
                if *a == from || *b == from {
                    queues[at][usize::from(*a == from)].push_back(pace.clone());
                }
            }
        };
        let read = |queues: &mut Vec<[VecDeque<Pace>; 2]>, heard: &mut Vec<HeardPaces>, choice: usize| {
            let full: Vec<_> = (0..links.len())
                .flat_map(|at| [(at, 0), (at, 1)])
                .filter(|(at, end)| !queues[*at][*end].is_empty())
                .collect();
            let Some(&(at, end)) = full.get(choice % full.len().max(1)) else { return false };
            let pace = queues[at][end].pop_front().expect("it is not empty");
            let to = if end == 1 { links[at].1 } else { links[at].0 };
            if pace.node != node(to) && heard[to].hear(at as u64, &pace, now) {
                send(queues, to, Some(at), &pace);
            }
            true
        };
        for (says, at, mark) in steps {
            if says {
                let (at, mark) = (at % count, PaceMark::of_byte(mark));
                last[at] = mark;
                if let Some(pace) = said[at].say(node(at), "tea", mark) {
                    send(&mut queues, at, None, &pace);
                }
            } else {
                read(&mut queues, &mut heard, at);
            }
        }
        while read(&mut queues, &mut heard, 0) {}
        for (at, heard) in heard.iter().enumerate() {
            for mark in [WaitMark::Half, WaitMark::Upper] {
                let behind = (0..count).any(|other| other != at && last[other].holds(mark));
                prop_assert_eq!(heard.is_behind("tea", mark, now), behind);
            }
        }
    }
}
