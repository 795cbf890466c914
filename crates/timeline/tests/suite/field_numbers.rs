//! The numbers of all fields in the protocol, which are never given another meaning.

use std::collections::BTreeSet;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use timeline::proto::FILE_DESCRIPTOR_SET;

#[test]
fn every_field_has_the_number_and_the_type_that_clients_know() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut found = BTreeSet::new();
    for file in set.file.iter().filter(|file| file.package() == "timeline.v1") {
        file.enum_type.iter().for_each(|values| describe_enum("", values, &mut found));
        file.message_type.iter().for_each(|message| describe("", message, &mut found));
    }
    let listed: BTreeSet<String> = FIELDS.lines().map(str::to_owned).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(gone.is_empty(), "fields were removed, or have another number or type: {gone:#?}");
    let new: Vec<_> = found.difference(&listed).collect();
    assert!(new.is_empty(), "list what was added, as it stays for ever: {new:#?}");
}

/// Adds a line for each field of a message, and of those within it.
fn describe(outer: &str, message: &DescriptorProto, lines: &mut BTreeSet<String>) {
    let name = format!("{outer}{}", message.name());
    for field in &message.field {
        lines.insert(format!("{name} {} {} {}", field.number(), type_of(field), field.name()));
    }
    let inner = format!("{name}.");
    message.enum_type.iter().for_each(|values| describe_enum(&inner, values, lines));
    message.nested_type.iter().for_each(|message| describe(&inner, message, lines));
}

/// Adds a line for each value of an enumeration.
fn describe_enum(outer: &str, values: &EnumDescriptorProto, lines: &mut BTreeSet<String>) {
    for value in &values.value {
        lines.insert(format!("{outer}{} {} {}", values.name(), value.number(), value.name()));
    }
}

/// Returns the type of a field as the proto file has it.
fn type_of(field: &FieldDescriptorProto) -> String {
    let label = match field.label() {
        Label::Repeated => "repeated ",
        _ if field.proto3_optional() => "optional ",
        _ => "",
    };
    let name = match field.r#type() {
        Type::Message | Type::Enum => field.type_name().trim_start_matches(".timeline.v1.").to_owned(),
        scalar => scalar.as_str_name().trim_start_matches("TYPE_").to_lowercase(),
    };
    format!("{label}{name}")
}

