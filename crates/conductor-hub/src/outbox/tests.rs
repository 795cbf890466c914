use proptest::prelude::*;

use super::*;

const LIMIT: usize = 64 * 1024;

/// An outbox alone in a room.
fn alone() -> Outbox {
    Outbox::new(Arc::new(OutboxMemory::new(LIMIT * 4, LIMIT)))
}

/// A frame that costs so much.
fn frame(outbox: &Outbox, cost: usize) -> Frame {
    numbered(outbox, cost, 0)
}

/// A frame that costs so much and begins with a number.
fn numbered(outbox: &Outbox, cost: usize, number: u32) -> Frame {
    let mut bytes = BytesMut::from(&number.to_be_bytes()[..]);
    bytes.resize(cost - FRAME_COST, 0);
    outbox.frame(bytes)
}

/// Takes one frame and writes it.
fn read_one(outbox: &Outbox, sending: &mut VecDeque<Frame>) {
    outbox.take(sending, Waker::noop());
    outbox.release(sending.pop_front().expect("something waits").len(), 1);
}

#[test]
fn many_small_frames_count_what_they_cost() {
    let outbox = alone();
    let taken =
        (0..LIMIT).take_while(|_| outbox.push(outbox.frame(BytesMut::from(&b"x"[..]))).is_ok()).count();
    assert_eq!(taken, LIMIT / (FRAME_COST + 1));
}

#[test]
fn senders_wait_above_half_and_who_sent_little_above_three_quarters() {
    let outbox = alone();
    let (mut sending, cost) = (VecDeque::new(), LIMIT / 16);
    for _ in 0..8 {
        assert!(!outbox.holds_up(cost, WaitMark::Half));
        outbox.push(frame(&outbox, cost)).unwrap();
    }
    assert!(!outbox.holds_up(cost, WaitMark::Half), "half is no reason");
    for _ in 0..4 {
        outbox.push(frame(&outbox, cost)).unwrap();
        assert!(outbox.holds_up(cost, WaitMark::Half));
        assert!(!outbox.holds_up(cost, WaitMark::Upper), "who sent little goes on");
    }
    outbox.push(frame(&outbox, cost)).unwrap();
    assert!(outbox.holds_up(cost, WaitMark::Upper));
    while outbox.holds_up(cost, WaitMark::Half) {
        read_one(&outbox, &mut sending);
    }
    assert_eq!(outbox.pending(), LIMIT / 2);
}

#[test]
fn a_sender_waits_for_room_for_what_it_has() {
    let outbox = alone();
    let mut sending = VecDeque::new();
    for _ in 0..2 {
        outbox.push(frame(&outbox, LIMIT / 16 * 3)).unwrap();
    }
    assert!(
        outbox.holds_up(LIMIT / 8 * 5 + 1, WaitMark::Half) && !outbox.holds_up(LIMIT / 8 * 5, WaitMark::Half)
    );
    assert!(outbox.wait(ConnectionId(1), Waker::noop(), LIMIT / 8 * 5 + 1, WaitMark::Half));
    for _ in 0..2 {
        read_one(&outbox, &mut sending);
    }
    assert!(!outbox.wait(ConnectionId(1), Waker::noop(), LIMIT, WaitMark::Half), "nothing is left");
}

#[test]
fn a_sender_waits_for_room_that_kept_frames_take() {
    let (outbox, wakes) = (alone(), Arc::new(Wakes::default()));
    let waker = Waker::from(Arc::clone(&wakes));
    let mut sending = VecDeque::new();
    outbox.push(frame(&outbox, LIMIT / 16 * 3)).unwrap();
    let latest = outbox.push_latest(&Arc::from("inbox"), frame(&outbox, LIMIT / 16 * 10));
    assert_eq!(latest, Ok(Latest::Kept));
    for mark in [WaitMark::Half, WaitMark::Upper] {
        assert!(!outbox.holds_up(LIMIT / 16 * 3, mark), "that has room");
        assert!(outbox.holds_up(LIMIT / 4, mark), "a quarter would end a reader that reads");
    }
    assert!(outbox.wait(ConnectionId(1), &waker, LIMIT / 4, WaitMark::Upper));
    read_one(&outbox, &mut sending);
    assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "what was kept is queued, and there is room");
    assert!(!outbox.holds_up(LIMIT / 4, WaitMark::Upper));
    outbox.push(frame(&outbox, LIMIT / 4)).unwrap();
    assert!(!outbox.is_closing());
}

