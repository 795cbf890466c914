//! The groups of a store: how they are read, and what a batch makes of them.
//!
//! The record of a group is the truth. Its summary and the memberships of its members say the same,
//! and are written with it in one batch, so that a list of groups reads no list of members.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _, Snapshot};

use super::tables::{Tables, read_error};
use super::{keys, records};
use crate::store::GroupChange;
use crate::{Count, Error, ErrorKind, Group, GroupName, GroupPage, GroupSummary, MemberId, Result, Role};

impl Tables {
    /// Returns a group.
    pub(super) fn group(&self, snapshot: &Snapshot, name: &GroupName) -> Result<Option<Group>> {
        match snapshot.get(&self.state, keys::group(name)).map_err(read_error)? {
            Some(record) => records::decode_group(name.clone(), &record).map(Some),
            None => Ok(None),
        }
    }

    /// Returns a page of the groups of a member.
    pub(super) fn groups_of(
        &self,
        member: &MemberId,
        after: Option<&GroupName>,
        count: Count,
    ) -> Result<GroupPage> {
        let first = match after {
            Some(after) => Bound::Excluded(keys::membership(member, after)),
            None => Bound::Included(keys::memberships(member)),
        };
        let end = Bound::Excluded(keys::memberships_end(member));
        // One snapshot for the memberships and the summaries: with two, a group that was joined
        // between them would have no summary.
        let (snapshot, mut groups) = (self.snapshot(), Vec::new());
        for guard in snapshot.range(&self.state, (first, end)) {
            if groups.len() == count.get() {
                return Ok(GroupPage::new(groups, true));
            }
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let name = keys::group_of(&key)?;
            let role = records::decode_role(&record)?;
            let summary = snapshot.get(&self.state, keys::group_summary(&name)).map_err(read_error)?;
            let lost =
                || Error::new(ErrorKind::Corrupt, "the group that a stored membership names is missing");
            let summary = records::decode_summary(&summary.ok_or_else(lost)?)?;
            groups.push(GroupSummary::new(name, summary.title, role, summary.members));
        }
        Ok(GroupPage::new(groups, false))
    }
}

/// The groups that the changes of a batch concern, as they were and as they are to be.
#[derive(Debug, Default)]
pub(super) struct PlannedGroups(HashMap<GroupName, PlannedGroup, foldhash::fast::RandomState>);

#[derive(Debug)]
struct PlannedGroup {
    before: Option<Group>,
    now: Option<Group>,
}

/// What a change makes of a group; until it is [taken](PlannedGroups::take) nothing has changed.
pub(super) struct GroupStep {
    /// The group as the tables have it.
    stored: Option<Group>,
    is_change: bool,
    group: Group,
    joined: Vec<MemberId>,
    left: Vec<MemberId>,
}

impl GroupStep {
    /// Returns whether the group is another one after it.
    pub(super) fn is_change(&self) -> bool {
        self.is_change
    }

    /// Returns who comes into the group.
    pub(super) fn joined(&self) -> &[MemberId] {
        &self.joined
    }

    /// Returns who leaves the group.
    pub(super) fn left(&self) -> &[MemberId] {
        &self.left
    }

    /// Returns what becomes of the group.
    pub(super) fn into_group(self) -> Group {
        self.group
    }
}

impl PlannedGroups {
    /// Returns a group, with what this batch made of it so far.
    pub(super) fn group(&self, tables: &Tables, name: &GroupName) -> Result<Option<Group>> {
        match self.0.get(name) {
            Some(planned) => Ok(planned.now.clone()),
            None => tables.group(&tables.snapshot(), name),
        }
    }

