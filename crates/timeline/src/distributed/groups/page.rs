//! Groups as they are read.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::bson::{Document, RawBsonRef, RawDocument, RawDocumentBuf, doc};
use mongodb::options::Hint;

use super::super::database::Database;
use super::super::documents::GroupDoc;
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use crate::{Count, Group, GroupName, GroupPage, GroupSummary, MemberId, Result};

/// The field of a group that has the mark of the call that wrote it.
pub(super) const MARK: &str = "by";

/// The field that has the marks of those before it, the latest first.
pub(super) const EARLIER_MARKS: &str = "by_earlier";

/// A group as it is stored.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) known: GroupDoc,
    /// The marks of the calls that wrote it, the latest first, as far as they are kept.
    pub(super) marks: Vec<EntryId>,
}

/// Returns a group, `None` if there is none.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if the group cannot be read. It is so for all that reads.
pub(in crate::distributed) async fn get(shared: &Shared, name: &GroupName) -> Result<Option<Group>> {
    Ok(find(&shared.database, name).await?.map(|found| found.known.group))
}

/// Returns a group with what tells it from later and earlier ones.
pub(super) async fn find(database: &Database, name: &GroupName) -> Result<Option<Found>> {
    let filter = doc! { "_id": name.as_str() };
    let document = database
        .call(move |collections| async move {
            collections.groups.clone_with_type::<RawDocumentBuf>().find_one(filter).await
        })
        .await?;
    let Some(document) = document else { return Ok(None) };
    Ok(Some(Found { known: GroupDoc::read(&document)?, marks: marks(&document) }))
}

/// Returns the marks of a group, the latest first.
fn marks(document: &RawDocument) -> Vec<EntryId> {
    let last = document.get(MARK).ok().flatten().and_then(EntryId::read);
    let earlier = document.get_array(EARLIER_MARKS).ok().into_iter().flatten();
    last.into_iter().chain(earlier.filter_map(|mark| EntryId::read(mark.ok()?))).collect()
}

/// Returns a page of the groups of a member, ascending by the bytes of their names.
pub(in crate::distributed) async fn of_member(
    shared: &Shared,
    member: &MemberId,
    after: Option<&GroupName>,
    count: Count,
) -> Result<GroupPage> {
    let mut filter = doc! { "members.id": member.as_str() };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": after.as_str() });
    }
    // One more than fits says that there are more.
    let first = i64::try_from(count.get() + 1).unwrap_or(i64::MAX);
    let fields = summary_fields(member);
    let found: Vec<RawDocumentBuf> = shared
        .database
        .call(move |collections| async move {
            let groups = collections.groups.clone_with_type::<RawDocumentBuf>();
            let found = groups.find(filter).sort(doc! { "_id": 1 }).limit(first).projection(fields);
            // Else the plan for one who is in most groups is taken for all.
            let by_member = Hint::Keys(doc! { "members.id": 1, "_id": 1 });
            found.hint(by_member).await?.try_collect().await
        })
        .await?;
    let mut groups = Vec::with_capacity(found.len());
    for document in &found {
        groups.extend(summary(document, member)?);
    }
    let more = groups.len() > count.get();
    groups.truncate(count.get());
    Ok(GroupPage::new(groups, more))
}

/// Returns when groups were created, in milliseconds since 1970; those that the store does not know
/// are left out.
pub(in crate::distributed) async fn created(
    database: &Database,
    names: &[GroupName],
) -> Result<Vec<(GroupName, u64)>> {
    let found = fields_of(database, names, doc! { "created": 1 }).await?;
    Ok(found.into_iter().map(|group| (group.name, group.created_at_ms)).collect())
}

/// Returns the titles of groups; those that the store does not know are left out.
pub(in crate::distributed) async fn titles(
    database: &Database,
    names: &[GroupName],
) -> Result<HashMap<GroupName, String>> {
    let found = fields_of(database, names, doc! { "title": 1 }).await?;
    Ok(found.into_iter().map(|group| (group.name, group.title)).collect())
}

/// Returns groups with nothing but their names and some fields.
async fn fields_of(database: &Database, names: &[GroupName], fields: Document) -> Result<Vec<Group>> {
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = names.iter().map(|name| name.as_str().to_owned()).collect();
    let found: Vec<RawDocumentBuf> = database
        .call(move |collections| async move {
            let groups = collections.groups.clone_with_type::<RawDocumentBuf>();
            let found = groups.find(doc! { "_id": { "$in": ids } }).projection(fields);
            found.batch_size(BATCH).await?.try_collect().await
        })
        .await?;
    found.iter().map(|document| Ok(GroupDoc::read(document)?.group)).collect()
}

/// How many groups one answer of the server has at most; the driver's own 101 are few for a list.
const BATCH: u32 = 5_000;

/// Returns the fields of a summary: of the members only the one that is asked for, and how many
/// there are.
fn summary_fields(member: &MemberId) -> Document {
    let is_asked_for = doc! { "$eq": ["$$known.id", { "$literal": member.as_str() }] };
    doc! {
        "title": 1,
        "members": { "$filter": { "input": "$members", "as": "known", "cond": is_asked_for } },
        "member_count": { "$size": "$members" },
    }
}

/// Reads a summary; none if the member is not in the group.
fn summary(document: &RawDocument, member: &MemberId) -> Result<Option<GroupSummary>> {
    let GroupDoc { group, .. } = GroupDoc::read(document)?;
    let Some(role) = group.role_of(member) else { return Ok(None) };
    let members = match document.get("member_count").ok().flatten() {
        Some(RawBsonRef::Int32(members)) => u32::try_from(members).unwrap_or_default(),
        Some(RawBsonRef::Int64(members)) => u32::try_from(members).unwrap_or(u32::MAX),
        _ => 1,
    };
    Ok(Some(GroupSummary::new(group.name, group.title, role, members)))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::Bson;

    use super::*;
    use crate::Role;

    #[test]
    fn a_summary_has_the_role_and_the_number_of_all_members() {
        let member = MemberId::new("$a").unwrap();
        let document = doc! {
            "_id": "tea", "title": "Tea & cake", "members": [{ "id": "$a", "role": 1 }], "member_count": 3,
        };
        let document = RawDocumentBuf::try_from(&document).unwrap();
        let expected =
            GroupSummary::new(GroupName::new("tea").unwrap(), "Tea & cake".to_owned(), Role::Owner, 3);
        assert_eq!(summary(&document, &member).unwrap(), Some(expected));
        assert_eq!(summary(&document, &MemberId::new("b").unwrap()).unwrap(), None);
    }

    #[test]
    fn the_marks_of_a_group_are_read_with_the_latest_first() {
        let [one, other] = [1, 2].map(EntryId::fresh);
        let marks = |group: Document| marks(&RawDocumentBuf::try_from(&group).unwrap());
        assert_eq!(marks(doc! { "_id": "tea" }), []);
        assert_eq!(marks(doc! { "_id": "tea", MARK: one.to_bson() }), [one]);
        let both = doc! { "_id": "tea", MARK: other.to_bson(), EARLIER_MARKS: [one.to_bson()] };
        assert_eq!(marks(both), [other, one]);
    }

    #[test]
    fn an_id_that_looks_like_a_field_is_taken_as_a_text() {
        let fields = summary_fields(&MemberId::new("$title").unwrap());
        let filter = fields.get_document("members").unwrap().get_document("$filter").unwrap();
        let literal = doc! { "$literal": "$title" };
        let compared = filter.get_document("cond").unwrap().get_array("$eq").unwrap();
        assert_eq!(compared[1], Bson::Document(literal));
    }
}
