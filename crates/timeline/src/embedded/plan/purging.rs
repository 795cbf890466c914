//! What goes from boxes for everybody: what is purged, or kept no longer.

use std::collections::HashSet;

use fjall::Slice;

use super::telling::telling;
use super::{Plan, keys};
use crate::conversation::Parties;
use crate::embedded::records::EntryReader;
use crate::{Conversation, Destination, Entry, EntryKind, Error, GroupName, MemberId, Result, Seq};

/// How many places a purge looks back for the last message to a group, whose recipients are told.
const LOOK_BACK: u64 = 100;

impl Plan<'_> {
    /// Plans to delete all entries of a history, and returns the place of the purge. An error
    /// changes nothing.
    ///
    /// `refusal` is as for [`append`](Self::append).
    pub(in crate::embedded) fn purge(
        &mut self,
        conversation: &Conversation,
        refusal: Option<&Error>,
    ) -> Result<Seq> {
        let prefix = Slice::from(keys::history(conversation));
        let before = self.draft.boxes.extent(self.before, &prefix)?;
        let is_purged = match before.top.get() - before.floor.get() {
            0 => true,
            1 => self.is_purge(&prefix, before.top)?,
            _ => false,
        };
        if is_purged {
            return Ok(before.top);
        }
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }
        let members = self.members_of(conversation, &prefix, (before.floor, before.top))?;
        let history = self.draft.boxes.grow_purged(self.before, prefix)?;
        let inboxes = members.into_iter().map(|member| -> Result<_> {
            let inbox = self.draft.boxes.grow_inbox(self.before, keys::inbox(&member).into())?;
            Ok((member, inbox))
        });
        let inboxes: Vec<_> = inboxes.collect::<Result<_>>()?;
        let at_ms = self.at_ms(&history);

        // From here on nothing fails.
        let to = match conversation.parties() {
            Parties::Pair(_, larger) => Destination::Member(larger.clone()),
            Parties::Group(name) => Destination::Group(name.clone()),
        };
        let place = history.extent.top;
        let purge = Entry { to: Some(to), ..telling(EntryKind::Purge, before.top, place, at_ms) };
        self.tell(conversation, &purge, history, inboxes);
        Ok(place)
    }

    /// Plans to remove the entries of a box up to `floor`, which are kept no longer. An error
    /// changes nothing.
    pub(in crate::embedded) fn expire(&mut self, prefix: Vec<u8>, floor: Seq) -> Result<()> {
        let step = if keys::is_history(&prefix) {
            self.draft.boxes.erase(self.before, prefix.into(), floor)?
        } else {
            self.draft.boxes.free(self.before, &keys::member_of_inbox(&prefix)?, floor)?
        };
        if let Some(step) = step {
            self.draft.boxes.take(step);
        }
        Ok(())
    }

    fn is_purge(&self, history: &[u8], place: Seq) -> Result<bool> {
        let Some(record) = self.draft.boxes.record(self.before, history, place)? else { return Ok(false) };
        Ok(EntryReader::of(history).entry(place, &record)?.entry.kind == EntryKind::Purge)
    }

    /// Returns who has a conversation in their list as far as the store knows, whose history has
    /// the entries behind the first number up to the second.
    fn members_of(
        &self,
        conversation: &Conversation,
        history: &[u8],
        bounds: (Seq, Seq),
    ) -> Result<Vec<MemberId>> {
        match conversation.parties() {
            Parties::Pair(smaller, larger) if smaller == larger => Ok(vec![smaller.clone()]),
            Parties::Pair(smaller, larger) => Ok(vec![smaller.clone(), larger.clone()]),
            Parties::Group(name) => self.members_of_group(name, history, bounds),
        }
    }

    fn members_of_group(
        &self,
        name: &GroupName,
        history: &[u8],
        (floor, top): (Seq, Seq),
    ) -> Result<Vec<MemberId>> {
        let group = self.draft.groups.group(self.before.tables, name)?;
        let mut members: Vec<_> =
            group.into_iter().flat_map(|group| group.members).map(|known| known.member).collect();
        let first = floor.get().max(top.get().saturating_sub(LOOK_BACK)) + 1;
        for place in (first..=top.get()).rev() {
            let Some(copies) = self.group_copies(history, Seq::new(place)?)? else { continue };
            let known: HashSet<_> = members.iter().cloned().collect();
            members.extend(
                copies.into_iter().map(|(member, _)| member).filter(|member| !known.contains(member)),
            );
            break;
        }
        Ok(members)
    }
}
