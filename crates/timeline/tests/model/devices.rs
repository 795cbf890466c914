//! The devices of members: each watches the inbox of its member.

use std::collections::{BTreeMap, VecDeque};

use timeline::{InboxPage, ReadCursor, Timeline, Watch};
use tokio::time::timeout;

use super::calls::{conversation, seq};
use super::check::{self, GRACE};
use super::lists::{CONVERSATIONS, Lists, MEMBERS, Talk};
use super::member;

/// How many devices a member has at most.
const DEVICES_MAX: usize = 3;

/// The devices of all members.
pub(super) struct Devices(Vec<VecDeque<Device>>);

struct Device {
    watch: Watch,
    // Up to where it has the inbox.
    last: u64,
    // Up to where it knows that the inbox is freed.
    floor: u64,
    // The cursors that it has to be told, by who has read which conversation.
    untold: BTreeMap<(usize, usize), u64>,
}

impl Devices {
    /// Begins with two devices of each member.
    pub(super) fn begin(timeline: &Timeline, lists: &Lists) -> Self {
        let two = |id| -> VecDeque<Device> { (0..2).map(|_| Device::begin(timeline, lists, id)).collect() };
        Self((0..MEMBERS).map(two).collect())
    }

    /// Adds a device of a member; the first one goes if there are too many.
    pub(super) fn add(&mut self, timeline: &Timeline, lists: &Lists, id: usize) {
        let devices = &mut self.0[id];
        if devices.len() == DEVICES_MAX {
            devices.pop_front();
        }
        devices.push_back(Device::begin(timeline, lists, id));
    }

    /// Notes who has to be told of a cursor that has risen.
    ///
    /// These are all devices of who has read, and in a pair those of the other member.
    pub(super) fn expect_read(&mut self, lists: &Lists, reader: usize, talk: usize) {
        let read = lists.read_of(reader, talk);
        for (id, devices) in self.0.iter_mut().enumerate() {
            let is_told = id == reader
                || matches!(CONVERSATIONS[talk], Talk::Pair(one, other) if id == one || id == other);
            for device in devices.iter_mut().filter(|_| is_told) {
                device.untold.insert((reader, talk), read);
            }
        }
    }

    /// Has all devices be told what they do not know, and compares it.
    pub(super) async fn catch_up(&mut self, lists: &Lists) {
        for (id, devices) in self.0.iter_mut().enumerate() {
            for device in devices {
                while !device.knows_all(lists, id) {
                    let page = timeout(GRACE, device.watch.next()).await;
                    device.take(&page.expect("a device is not told").unwrap(), lists, id);
                }
            }
        }
    }
}

impl Device {
    /// Begins behind what is freed, as one that has what was acknowledged.
    fn begin(timeline: &Timeline, lists: &Lists, id: usize) -> Self {
        let floor = lists.inboxes[id].floor;
        let watch = timeline.watch(&member(id), seq(floor));
        Self { watch, last: floor, floor, untold: BTreeMap::new() }
    }

    fn knows_all(&self, lists: &Lists, id: usize) -> bool {
        let inbox = &lists.inboxes[id];
        self.last >= inbox.top() && self.floor >= inbox.floor && self.untold.is_empty()
    }

    fn take(&mut self, page: &InboxPage, lists: &Lists, id: usize) {
        assert!(!page.reset && !page.cursors_cut, "member {id}: {page:?}");
        assert!(page.floor.get() >= self.floor, "member {id}: the floor has fallen: {page:?}");
        self.floor = page.floor.get();
        // What was freed before the device came to it is left out.
        self.last = self.last.max(self.floor);
        for entry in &page.entries {
            assert_eq!(entry.sequence.get(), self.last + 1, "member {id}: a gap or a repetition: {page:?}");
            self.last += 1;
            check::copy(entry, lists, id);
        }
        for cursor in &page.cursors {
            let told = self.untold.remove(&reader_of(cursor));
            assert_eq!(told, Some(cursor.read.get()), "member {id} is told {cursor:?}");
        }
    }
}

/// Returns who has read which conversation.
fn reader_of(cursor: &ReadCursor) -> (usize, usize) {
    let reader = (0..MEMBERS).find(|id| member(*id) == cursor.member).unwrap();
    let talk = (0..CONVERSATIONS.len()).find(|talk| conversation(*talk) == cursor.conversation).unwrap();
    (reader, talk)
}
