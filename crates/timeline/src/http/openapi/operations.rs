//! What the descriptor does not say of a route: its name, and what is required.

use serde_json::{Value, json};

/// A route as a call.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// What the document calls it, for good.
    pub(super) id: &'static str,
    /// The method of the proto file that it is.
    pub(super) call: &'static str,
    /// The fields without which the call is always refused.
    pub(super) required: &'static [&'static str],
    /// Statuses besides those that every call may have.
    pub(super) refusals: &'static [u16],
    /// A request that a program without logins may make, by the names of its fields.
    pub(super) example: fn() -> Value,
}

/// Returns the fields without which a message within another one is always refused.
pub(super) fn required(message: &str) -> &'static [&'static str] {
    if message == "SendMessageRequest" { SEND } else { &[] }
}

const SEND: &[&str] = &["to", "message"];

const fn get(path: &'static str, id: &'static str, call: &'static str, example: fn() -> Value) -> Operation {
    Operation { method: "GET", path, id, call, required: &[], refusals: &[], example }
}

const fn post(path: &'static str, id: &'static str, call: &'static str, example: fn() -> Value) -> Operation {
    Operation { method: "POST", path, id, call, required: &[], refusals: &[], example }
}

impl Operation {
    const fn needing(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    const fn refused(self, refusals: &'static [u16]) -> Self {
        Self { refusals, ..self }
    }
}

/// Every route, in the order of the router.
pub(super) const OPERATIONS: &[Operation] = &[
    post(
        "/timeline/send",
        "send",
        "Send",
        || json!({ "from": "alice", "to": "bob", "message": { "text": "hello" }, "messageId": "m-1" }),
    )
    .needing(SEND)
    .refused(&[409]),
    post("/timeline/sendGroup", "sendGroup", "SendGroup", || {
        json!({
            "groupName": "tea", "groupMembers": ["alice", "bob"], "message": { "text": "hello" },
            "messageId": "m-1", "from": "alice",
        })
    })
    .needing(&["group_name", "message"])
    .refused(&[404, 409]),
    post("/timeline/sendBatch", "sendBatch", "SendBatch", || {
        json!({ "sends": [
            { "from": "alice", "to": "bob", "message": { "text": "one" }, "messageId": "m-2" },
            { "from": "alice", "to": "bob", "message": { "text": "two" }, "messageId": "m-3" },
        ] })
    })
    .refused(&[429]),
    get(
        "/timeline/sync",
        "sync",
        "GetSyncMessage",
        || json!({ "member": "bob", "last_read": 0, "count": 100 }),
    ),
    get("/timeline/watch", "watch", "Watch", || json!({ "member": "bob", "last_read": 0 })).refused(&[429]),
    post("/timeline/ack", "ack", "Ack", || json!({ "member": "bob", "sequence": "1" })),
    post("/timeline/received", "received", "Received", || json!({ "member": "bob", "sequence": "1" })),
    get("/timeline/received", "receivedOf", "ReceivedOf", || json!({ "member": "bob" })),
    get(
        "/timeline/history/single/{from}/{to}",
        "singleHistory",
        "GetSingleHistoryMessage",
        || json!({ "from": "alice", "to": "bob", "last_read": 0, "count": 100, "backward": true }),
    ),
    get(
        "/timeline/history/group/{group}",
        "groupHistory",
        "GetGroupHistoryMessage",
        || json!({ "group": "tea", "since_ms": 1_790_000_000_000_u64 }),
    ),
    post(
        "/timeline/edit",
        "edit",
        "Edit",
        || json!({ "member": "alice", "with": "bob", "place": "1", "message": { "text": "hello, Bob" } }),
    )
    .needing(&["place", "message"])
    .refused(&[404, 409]),
    post(
        "/timeline/recall",
        "recall",
        "Recall",
        || json!({ "member": "alice", "with": "bob", "place": "2" }),
    )
    .needing(&["place"])
    .refused(&[404, 409]),
    post(
        "/timeline/delete",
        "deleteMessage",
        "DeleteMessage",
        || json!({ "member": "alice", "with": "bob", "place": "3" }),
    )
    .needing(&["place"])
    .refused(&[404, 409]),
    post("/timeline/read", "read", "Read", || json!({ "member": "bob", "with": "alice", "sequence": "1" }))
        .refused(&[404]),
    get(
        "/timeline/read",
        "readOf",
        "ReadOf",
        || json!({ "member": "alice", "with": "bob", "members": ["bob"] }),
    ),
    get("/timeline/unread", "unread", "Unread", || json!({ "member": "bob", "group": "tea" })),
    get("/timeline/unread/all", "listUnread", "ListUnread", || json!({ "member": "bob", "count": 100 })),
    get(
        "/timeline/conversations",
        "conversations",
        "Conversations",
        || json!({ "member": "alice", "count": 100 }),
    ),
    post("/timeline/clear", "clear", "Clear", || json!({ "member": "bob", "with": "alice" })).refused(&[404]),
    post("/timeline/purge", "purge", "Purge", || json!({ "group": "tea" })),
    post("/timeline/deleteMember", "deleteMember", "DeleteMember", || json!({ "member": "carol" }))
        .needing(&["member"])
        .refused(&[409]),
    post(
        "/timeline/groups",
        "createGroup",
        "CreateGroup",
        || json!({ "group": "tea", "title": "Tea", "open": true, "owner": "alice", "members": ["bob"] }),
    )
    .needing(&["group"])
    .refused(&[409]),
    get("/timeline/groups", "listGroups", "ListGroups", || json!({ "member": "alice", "count": 100 })),
    get("/timeline/groups/{group}", "getGroup", "GetGroup", || json!({ "group": "tea" })).refused(&[404]),
    post(
        "/timeline/groups/{group}/join",
        "joinGroup",
        "JoinGroup",
        || json!({ "group": "tea", "members": ["carol"] }),
    )
    .refused(&[404, 409]),
    post(
        "/timeline/groups/{group}/leave",
        "leaveGroup",
        "LeaveGroup",
        || json!({ "group": "tea", "members": ["carol"] }),
    )
    .refused(&[404, 409]),
    post(
        "/timeline/groups/{group}/rename",
        "renameGroup",
        "RenameGroup",
        || json!({ "group": "tea", "title": "Tea at four" }),
    )
    .refused(&[404]),
    post(
        "/timeline/groups/{group}/roles",
        "setGroupRole",
        "SetGroupRole",
        || json!({ "group": "tea", "member": "bob", "role": "OWNER" }),
    )
    .needing(&["member", "role"])
    .refused(&[404, 409]),
];