/// Counts how often it is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl std::task::Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn senders_go_on_when_the_reader_is_below_the_mark_or_ends() {
    let outbox = alone();
    let (mut sending, wakes) = (VecDeque::new(), Arc::new(Wakes::default()));
    let waker = Waker::from(Arc::clone(&wakes));
    let waits = |mark| outbox.wait(ConnectionId(1), &waker, LIMIT / 16, mark);
    assert!(!waits(WaitMark::Half), "nothing waits");
    for _ in 0..5 {
        outbox.push(frame(&outbox, LIMIT / 8)).unwrap();
    }
    assert!(waits(WaitMark::Half) && !waits(WaitMark::Upper));
    assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
    read_one(&outbox, &mut sending);
    assert_eq!((wakes.0.load(Ordering::SeqCst), waits(WaitMark::Half)), (1, false), "half is left");
    outbox.push(frame(&outbox, LIMIT / 8)).unwrap();
    assert!(waits(WaitMark::Half));
    outbox.close(Disconnect::Kicked);
    assert_eq!((wakes.0.load(Ordering::SeqCst), waits(WaitMark::Half)), (2, false), "it is closing");
    assert!(!outbox.holds_up(LIMIT, WaitMark::Half));
}

#[test]
fn room_that_is_reserved_is_nobody_elses() {
    let outbox = alone();
    assert!(outbox.reserve(LIMIT / 8 * 5));
    assert!(outbox.holds_up(100, WaitMark::Half) && !outbox.holds_up(100, WaitMark::Upper));
    assert!(outbox.holds_up(LIMIT / 2, WaitMark::Upper), "there is no room for that");
    outbox.push(frame(&outbox, LIMIT / 8)).unwrap();
    outbox.push_reserved("a", frame(&outbox, LIMIT / 8 * 5), LIMIT / 8 * 5).unwrap();
    assert_eq!(outbox.pending(), LIMIT / 8 * 6, "it counts once");
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [0, 0]);
    assert_eq!(outbox.pending(), 0);
    // A reader that ends has room for nothing.
    assert!(outbox.reserve(LIMIT / 2));
    outbox.close(Disconnect::Kicked);
    assert!(!outbox.reserve(LIMIT / 2));
    let late = outbox.push_reserved("a", frame(&outbox, LIMIT / 2), LIMIT / 2);
    assert_eq!((late, outbox.pending()), (Err(Rejected::Closed), 0));
}

#[test]
fn senders_go_on_when_reserved_room_is_not_used() {
    for compressed in [false, true] {
        let (outbox, wakes) = (alone(), Arc::new(Wakes::default()));
        let waker = Waker::from(Arc::clone(&wakes));
        assert!(outbox.reserve(LIMIT / 8 * 5));
        assert!(outbox.wait(ConnectionId(1), &waker, LIMIT / 16, WaitMark::Half));
        if compressed {
            outbox.push_reserved("a", frame(&outbox, LIMIT / 8), LIMIT / 8 * 5).unwrap();
        } else {
            outbox.give_room_back(LIMIT / 8 * 5);
        }
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        assert!(!outbox.holds_up(LIMIT / 16, WaitMark::Half));
        assert_eq!(outbox.pending(), if compressed { LIMIT / 8 } else { 0 });
    }
}

/// Writes everything that waits, and returns the numbers of the frames.
fn read_all(outbox: &Outbox, sending: &mut VecDeque<Frame>) -> Vec<u32> {
    let mut numbers = Vec::new();
    loop {
        outbox.take(sending, Waker::noop());
        let Some(frame) = sending.pop_front() else { return numbers };
        numbers.push(u32::from_be_bytes(frame[..4].try_into().unwrap()));
        outbox.release(frame.len(), 1);
    }
}

