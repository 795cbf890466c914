//! What is on its way, whoever says what was taken.

use proptest::prelude::*;

use super::*;

#[test]
fn a_share_counts_until_the_sister_has_taken_it() {
    let mut shares = ChannelShares::new(100);
    assert!(!shares.take(0), "she says that she will say it");
    for _ in 0..3 {
        shares.queue(7, 60);
    }
    assert!(shares.is_over(7, 1) && !shares.is_over(7, 2) && !shares.is_over(8, 1));
    (0..3).for_each(|_| assert!(!shares.send(7, 60)));
    assert!(!shares.take(1) && shares.has_over());
    assert!(shares.take(2) && !shares.has_over());
    assert!(!shares.take(3));
    assert_eq!(shares.of(7), 0);
    assert!(!shares.take(u64::MAX), "there is nothing more");
}

#[test]
fn of_a_sister_who_says_nothing_only_the_queue_counts() {
    let mut shares = ChannelShares::new(100);
    shares.queue(7, 60);
    shares.queue(7, 60);
    assert!(shares.is_over(7, 1));
    assert!(shares.send(7, 60) && !shares.is_over(7, 1));
    // From now on she does, and counts from the beginning of the link.
    assert!(!shares.take(0) && !shares.send(7, 60));
    assert_eq!(shares.of(7), 60);
    assert!(!shares.take(2));
    assert_eq!(shares.of(7), 0);
}

#[test]
fn a_sister_who_stops_saying_what_she_takes_takes_no_memory_without_end() {
    let mut shares = ChannelShares::new(100);
    shares.take(0);
    let sent = u64::try_from(SENT_MAX).expect("it is not that much") + 10;
    for channel in 0..sent {
        shares.queue(channel, 60);
        shares.send(channel, 60);
    }
    assert_eq!((shares.sent.len(), shares.shares.len()), (SENT_MAX, SENT_MAX));
    // She says it after all, and nothing counts twice.
    shares.take(9);
    assert_eq!((shares.of(9), shares.of(10)), (0, 60));
    shares.take(11);
    assert_eq!((shares.of(10), shares.of(11)), (0, 60));
    shares.take(sent);
    assert_eq!((shares.sent.len(), shares.shares.len()), (0, 0));
}

proptest! {
    /// Whatever is queued, sent and taken: shares are what is on its way.
    #[test]
    fn shares_are_what_is_on_its_way(steps in prop::collection::vec((0u8..3, 0u64..3, 1usize..200), 0..200)) {
        let mut shares = ChannelShares::new(100);
        shares.take(0);
        let (mut queued, mut sent, mut taken) = (VecDeque::new(), VecDeque::new(), 0);
        for (kind, channel, bytes) in steps {
            match kind {
                0 => {
                    shares.queue(channel, bytes);
                    queued.push_back((channel, bytes));
                }
                1 => if let Some((channel, bytes)) = queued.pop_front() {
                    shares.send(channel, bytes);
                    sent.push_back((channel, bytes));
                },
                _ => if sent.pop_front().is_some() {
                    taken += 1;
                    shares.take(taken);
                },
            }
            let mut over = false;
            for channel in 0..3 {
                let of = queued.iter().chain(&sent).filter(|(of, _)| *of == channel);
                let share: usize = of.map(|(_, bytes)| bytes).sum();
                prop_assert_eq!(shares.of(channel), share);
                over |= share > 100;
            }
            prop_assert_eq!(shares.has_over(), over);
        }
    }
}