/// Each field with the message that it is in, its number, type and name; and each value of an
/// enumeration.
///
/// Clients of the Go service rely on those that it had, and clients of this one on all.
const FIELDS: &str = "\
ErrorReason 0 GEETER_UNSPECIFIED
ErrorReason 1 USER_NOT_FOUND
ErrorReason 2 TIMELINE_INVALID_PARAM
TimelineEntry 1 int64 sequence
TimelineEntry 2 string message
TimelineEntry 3 optional string from
TimelineEntry 4 optional string to
TimelineEntry 5 optional string group
TimelineEntry 6 optional int64 at_ms
TimelineEntry 7 optional string message_id
TimelineEntry 8 TimelineEntry.Kind kind
TimelineEntry 9 optional uint64 tag
TimelineEntry 10 int64 place
TimelineEntry 11 TimelineEntry.Status status
TimelineEntry 12 optional int64 changed_at_ms
TimelineEntry 13 int64 target
TimelineEntry 14 optional string edited
TimelineEntry.Kind 0 MESSAGE
TimelineEntry.Kind 1 EDIT
TimelineEntry.Kind 2 RECALL
TimelineEntry.Kind 3 TOMBSTONE
TimelineEntry.Kind 4 DELETION
TimelineEntry.Kind 5 PURGE
TimelineEntry.Status 0 ORIGINAL
TimelineEntry.Status 1 EDITED
TimelineEntry.Status 2 RECALLED
TimelineEntry.Status 3 DELETED
TimelineEntry.Status 4 EXPIRED
TimelineEntry.Status 5 LOST
TimelineEntry.Status 6 UNUSED
SendMessageRequest 1 string from
SendMessageRequest 2 string to
SendMessageRequest 3 string message
SendMessageRequest 4 string message_id
SendMessageReply 1 int64 sequence
SendMessageReply 2 int64 place
SendGroupRequest 1 string group_name
SendGroupRequest 2 repeated string group_members
SendGroupRequest 3 string message
SendGroupRequest 4 string message_id
SendGroupRequest 5 string from
SendGroupReply 1 repeated string failed_members
SendGroupReply 2 int64 place
SyncMessageRequest 1 string member
SyncMessageRequest 2 int64 last_read
SyncMessageRequest 3 int32 count
SyncMessageRequest 4 optional uint64 last_tag
SyncMessageReply 1 int64 latest_seq
SyncMessageReply 2 int64 entry_set_last_seq
SyncMessageReply 3 repeated TimelineEntry entry_set
SyncMessageReply 4 bool reset
SyncMessageReply 5 uint64 generation
SyncMessageReply 6 int64 floor
SyncMessageReply 7 repeated ReadCursor cursors
SyncMessageReply 8 bool cursors_cut
ReadCursor 1 string member
ReadCursor 2 string with
ReadCursor 3 string group
ReadCursor 4 int64 read
GetSingleHistoryMessageRequest 1 string from
GetSingleHistoryMessageRequest 2 string to
GetSingleHistoryMessageRequest 3 int64 last_read
GetSingleHistoryMessageRequest 4 int32 count
GetSingleHistoryMessageRequest 5 bool backward
GetSingleHistoryMessageRequest 6 optional int64 since_ms
GetSingleHistoryMessageRequest 7 optional int64 until_ms
GetSingleHistoryMessageReply 1 repeated TimelineEntry entry_set
GetSingleHistoryMessageReply 2 bool more
GetSingleHistoryMessageReply 3 int64 floor
GetGroupHistoryMessageRequest 1 string group
GetGroupHistoryMessageRequest 3 int64 last_read
GetGroupHistoryMessageRequest 4 int32 count
GetGroupHistoryMessageRequest 5 bool backward
GetGroupHistoryMessageRequest 6 optional int64 since_ms
GetGroupHistoryMessageRequest 7 optional int64 until_ms
GetGroupHistoryMessageReply 1 repeated TimelineEntry entry_set
GetGroupHistoryMessageReply 2 bool more
GetGroupHistoryMessageReply 3 int64 floor
GroupMember 1 string member
GroupMember 2 GroupMember.Role role
GroupMember.Role 0 UNSPECIFIED
GroupMember.Role 1 OWNER
GroupMember.Role 2 MEMBER
GroupSummary 1 string name
GroupSummary 2 string title
GroupSummary 3 GroupMember.Role role
GroupSummary 4 uint32 members
GroupReply 1 string name
GroupReply 2 string title
GroupReply 3 bool open
GroupReply 4 uint32 members
GroupReply 5 int64 created_at_ms
CreateGroupRequest 1 string group
CreateGroupRequest 2 string title
CreateGroupRequest 3 bool open
CreateGroupRequest 4 string owner
CreateGroupRequest 5 repeated string members
ListGroupsRequest 1 string member
ListGroupsRequest 2 string after
ListGroupsRequest 3 int32 count
ListGroupsReply 1 repeated GroupSummary groups
ListGroupsReply 2 bool more
GetGroupRequest 1 string group
GetGroupReply 1 string name
GetGroupReply 2 string title
GetGroupReply 3 bool open
GetGroupReply 4 repeated GroupMember members
GetGroupReply 5 int64 created_at_ms
JoinGroupRequest 1 string group
JoinGroupRequest 2 repeated string members
LeaveGroupRequest 1 string group
LeaveGroupRequest 2 repeated string members
RenameGroupRequest 1 string group
RenameGroupRequest 2 string title
SetGroupRoleRequest 1 string group
SetGroupRoleRequest 2 string member
SetGroupRoleRequest 3 GroupMember.Role role
AckRequest 1 string member
AckRequest 2 int64 sequence
AckReply 1 int64 floor
WatchRequest 1 string member
WatchRequest 2 int64 last_read
WatchRequest 3 optional uint64 last_tag
SendBatchRequest 1 repeated SendMessageRequest sends
SendBatchReply 1 repeated SendBatchResult results
SendBatchResult 1 int64 sequence
SendBatchResult 2 string reason
SendBatchResult 3 string message
SendBatchResult 4 int64 place
ReceivedRequest 1 string member
ReceivedRequest 2 int64 sequence
ReceivedOfRequest 1 string member
ReceivedReply 1 int64 sequence
EditRequest 1 string member
EditRequest 2 string with
EditRequest 3 string group
EditRequest 4 int64 place
EditRequest 5 string message
RecallRequest 1 string member
RecallRequest 2 string with
RecallRequest 3 string group
RecallRequest 4 int64 place
DeleteMessageRequest 1 string member
DeleteMessageRequest 2 string with
DeleteMessageRequest 3 string group
DeleteMessageRequest 4 int64 place
ChangeReply 1 int64 place
ChangeReply 2 int64 at_ms
ReadRequest 1 string member
ReadRequest 2 string with
ReadRequest 3 string group
ReadRequest 4 int64 sequence
ReadReply 1 int64 read
ReadOfRequest 1 string member
ReadOfRequest 2 string with
ReadOfRequest 3 string group
ReadOfRequest 4 repeated string members
ReadOfReply 1 repeated MemberCursor cursors
MemberCursor 1 string member
MemberCursor 2 int64 read
UnreadRequest 1 string member
UnreadRequest 2 string with
UnreadRequest 3 string group
UnreadReply 1 int32 unread
UnreadReply 2 bool capped
UnreadReply 3 int64 read
UnreadReply 4 int64 latest
ListUnreadRequest 1 string member
ListUnreadRequest 2 string after
ListUnreadRequest 3 int32 count
ListUnreadReply 1 repeated UnreadConversation conversations
ListUnreadReply 2 bool more
ListUnreadReply 3 string next
UnreadConversation 1 string with
UnreadConversation 2 string group
UnreadConversation 3 int32 unread
UnreadConversation 4 bool capped
UnreadConversation 5 int64 read
UnreadConversation 6 int64 latest
ConversationsRequest 1 string member
ConversationsRequest 2 string after
ConversationsRequest 3 int32 count
ConversationsReply 1 repeated ConversationSummary conversations
ConversationsReply 2 bool more
ConversationsReply 3 string next
ConversationSummary 1 string with
ConversationSummary 2 string group
ConversationSummary 3 string title
ConversationSummary 4 TimelineEntry last
ConversationSummary 5 int32 unread
ConversationSummary 6 bool capped
ConversationSummary 7 int64 read
ConversationSummary 8 int64 peer_read
ConversationSummary 9 int64 latest
ConversationSummary 10 int64 floor
ConversationSummary 11 int64 at_ms
ClearRequest 1 string member
ClearRequest 2 string with
ClearRequest 3 string group
PurgeRequest 1 string member
PurgeRequest 2 string with
PurgeRequest 3 string group
PurgeReply 1 int64 place
DeleteMemberRequest 1 string member
DeleteMemberReply 1 int64 messages";
