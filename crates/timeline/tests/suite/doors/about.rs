//! Calls about messages that were sent and about conversations, as tests write them.

use reqwest::{Method, RequestBuilder};
use timeline::grpc::TimelineClient;
use timeline::proto::v1;
use tonic::transport::Channel;

use super::{Answer, Call, Doors, answer, made_by};

/// A call about a message that was sent, or about conversations.
#[derive(Debug, Clone)]
pub(crate) enum About {
    Edit(v1::EditRequest),
    Recall(v1::RecallRequest),
    Delete(v1::DeleteMessageRequest),
    Read(v1::ReadRequest),
    ReadOf(v1::ReadOfRequest),
    Unread(v1::UnreadRequest),
    ListUnread(v1::ListUnreadRequest),
    Conversations(v1::ConversationsRequest),
    Clear(v1::ClearRequest),
    Purge(v1::PurgeRequest),
    DeleteMember(v1::DeleteMemberRequest),
}

impl About {
    pub(super) fn over_http(&self, doors: &Doors, caller: &str) -> RequestBuilder {
        let get = |path: String| doors.request(caller, Method::GET, &path);
        let named =
            |member: &str, with: &str, group: &str| format!("member={member}&with={with}&group={group}");
        match self {
            Self::Edit(of) => doors.posting(caller, "/timeline/edit", of),
            Self::Recall(of) => doors.posting(caller, "/timeline/recall", of),
            Self::Delete(of) => doors.posting(caller, "/timeline/delete", of),
            Self::Read(of) => doors.posting(caller, "/timeline/read", of),
            Self::ReadOf(of) => {
                let members: String = of.members.iter().map(|member| format!("&members={member}")).collect();
                get(format!("/timeline/read?{}{members}", named(&of.member, &of.with, &of.group)))
            }
            Self::Unread(of) => get(format!("/timeline/unread?{}", named(&of.member, &of.with, &of.group))),
            Self::ListUnread(of) => {
                let (member, after, count) = (&of.member, &of.after, of.count);
                get(format!("/timeline/unread/all?member={member}&after={after}&count={count}"))
            }
            Self::Conversations(of) => {
                let (member, after, count) = (&of.member, &of.after, of.count);
                get(format!("/timeline/conversations?member={member}&after={after}&count={count}"))
            }
            Self::Clear(of) => doors.posting(caller, "/timeline/clear", of),
            Self::Purge(of) => doors.posting(caller, "/timeline/purge", of),
            Self::DeleteMember(of) => doors.posting(caller, "/timeline/deleteMember", of),
        }
    }

    pub(super) async fn over_grpc(self, mut grpc: TimelineClient<Channel>, caller: &str) -> Answer {
        match self {
            Self::Edit(of) => answer(grpc.edit(made_by(caller, of)).await),
            Self::Recall(of) => answer(grpc.recall(made_by(caller, of)).await),
            Self::Delete(of) => answer(grpc.delete_message(made_by(caller, of)).await),
            Self::Read(of) => answer(grpc.read(made_by(caller, of)).await),
            Self::ReadOf(of) => answer(grpc.read_of(made_by(caller, of)).await),
            Self::Unread(of) => answer(grpc.unread(made_by(caller, of)).await),
            Self::ListUnread(of) => answer(grpc.list_unread(made_by(caller, of)).await),
            Self::Conversations(of) => answer(grpc.conversations(made_by(caller, of)).await),
            Self::Clear(of) => answer(grpc.clear(made_by(caller, of)).await),
            Self::Purge(of) => answer(grpc.purge(made_by(caller, of)).await),
            Self::DeleteMember(of) => answer(grpc.delete_member(made_by(caller, of)).await),
        }
    }
}

/// The conversation that a call is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To<'a> {
    /// That with another member.
    With(&'a str),
    Group(&'a str),
    /// None, which no call takes.
    Nobody,
    /// Both, which no call takes either.
    Both(&'a str, &'a str),
}

impl To<'_> {
    /// The fields `with` and `group`.
    fn fields(self) -> (String, String) {
        let (with, group) = match self {
            Self::With(member) => (member, ""),
            Self::Group(group) => ("", group),
            Self::Nobody => ("", ""),
            Self::Both(member, group) => (member, group),
        };
        (with.to_owned(), group.to_owned())
    }
}

pub(crate) fn edit(member: &str, to: To<'_>, place: i64, message: &str) -> Call {
    let (with, group) = to.fields();
    let (member, message) = (member.to_owned(), message.to_owned());
    Call::About(About::Edit(v1::EditRequest { member, with, group, place, message }))
}

pub(crate) fn recall(member: &str, to: To<'_>, place: i64) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Recall(v1::RecallRequest { member, with, group, place }))
}

pub(crate) fn delete(member: &str, to: To<'_>, place: i64) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Delete(v1::DeleteMessageRequest { member, with, group, place }))
}

pub(crate) fn read(member: &str, to: To<'_>, sequence: i64) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Read(v1::ReadRequest { member, with, group, sequence }))
}

pub(crate) fn read_of(member: &str, to: To<'_>, members: &[&str]) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    let members = members.iter().map(|&member| member.to_owned()).collect();
    Call::About(About::ReadOf(v1::ReadOfRequest { member, with, group, members }))
}

pub(crate) fn unread(member: &str, to: To<'_>) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Unread(v1::UnreadRequest { member, with, group }))
}

pub(crate) fn list_unread(member: &str, after: &str, count: i32) -> Call {
    let (member, after) = (member.to_owned(), after.to_owned());
    Call::About(About::ListUnread(v1::ListUnreadRequest { member, after, count }))
}

pub(crate) fn conversations(member: &str, after: &str, count: i32) -> Call {
    let (member, after) = (member.to_owned(), after.to_owned());
    Call::About(About::Conversations(v1::ConversationsRequest { member, after, count }))
}

pub(crate) fn clear(member: &str, to: To<'_>) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Clear(v1::ClearRequest { member, with, group }))
}

pub(crate) fn purge(member: &str, to: To<'_>) -> Call {
    let ((with, group), member) = (to.fields(), member.to_owned());
    Call::About(About::Purge(v1::PurgeRequest { member, with, group }))
}

pub(crate) fn delete_member(member: &str) -> Call {
    Call::About(About::DeleteMember(v1::DeleteMemberRequest { member: member.to_owned() }))
}

/// One of each call, about people and messages that there are not.
pub(crate) fn one_of_each() -> [Call; 11] {
    let to = To::With("y");
    [
        edit("x", to, 1, "{}"),
        recall("x", to, 1),
        delete("x", to, 1),
        read("x", to, 1),
        read_of("x", to, &[]),
        unread("x", to),
        list_unread("x", "", 0),
        conversations("x", "", 0),
        clear("x", to),
        purge("x", to),
        delete_member("x"),
    ]
}
