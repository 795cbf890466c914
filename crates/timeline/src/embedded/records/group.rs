//! The values of groups.
//!
//! ```text
//! group      := unix ms:u64, open:u8, title:id, (role:u8, member:id)*, as they joined
//! summary    := members:u32, title:id
//! membership := role:u8
//! role       := 0 member, 1 owner
//! ```

use super::{Fields, VERSION, body, corrupt, put_id, truncated};
use crate::{Group, GroupMember, GroupName, MemberId, Result, Role};

/// Returns the record of a group.
pub(in crate::embedded) fn encode_group(group: &Group) -> Vec<u8> {
    let ids: usize = group.members.iter().map(|known| 3 + known.member.as_str().len()).sum();
    let mut record = Vec::with_capacity(12 + group.title.len() + ids);
    record.push(VERSION);
    record.extend(group.created_at_ms.to_be_bytes());
    record.push(group.open.into());
    put_id(&mut record, &group.title);
    for known in &group.members {
        record.push(role_number(known.role));
        put_id(&mut record, known.member.as_str());
    }
    record
}

/// Reads the record of the group `name`.
pub(in crate::embedded) fn decode_group(name: GroupName, record: &[u8]) -> Result<Group> {
    let mut fields = body(record)?;
    let mut group = Group::new(name, u64::from_be_bytes(fields.array()?));
    group.open = match fields.array()? {
        [0] => false,
        [1] => true,
        [other] => return Err(corrupt(&format!("is neither open nor closed but {other}"))),
    };
    fields.id()?.clone_into(&mut group.title);
    while !fields.0.is_empty() {
        let role = role_of(&mut fields)?;
        let member = fields.id()?;
        if member.is_empty() {
            return Err(truncated());
        }
        group.members.push(GroupMember::new(MemberId::from_stored(member), role));
    }
    Ok(group)
}

/// What the list of a member's groups says of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::embedded) struct StoredSummary {
    pub(in crate::embedded) title: String,
    pub(in crate::embedded) members: u32,
}

/// Returns the record of the summary of a group.
pub(in crate::embedded) fn encode_summary(group: &Group) -> Vec<u8> {
    let mut record = Vec::with_capacity(7 + group.title.len());
    record.push(VERSION);
    // A group has at most 10,000 members.
    record.extend(u32::try_from(group.members.len()).unwrap_or(u32::MAX).to_be_bytes());
    put_id(&mut record, &group.title);
    record
}

/// Reads the summary of a group.
pub(in crate::embedded) fn decode_summary(record: &[u8]) -> Result<StoredSummary> {
    let mut fields = body(record)?;
    let members = u32::from_be_bytes(fields.array()?);
    let title = fields.id()?.to_owned();
    fields.end()?;
    Ok(StoredSummary { title, members })
}

/// Returns the record of a membership.
pub(in crate::embedded) fn encode_role(role: Role) -> Vec<u8> {
    vec![VERSION, role_number(role)]
}

/// Reads a membership.
pub(in crate::embedded) fn decode_role(record: &[u8]) -> Result<Role> {
    let mut fields = body(record)?;
    let role = role_of(&mut fields)?;
    fields.end()?;
    Ok(role)
}

fn role_number(role: Role) -> u8 {
    match role {
        Role::Member => 0,
        Role::Owner => 1,
    }
}

fn role_of(fields: &mut Fields<'_>) -> Result<Role> {
    match fields.array()? {
        [0] => Ok(Role::Member),
        [1] => Ok(Role::Owner),
        [other] => Err(corrupt(&format!("has the unknown role {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn group() -> Group {
        let member = |id: &str, role| GroupMember::new(MemberId::new(id).unwrap(), role);
        let members =
            vec![member("b", Role::Member), member("a", Role::Owner), member("älice", Role::Member)];
        let name = GroupName::new("g").unwrap();
        Group { title: "Tea & cake".to_owned(), open: true, members, ..Group::new(name, u64::MAX) }
    }

    #[test]
    fn groups_read_as_they_were_written() {
        let group = group();
        assert_eq!(decode_group(group.name.clone(), &encode_group(&group)).unwrap(), group);
        let summary = StoredSummary { title: group.title.clone(), members: 3 };
        assert_eq!(decode_summary(&encode_summary(&group)).unwrap(), summary);
        let empty = Group::new(group.name.clone(), 0);
        assert_eq!(decode_group(group.name, &encode_group(&empty)).unwrap(), empty);
        for role in [Role::Owner, Role::Member] {
            assert_eq!(decode_role(&encode_role(role)).unwrap(), role);
        }
    }

    #[test]
    fn damaged_groups_are_errors() {
        let (group, mut shorter) = (group(), Vec::new());
        let record = encode_group(&group);
        // A record that ends behind any of its members can be read: that none is cut is what the
        // engine's checksums tell.
        for length in 0..record.len() {
            match decode_group(group.name.clone(), &record[..length]) {
                Ok(read) => shorter.push(read.members.len()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}"),
            }
        }
        assert_eq!(shorter, [0, 1, 2]);
        for record in [&[][..], &[4, 0], &[3], &[3, 7], &[3, 0, 0]] {
            assert_eq!(decode_role(record).unwrap_err().kind(), ErrorKind::Corrupt, "{record:?}");
        }
        let summary = encode_summary(&group);
        for length in 0..summary.len() {
            assert_eq!(
                decode_summary(&summary[..length]).unwrap_err().kind(),
                ErrorKind::Corrupt,
                "{length}"
            );
        }
    }
}
