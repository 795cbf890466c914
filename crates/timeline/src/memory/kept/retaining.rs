//! What is kept no longer, and what goes with it.

use super::super::boxes::expired;
use super::super::entry_box::EntryBox;
use super::Locked;
use crate::{Conversation, MemberId, Retention, Seq};

impl Locked {
    /// Keeps entries as `retention` says from now on.
    pub(in crate::memory) fn keep(&mut self, retention: Retention) {
        self.retention = retention;
    }

    /// Removes what is kept no longer, and returns whose inboxes were freed.
    pub(in crate::memory) fn expire(&mut self, now_ms: u64) -> Vec<MemberId> {
        let floor_of =
            |entries: &EntryBox, keep| entries.floor_by_age(keep, now_ms).max(entries.floor_by_number(keep));
        let floors = self.histories.iter().map(|(conversation, history)| {
            let keep = self.retention.of_history(conversation);
            (conversation.clone(), floor_of(&history.entries, keep))
        });
        for (conversation, floor) in floors.collect::<Vec<_>>() {
            self.free_history(&conversation, floor);
        }
        let mut freed = Vec::new();
        for (member, inbox) in &mut self.inboxes {
            let floor = floor_of(&inbox.entries, self.retention.of_inboxes());
            if inbox.free(floor) {
                freed.push(member.clone());
            }
        }
        freed
    }

    /// Removes the oldest entries of these boxes where there are too many.
    pub(super) fn keep_numbers(&mut self, conversation: &Conversation, members: &[MemberId]) {
        let keep = self.retention.of_history(conversation);
        if let Some(history) = self.histories.get(conversation) {
            let floor = history.entries.floor_by_number(keep);
            self.free_history(conversation, floor);
        }
        for member in members {
            if let Some(inbox) = self.inboxes.get_mut(member) {
                let floor = inbox.entries.floor_by_number(self.retention.of_inboxes());
                inbox.free(floor);
            }
        }
    }

    /// Removes the entries of a history up to `floor`, the texts of their copies, and the answers
    /// to their message ids.
    pub(super) fn free_history(&mut self, conversation: &Conversation, floor: Seq) {
        let Some(history) = self.histories.get_mut(conversation) else { return };
        let (gone, copies) = history.free(floor);
        for entry in gone {
            let Some(message_id) = entry.message_id else { continue };
            let key = (conversation.clone(), message_id);
            if self.answers.get(&key).is_some_and(|answer| answer.place == entry.sequence) {
                self.answers.remove(&key);
            }
        }
        for (member, sequence) in copies {
            let inbox = self.inboxes.get_mut(&member);
            if let Some(copy) = inbox.and_then(|inbox| inbox.entries.get_mut(sequence)) {
                *copy = expired(copy);
            }
        }
    }
}