#[test]
fn a_reader_who_is_behind_is_given_the_newest_alone() {
    let outbox = alone();
    let inbox = Arc::from("inbox");
    let mut taken = Vec::new();
    for number in 0..1_000 {
        taken.push(outbox.push_latest(&inbox, numbered(&outbox, LIMIT / 8, number)).unwrap());
    }
    assert_eq!(taken[..4], [Latest::Queued, Latest::Queued, Latest::Kept, Latest::Replaced]);
    assert_eq!(outbox.pending(), LIMIT / 8 * 3);
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [0, 1, 999]);
    assert_eq!(outbox.push_latest(&inbox, numbered(&outbox, LIMIT / 8, 7)), Ok(Latest::Queued));
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [7]);
}

#[test]
fn what_is_pushed_to_a_channel_keeps_its_order_with_what_is_kept_of_it() {
    let outbox = alone();
    let (a, b) = (Arc::from("a"), Arc::from("b"));
    outbox.push(numbered(&outbox, LIMIT / 2, 1)).unwrap();
    assert_eq!(outbox.push_latest(&a, numbered(&outbox, 100, 2)), Ok(Latest::Kept));
    assert_eq!(outbox.push_latest(&b, numbered(&outbox, 100, 3)), Ok(Latest::Kept));
    outbox.push_of("a", numbered(&outbox, 100, 4)).unwrap();
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [1, 2, 4, 3]);
}

#[test]
fn what_is_kept_goes_with_the_channel_and_is_still_written_when_the_connection_is_closed() {
    let outbox = alone();
    let (a, b) = (Arc::from("a"), Arc::from("b"));
    outbox.push(numbered(&outbox, LIMIT / 2, 1)).unwrap();
    outbox.push_latest(&a, numbered(&outbox, 100, 2)).unwrap();
    outbox.push_latest(&b, numbered(&outbox, 100, 3)).unwrap();
    outbox.forget("a");
    outbox.forget("unknown");
    outbox.close(Disconnect::Restart);
    assert_eq!(outbox.push_latest(&a, numbered(&outbox, 100, 4)), Err(Rejected::Closed));
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [1, 3]);
    assert_eq!(outbox.pending(), 0);
}

#[test]
fn latest_frames_of_seven_sixteenths_make_no_slow_reader_and_more_than_fits_does() {
    let inbox = Arc::from("inbox");
    let outbox = alone();
    outbox.push(frame(&outbox, LIMIT / 8)).unwrap();
    for number in 0..9 {
        outbox.push_latest(&inbox, numbered(&outbox, LIMIT / 16 * 7, number)).unwrap();
    }
    assert_eq!(outbox.pending(), LIMIT);
    assert_eq!(read_all(&outbox, &mut VecDeque::new()), [0, 0, 8]);
    outbox.push_latest(&inbox, frame(&outbox, LIMIT / 4 * 3)).unwrap();
    let too_much = outbox.push_latest(&inbox, frame(&outbox, LIMIT / 4 * 3));
    assert_eq!(too_much, Err(Rejected::Overflow));
    assert!(outbox.is_closing());
}

#[test]
fn a_room_counts_shared_bytes_once_and_forgets_whatever_becomes_of_them() {
    let memory = Arc::new(OutboxMemory::new(LIMIT * 4, LIMIT));
    let outboxes: Vec<_> = (0..100).map(|_| Outbox::new(Arc::clone(&memory))).collect();
    let shared = frame(&outboxes[0], LIMIT / 2);
    for outbox in &outboxes {
        outbox.push(shared.clone()).unwrap();
        outbox.push_latest(&Arc::from("a"), shared.clone()).unwrap();
        memory.take_places(1);
    }
    drop(shared);
    assert!((LIMIT / 2..LIMIT).contains(&memory.held()), "{}", memory.held());
    for (number, outbox) in outboxes.iter().enumerate() {
        let mut sending = VecDeque::new();
        match number % 4 {
            0 => drop(read_all(outbox, &mut sending)),
            1 => outbox.close(Disconnect::SlowReader),
            2 => outbox.close(Disconnect::Kicked),
            _ => outbox.forget("a"),
        }
        outbox.take(&mut sending, Waker::noop());
        outbox.close(Disconnect::Normal);
        outbox.clear(sending.len());
    }
    assert_eq!(memory.held(), 0);
}