    /// Returns the step of a change. `has_history` is as for [`GroupChange::apply`].
    pub(super) fn step(
        &self,
        tables: &Tables,
        (name, change): (&GroupName, &GroupChange),
        at_ms: u64,
        has_history: impl FnOnce() -> Result<bool>,
    ) -> Result<GroupStep> {
        // What this batch made of the group counts before what the tables have.
        let planned = self.0.get(name);
        let stored = match planned {
            Some(planned) => planned.before.clone(),
            None => tables.group(&tables.snapshot(), name)?,
        };
        let now = planned.map_or(stored.as_ref(), |planned| planned.now.as_ref());
        let group = change.apply(name, now, at_ms, has_history)?;
        let is_change = now != Some(&group);
        let (joined, left) = if is_change { moved(now, &group) } else { (Vec::new(), Vec::new()) };
        Ok(GroupStep { stored, is_change, group, joined, left })
    }

    /// Takes a step, and returns what became of the group.
    pub(super) fn take(&mut self, step: GroupStep) -> Group {
        let GroupStep { stored, group, .. } = step;
        let planned = self.0.entry(group.name.clone());
        planned.or_insert(PlannedGroup { before: stored, now: None }).now = Some(group.clone());
        group
    }

    /// Returns whether anything is to be written.
    pub(super) fn has_changes(&self) -> bool {
        self.0.values().any(|planned| planned.before != planned.now)
    }

    /// Writes what has changed.
    pub(super) fn write(&self, tables: &Tables, batch: &mut WriteBatch) {
        for PlannedGroup { before, now } in self.0.values().filter(|planned| planned.before != planned.now) {
            let Some(now) = now else { continue };
            for (key, record) in rows(before.as_ref(), now) {
                match record {
                    Some(record) => batch.insert(&tables.state, key, record),
                    None => batch.remove(&tables.state, key),
                }
            }
        }
    }
}

/// Returns what is written of a group: keys in `state` with their records.
///
/// There is no record for a key that is removed.
pub(super) fn rows(before: Option<&Group>, now: &Group) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut rows = vec![
        (keys::group(&now.name), Some(records::encode_group(now))),
        (keys::group_summary(&now.name), Some(records::encode_summary(now))),
    ];
    // Who is not taken out below has left.
    let mut left: HashMap<&MemberId, Role> = before
        .into_iter()
        .flat_map(|group| &group.members)
        .map(|known| (&known.member, known.role))
        .collect();
    for known in &now.members {
        if left.remove(&known.member) != Some(known.role) {
            let record = records::encode_role(known.role);
            rows.push((keys::membership(&known.member, &now.name), Some(record)));
        }
    }
    rows.extend(left.into_keys().map(|member| (keys::membership(member, &now.name), None)));
    rows
}

/// Returns who is in a group now and was not, and who was in it and is not now.
fn moved(before: Option<&Group>, now: &Group) -> (Vec<MemberId>, Vec<MemberId>) {
    let (was_in, is_in) = (before.map(members_of).unwrap_or_default(), members_of(now));
    let joined = now.members.iter().map(|known| &known.member).filter(|member| !was_in.contains(*member));
    let left = was_in.iter().filter(|member| !is_in.contains(**member));
    (joined.cloned().collect(), left.copied().cloned().collect())
}

fn members_of(group: &Group) -> HashSet<&MemberId> {
    group.members.iter().map(|known| &known.member).collect()
}

/// Returns about how many bytes a change will write.
pub(super) fn bytes_of(change: &GroupChange) -> usize {
    let ids: usize = match change {
        GroupChange::Create { members, .. } => members.iter().map(|known| known.member.as_str().len()).sum(),
        GroupChange::Join { members, .. } | GroupChange::Leave { members } => {
            members.iter().map(|member| member.as_str().len()).sum()
        }
        GroupChange::Rename { .. } | GroupChange::SetRole { .. } => 0,
    };
    // An id is in the record of the group and in the key of the membership.
    GROUP_BYTES + 2 * ids
}

/// At least as many bytes as the record of a group with a thousand members has as a rule.
///
/// Each change writes the whole record, whose length is known only when it was read. Changes of one
/// group in one batch write it once.
const GROUP_BYTES: usize = 64 * 1024;

#[cfg(test)]
mod tests;
