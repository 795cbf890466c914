//! Groups, one document each.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | string | the name |
//! | `title` | string | what readers call it; absent is empty |
//! | `open` | boolean | whether everybody may join by themselves |
//! | `created` | int64 ms | when it was created |
//! | `members` | array of `{ id, role }` | as they joined; role 1 is an owner, 0 a member |
//! | `rev` | int64 | how often it was changed |
//! | `by` | Binary(16) | the mark of the call that wrote it |
//! | `by_earlier` | array of Binary(16) | those of calls before that, the latest first |

use mongodb::bson::{Bson, Document, RawDocument, doc};

use super::field::{Field, Unreadable, fields};
use super::time;
use crate::{Group, GroupMember, GroupName, Result, Role};

/// A group, and how often it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct GroupDoc {
    pub(in crate::distributed) group: Group,
    pub(in crate::distributed) rev: i64,
}

impl GroupDoc {
    pub(in crate::distributed) fn to_document(&self) -> Document {
        let Self { group, rev } = self;
        let members = group.members.iter().map(|known| {
            let role = role_number(known.role);
            doc! { "id": known.member.as_str(), "role": role }
        });
        doc! {
            "_id": group.name.as_str(),
            "title": &group.title,
            "open": group.open,
            "created": time(group.created_at_ms),
            "members": members.collect::<Bson>(),
            "rev": *rev,
        }
    }

    /// Reads a group.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) names the group.
    pub(in crate::distributed) fn read(document: &RawDocument) -> Result<Self> {
        Self::parse(document).map_err(|why| why.in_collection("groups", document))
    }

    fn parse(document: &RawDocument) -> Result<Self, Unreadable> {
        let (mut name, mut title, mut is_open) = (None, String::new(), false);
        let (mut created_at_ms, mut members, mut rev) = (0, Vec::new(), 0);
        for field in fields(document) {
            let field = field?;
            match field.name {
                "_id" => name = Some(field.group()?),
                "title" => field.text()?.clone_into(&mut title),
                "open" => is_open = field.boolean()?,
                "created" => created_at_ms = field.millis()?,
                "members" => members = field.each(member)?,
                "rev" => rev = field.number()?,
                _ => {}
            }
        }
        let name: GroupName = name.ok_or_else(|| Unreadable::without("_id"))?;
        let group = Group { title, open: is_open, members, ..Group::new(name, created_at_ms) };
        Ok(Self { group, rev })
    }
}

/// Returns the number of a role.
fn role_number(role: Role) -> i32 {
    match role {
        Role::Member => 0,
        Role::Owner => 1,
    }
}

fn member(field: Field<'_>) -> Result<GroupMember, Unreadable> {
    let (mut member, mut role) = (None, Role::Member);
    for field in fields(field.document()?) {
        let field = field?;
        match field.name {
            "id" => member = Some(field.member()?),
            "role" => {
                role = match field.number()? {
                    0 => Role::Member,
                    1 => Role::Owner,
                    _ => return Err(field.is_not("the number of a role")),
                }
            }
            _ => {}
        }
    }
    let member = member.ok_or_else(|| Unreadable::new("has a member without `id`"))?;
    Ok(GroupMember::new(member, role))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::*;
    use crate::{ErrorKind, MemberId};

    fn read(document: &Document) -> Result<GroupDoc> {
        GroupDoc::read(&RawDocumentBuf::try_from(document).unwrap())
    }

    fn group() -> Group {
        let member = |id: &str, role| GroupMember::new(MemberId::new(id).unwrap(), role);
        let members = vec![member("b", Role::Member), member("a", Role::Owner), member("ä", Role::Member)];
        let name = GroupName::new("tea").unwrap();
        Group { title: "Tea & cake".to_owned(), open: true, members, ..Group::new(name, 1_700_000_000_000) }
    }

    #[test]
    fn groups_read_as_they_were_written() {
        let empty = Group::new(group().name, 0);
        for group in [GroupDoc { group: group(), rev: 7 }, GroupDoc { group: empty, rev: 0 }] {
            assert_eq!(read(&group.to_document()).unwrap(), group);
        }
    }

    #[test]
    fn groups_that_cannot_be_read_are_corrupt_and_named() {
        for wrong in [
            doc! { "title": 7 },
            doc! { "open": "yes" },
            doc! { "members": "a" },
            doc! { "members": ["a"] },
            doc! { "members": [{ "role": 1 }] },
            doc! { "members": [{ "id": "a", "role": 2 }] },
        ] {
            let mut document = GroupDoc { group: group(), rev: 7 }.to_document();
            document.extend(wrong);
            let error = read(&document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{document}");
            assert!(error.to_string().contains("\"tea\" in the collection of groups"), "{error}");
        }
    }
}