#[derive(Clone, Debug)]
enum Step {
    Push { channel: usize, cost: usize },
    Latest { channel: usize, cost: usize },
    Read { bytes: usize },
    Leave { channel: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let (channel, cost) = (0..3_usize, FRAME_COST + 4..LIMIT / 8);
    prop_oneof![
        1 => (channel.clone(), FRAME_COST + 4..LIMIT / 32).prop_map(|(channel, cost)| Step::Push { channel, cost }),
        6 => (channel.clone(), cost).prop_map(|(channel, cost)| Step::Latest { channel, cost }),
        3 => (1..LIMIT / 4).prop_map(|bytes| Step::Read { bytes }),
        1 => channel.prop_map(|channel| Step::Leave { channel }),
    ]
}

/// Reads so many bytes, across the borders of frames; returns the numbers of the frames that ended.
fn read(outbox: &Outbox, sending: &mut VecDeque<Frame>, written: &mut usize, mut bytes: usize) -> Vec<u32> {
    let mut numbers = Vec::new();
    while bytes > 0 {
        outbox.take(sending, Waker::noop());
        let Some(head) = sending.front() else { break };
        let now = bytes.min(head.len() - *written);
        bytes -= now;
        *written += now;
        let ended = *written == head.len();
        if ended {
            numbers.push(u32::from_be_bytes(head[..4].try_into().unwrap()));
            sending.pop_front();
            *written = 0;
        }
        outbox.release(now, usize::from(ended));
    }
    numbers
}

proptest! {
    /// A reader gets, of each channel, a part of what was pushed, in order and with the last, all
    /// of what is not only the latest, and is never closed for what is.
    #[test]
    fn what_a_reader_gets(steps in prop::collection::vec(step(), 1..300)) {
        let memory = Arc::new(OutboxMemory::new(LIMIT * 4, LIMIT));
        let outbox = Outbox::new(Arc::clone(&memory));
        let names: Vec<Arc<str>> = ["a", "b", "c"].into_iter().map(Arc::from).collect();
        let (mut sending, mut written, mut heard) = (VecDeque::new(), 0, Vec::new());
        // What was pushed: its channel, and whether it may be left out.
        let mut pushed: Vec<(usize, bool)> = Vec::new();
        for step in steps {
            let number = u32::try_from(pushed.len()).unwrap();
            match step {
                Step::Push { channel, cost } => {
                    if outbox.pending() + cost > LIMIT {
                        continue;
                    }
                    outbox.push_of(&names[channel], numbered(&outbox, cost, number)).unwrap();
                    memory.take_places(1);
                    pushed.push((channel, false));
                }
                Step::Latest { channel, cost } => {
                    // Pushes that wait for nobody can take all of the room.
                    if outbox.pending() + cost > LIMIT {
                        continue;
                    }
                    if outbox.push_latest(&names[channel], numbered(&outbox, cost, number)).unwrap() != Latest::Replaced {
                        memory.take_places(1);
                    }
                    // What it took the place of may be left out from now on, and it itself may be
                    // later.
                    pushed.push((channel, true));
                }
                Step::Read { bytes } => heard.extend(read(&outbox, &mut sending, &mut written, bytes)),
                Step::Leave { channel } => {
                    outbox.forget(&names[channel]);
                    // Whatever was kept has gone; what comes now is heard again.
                    pushed.iter_mut().filter(|(of, _)| *of == channel).for_each(|(of, _)| *of += 10);
                }
            }
            prop_assert!(!outbox.is_closing());
            prop_assert!(outbox.pending() <= LIMIT);
        }
        heard.extend(read(&outbox, &mut sending, &mut written, usize::MAX));
        for channel in 0..3 {
            let all: Vec<_> = heard.iter().filter(|&&number| pushed[number as usize].0 % 10 == channel).collect();
            prop_assert!(all.is_sorted_by(|a, b| a < b), "{all:?}");
            let last = pushed.iter().rposition(|&(of, _)| of == channel);
            let last = last.map(|last| u32::try_from(last).unwrap());
            prop_assert!(last.is_none_or(|last| heard.contains(&last)), "{last:?} is not in {all:?}");
        }
        for (number, (_, latest)) in pushed.iter().enumerate() {
            prop_assert!(*latest || heard.contains(&u32::try_from(number).unwrap()), "{number} is lost");
        }
        prop_assert_eq!(outbox.pending(), 0);
        drop(sending);
        prop_assert_eq!(memory.held(), 0);
    }
}
