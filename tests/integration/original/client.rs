//! The client that the original's proto file gives, and what its programs do with it.

use tests::Tidings;
use tonic::transport::Channel;

use self::v1::timeline_client::TimelineClient;
use self::v1::{
    GetGroupHistoryMessageRequest, GetSingleHistoryMessageRequest, SendGroupRequest, SendMessageRequest,
    SyncMessageRequest, TimelineEntry,
};

/// The package `timeline.v1` as the original has it, made by `cargo xtask codegen`.
#[allow(
    dead_code,
    missing_docs,
    missing_debug_implementations,
    unnameable_types,
    unreachable_pub,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::default_trait_access,
    clippy::doc_markdown,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::str_to_string,
    clippy::too_many_lines,
    clippy::uninlined_format_args,
    clippy::use_self,
    reason = "made by a generator"
)]
pub(super) mod v1 {
    include!("generated/timeline.v1.rs");
}

/// A program of the original's users.
pub(super) struct Client(pub(super) TimelineClient<Channel>);

impl Client {
    pub(super) async fn connect(server: &Tidings) -> Self {
        Self(TimelineClient::connect(format!("http://{}", server.grpc())).await.unwrap())
    }

    /// Sends, and returns the sequence that it is told.
    pub(super) async fn send(&mut self, from: &str, to: &str, message: &str) -> i64 {
        self.0.send(single(from, to, message)).await.unwrap().into_inner().sequence
    }

    /// Sends to a group, and returns the members that did not get it.
    pub(super) async fn send_group(&mut self, group: &str, members: &[&str], message: &str) -> Vec<String> {
        let request = SendGroupRequest {
            group_name: group.to_owned(),
            group_members: members.iter().map(|&member| member.to_owned()).collect(),
            message: message.to_owned(),
        };
        self.0.send_group(request).await.unwrap().into_inner().failed_members
    }

    /// Reads an inbox as the original's clients do: on from the last sequence of each page, until
    /// it is the latest. Returns the pages.
    pub(super) async fn sync(
        &mut self,
        member: &str,
        mut last_read: i64,
        count: i32,
    ) -> Vec<Vec<TimelineEntry>> {
        let mut pages = Vec::new();
        loop {
            let request = SyncMessageRequest { member: member.to_owned(), last_read, count };
            let reply = self.0.get_sync_message(request).await.unwrap().into_inner();
            if reply.entry_set.is_empty() {
                return pages;
            }
            last_read = reply.entry_set_last_seq;
            assert_eq!(reply.entry_set.last().map(|entry| entry.sequence), Some(last_read));
            pages.push(reply.entry_set);
            if last_read == reply.latest_seq {
                return pages;
            }
        }
    }

    pub(super) async fn single_history(&mut self, from: &str, to: &str) -> Vec<TimelineEntry> {
        let (from, to) = (from.to_owned(), to.to_owned());
        let request = GetSingleHistoryMessageRequest { from, to, last_read: 0, count: 10 };
        self.0.get_single_history_message(request).await.unwrap().into_inner().entry_set
    }

    pub(super) async fn group_history(
        &mut self,
        group: &str,
        last_read: i64,
        count: i32,
    ) -> Vec<TimelineEntry> {
        let request = GetGroupHistoryMessageRequest { group: group.to_owned(), last_read, count };
        self.0.get_group_history_message(request).await.unwrap().into_inner().entry_set
    }
}

pub(super) fn single(from: &str, to: &str, message: &str) -> SendMessageRequest {
    SendMessageRequest { from: from.to_owned(), to: to.to_owned(), message: message.to_owned() }
}

/// Entries with these messages, in sequence from this one on: all that a client of the original
/// gets.
pub(super) fn entries(first: i64, messages: &[&str]) -> Vec<TimelineEntry> {
    let numbered = (first..).zip(messages);
    numbered.map(|(sequence, &message)| TimelineEntry { sequence, message: message.to_owned() }).collect()
}
