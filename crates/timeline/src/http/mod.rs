//! The calls over HTTP.
//!
//! They need the feature `http`.
//!
//! | method and path | parameters | reply |
//! |---|---|---|
//! | `POST /timeline/send` | body: `from`, `to`, `message`, `message_id` | `sequence`, `place` |
//! | `POST /timeline/sendGroup` | body: `group_name`, `group_members`, `message`, `message_id`, `from` | `failedMembers`, `place` |
//! | `POST /timeline/sendBatch` | body: `sends`, each as for `send` | `results`, each with `sequence` and `place`, or `reason` and `message` |
//! | `GET /timeline/sync` | query: `member`, `last_read`, `count`, `last_tag` | `latestSeq`, `entrySetLastSeq`, `entrySet`, `reset`, `generation`, `floor` |
//! | `GET /timeline/watch` | query: `member`, `last_read`, `last_tag` | events, see below |
//! | `POST /timeline/ack` | body: `member`, `sequence` | `floor` |
//! | `POST /timeline/received` | body: `member`, `sequence` | `sequence` |
//! | `GET /timeline/received` | query: `member` | `sequence` |
//! | `GET /timeline/history/single/{from}/{to}` | query: `last_read`, `count`, `backward`, `since_ms`, `until_ms` | `entrySet`, `more`, `floor` |
//! | `GET /timeline/history/group/{group}` | query: `last_read`, `count`, `backward`, `since_ms`, `until_ms` | `entrySet`, `more`, `floor` |
//! | `POST /timeline/edit` | body: `member`, `with` or `group`, `place`, `message` | `place`, `atMs` |
//! | `POST /timeline/recall` | body: `member`, `with` or `group`, `place` | `place`, `atMs` |
//! | `POST /timeline/delete` | body: `member`, `with` or `group`, `place` | `place`, `atMs` |
//! | `POST /timeline/read` | body: `member`, `with` or `group`, `sequence` | `read` |
//! | `GET /timeline/read` | query: `member`, `with` or `group`, `members` | `cursors`, each with `member` and `read` |
//! | `GET /timeline/unread` | query: `member`, `with` or `group` | `unread`, `capped`, `read`, `latest` |
//! | `GET /timeline/unread/all` | query: `member`, `after`, `count` | `conversations`, each as for `unread`, with `with` or `group`; `more`, `next` |
//! | `GET /timeline/conversations` | query: `member`, `after`, `count` | `conversations`, see below; `more`, `next` |
//! | `POST /timeline/clear` | body: `member`, `with` or `group` | |
//! | `POST /timeline/purge` | body: `group`, or `member` and `with` | `place` |
//! | `POST /timeline/deleteMember` | body: `member` | `messages` |
//! | `POST /timeline/groups` | body: `group`, `title`, `open`, `owner`, `members` | a group |
//! | `GET /timeline/groups` | query: `member`, `after`, `count` | `groups`, each with `name`, `title`, `role` and the number of `members`; `more` |
//! | `GET /timeline/groups/{group}` | | `name`, `title`, `open`, `members`, each with `member` and `role`; `createdAtMs` |
//! | `POST /timeline/groups/{group}/join` | body: `members` | a group |
//! | `POST /timeline/groups/{group}/leave` | body: `members` | a group |
//! | `POST /timeline/groups/{group}/rename` | body: `title` | a group |
//! | `POST /timeline/groups/{group}/roles` | body: `member`, `role` | a group |
//!
//! A group, as a change leaves it, has `name`, `title`, `open`, the number of its `members`, and
//! `createdAtMs`. A `role` is `OWNER` or `MEMBER`. [`ROUTES`] lists the routes for
//! programs, and [`openapi()`] describes them.
//!
//! # Who calls
//!
//! [`router`] believes every request: it is for programs without logins. [`router_for`] asks a
//! [`Callers`](crate::Callers) who makes a call, before its body is read, and then holds users to
//! what is theirs; [`Caller`](crate::Caller) says who may do what. A request may then leave out
//! `from`, `member`, `owner` and `members` where they are the user, and `group_members` where they
//! are all members of the group. [`router`] needs them, also for a group that it knows:
//!
//! ```text
//! POST /timeline/sendGroup     {"group_name":"tea","message":"{\"text\":\"hi\"}"}
//! GET /timeline/sync           the user's own inbox
//! GET /timeline/groups         the user's own groups
//! ```
//!
//! Pages of other origins can send no credentials. Where they have to, turn [`cors`](Config::cors)
//! off, and put a layer of the program's own in front.
//!
//! # Entries
//!
//! Besides `sequence` and `message` an entry has what the server knows of it. Believe that, never
//! the message itself.
//!
//! | field | is |
//! |---|---|
//! | `from` | who sent it. Absent for a group send that did not say, and for entries that were stored before senders were |
//! | `to` or `group` | whom it was sent to; absent for entries that were stored before senders were |
//! | `atMs` | when it was stored, in Unix milliseconds |
//! | `messageId` | the id that its sender gave it; absent without one |
//! | `kind` | `MESSAGE`; `EDIT`, `RECALL`, `DELETION` and `PURGE`, which tell of a change; `TOMBSTONE`, a message that is gone. Pass over one that you do not know |
//! | `tag` | a random number, to be sent back as `last_tag`; absent for entries that were stored before tags were |
//! | `place` | the place in the history of its conversation, by which a message is changed and read; 0 if it is not known |
//! | `status` | what became of the message: `ORIGINAL`, `EDITED`, `RECALLED`, `DELETED`, `EXPIRED` or `LOST` |
//! | `changedAtMs` | when that was; absent for a message that is as it was sent |
//! | `target` | the place of the message that an entry is about which tells of a change; otherwise 0 |
//! | `edited` | of an `EDIT`, the text that the message has now; absent if it is gone |
//!
//! # Conversations
//!
//! A conversation is that of `member` and `with`, or that of `group`: a call names exactly one of
//! the two. A user is the member; others name who acts, also in a conversation of two. For the
//! change of a message in a group they may leave it out, and change it for the program.
//!
//! An edit, a recall or a deletion changes the message in the history and in every inbox that has
//! it, and writes an entry that tells of it. Repeated it has no further effect and the same answer.
//! A conversation of a list has `with` or `group`, `title`, the `last` message, `unread` (up to
//! 1,000, then `capped`), how far the member (`read`) and the other of two (`peerRead`) have read,
//! `latest` and `floor` of the history, and `atMs`. A group that a user is not a member of is there
//! without title and message. A page ends after 1 MiB. Send `next` back as `after` for the next
//! one; it means something in the same list only.
//!
//! ```text
//! POST /timeline/edit            {"with":"bob","place":7,"message":{"text":"hello"}}
//! POST /timeline/read            {"group":"tea","sequence":12}
//! GET /timeline/read?group=tea&members=bob&members=carol
//! GET /timeline/history/single/alice/bob?since_ms=1790000000000
//! ```
//!
//! # Positions
//!
//! A reader that asks with the `sequence` of the last entry it has as `last_read`, and with its
//! `tag` as `last_tag`, learns when its position belongs to another past of the inbox, as after a
//! backup was restored: the answer is 200 with an empty `entrySet` and `"reset": true`, and the
//! reader starts over from 0. Without `last_tag` that is noticed only while the inbox is shorter
//! than `last_read`. `generation` changes when a store was salvaged or imported. Entries up to
//! `floor` are no longer in the inbox; the histories have them.
//!
//! A page has at most 1 MiB of entries, so it may be shorter than `count`. Go on from its last
//! entry until you have reached `latestSeq`, or in a history until `more` is false.
//!
//! # Bodies
//!
//! JSON as proto3 maps it: replies have every field, in lowerCamel, and 64-bit numbers as strings;
//! requests may have `snake_case` or lowerCamel, numbers or strings, and fields unknown to us.
//! `Content-Type: application/proto` or `application/x-protobuf` is the binary form of the
//! messages, for requests; `Accept` chooses it for replies.
//!
//! A program may also send the flat fields of a request as a form,
//! `application/x-www-form-urlencoded`, with one parameter for each value of a list; or JSON under
//! that name, as curl does unless it is told the type:
//!
//! ```text
//! curl -d '{"from":"alice","to":"bob","message":{"text":"hi"}}' localhost:8000/timeline/send
//! curl -d from=alice -d to=bob --data-urlencode 'message={"text":"hi"}' localhost:8000/timeline/send
//! ```
//!
//! A form of a page is refused, as a page of any origin can make a browser post one: a request with
//! an `Origin`, or with a `Sec-Fetch-Site` other than `none` and `same-origin`. So is a `POST` with
//! another type, or none.
//!
//! # Watching
//!
//! `GET /timeline/watch` answers with server-sent events: what the inbox has after `last_read`, and
//! then each entry soon after it is stored. No entry is left out, and none comes twice.
//!
//! ```text
//! event: entries
//! id: 57-8127410226318201
//! data: {"latestSeq":"57","entrySetLastSeq":"57","entrySet":[…],"reset":false,"generation":"1","floor":"0"}
//! ```
//!
//! The data is what `/timeline/sync` answers. The id is the sequence and the tag of the last entry;
//! sent back as `Last-Event-ID`, as browsers do by themselves, the events go on after it. An event
//! with `"reset": true` comes before the entries from the floor on, and one with a higher `floor`
//! and no entries says that the inbox was freed meanwhile. `event: unavailable` says that the
//! store, or room for an answer, is not there now; the events go on by themselves, or end and the
//! client comes back. `event: ended` is the last: the caller may not watch any longer, as
//! [`Callers::ended`](crate::Callers::ended) says. Both have the body of an error as their data. A
//! line with a colon comes every 15 s without an event.
//!
//! How far conversations were read meanwhile comes as an event without an id: by the member on
//! another device, and by the others of conversations of two. With `"cursorsCut": true` more were
//! read than it says; ask for the list of conversations.
//!
//! ```text
//! event: read
//! data: {"cursors":[{"member":"alice","with":"alice","group":"","read":"7"}],"cursorsCut":false}
//! ```
//!
//! There are [`watches_max`](Config::watches_max) watches at once, of the inbox of one member 16. A
//! watch reads no further than its client does.
//!
//! # Acknowledging
//!
//! `POST /timeline/ack` frees an inbox up to an entry that its member needs no more: `floor` says
//! up to where, and the histories keep everything. A sequence beyond the last entry is refused.
//!
//! # Batches
//!
//! `POST /timeline/sendBatch` takes up to 1,000 sends in one body, and answers each in its place:
//! one that fails keeps no other back. Given their message ids again, it repeats none.
//!
//! # Messages
//!
//! A message is the text of a JSON object that every reader of JSON can read: at most 128 levels
//! deep, no number beyond what a double can hold, and no half of a surrogate pair in a string.
//! Anything else is refused with 400, whatever the body's own encoding, and the error says at which
//! line and column. In JSON a message may be given as the object itself, as in
//! `{"message":{"text":"hi"}}`; it is stored byte for byte as it came. Names and ids are compared
//! byte by byte: `é` as one character and as two are two members; normalise before you call.
//!
//! # Clients that do not read
//!
//! Replies that their clients have not taken yet, over all connections, have at most
//! [`answer_bytes_max`](Config::answer_bytes_max) bytes. While a read waits for room, replies that
//! stand still are cut. A read that finds none within a second is refused with 503, `TIMELINE_BUSY`
//! and `Retry-After`. The room is given back as a reply is written, or when the connection ends. So
//! the program should end connections whose clients take nothing for long, and put a
//! [`RequestConnection`](crate::RequestConnection) into the extensions of its requests: then those
//! of replies that are cut are closed at once, and no connection takes more than a quarter of the
//! room.
//!
//! # Errors
//!
//! Always JSON:
//!
//! ```json
//! {"code":400,"reason":"TIMELINE_INVALID_PARAM","message":"the request must name the sender in from and the receiver in to","metadata":{}}
//! ```
//!
//! | status | reason | when |
//! |---|---|---|
//! | 400 | `TIMELINE_INVALID_PARAM` | a field is out of its bounds; the message names it |
//! | 400 | `CODEC` | the body, the query or the content type cannot be read |
//! | 401 | `UNAUTHENTICATED` | nobody is known to call: log in |
//! | 403 | `TIMELINE_FORBIDDEN` | the caller may not do this; the message says who may |
//! | 404 | `NOT_FOUND` | there is no such path below `/timeline` |
//! | 404 | `TIMELINE_NOT_FOUND` | there is no such group, no such member in it, no such message, or no such conversation of the member |
//! | 405 | `METHOD_NOT_ALLOWED` | the path takes another method, which `Allow` names |
//! | 409 | `TIMELINE_CONFLICT` | the message id was used for something else; there is such a group already; it would have no owner; the message was taken back, or cannot be changed |
//! | 413 | `BODY_TOO_LARGE` | the body is above the configured bound |
//! | 429 | `TOO_MANY_WATCHES` | the inbox is watched as often as one may be; `Retry-After` says when to try again |
//! | 429 | `TOO_MANY_REQUESTS` | the caller calls too often; `Retry-After` says when to call again |
//! | 500 | `TIMELINE_CORRUPT` | the store cannot be read |
//! | 503 | `TIMELINE_BUSY` | too many bytes of replies wait for clients that read slowly; `Retry-After` says when to ask again |
//! | 503 | `TOO_MANY_WATCHES` | as many inboxes are watched as may be; `Retry-After` says when to try again |
//! | 503 | `UNAVAILABLE` | it cannot be found out now who calls; call again later |
//! | 503 | `UNKNOWN_OUTCOME` | the store did not say in time whether the call took effect; repeat a send with the id in `metadata`, `{"messageId":"…"}`, which is its own or was made for it, and it has one effect |
//! | 503 | `TIMELINE_UNAVAILABLE`, `TIMELINE_CLOSED` | the store takes no calls; try again with the same message id |

mod answer;
mod called;
mod codec;
mod config;
mod content;
mod cors;
mod field;
mod handlers;
mod object_message;
mod openapi;
mod problem;
mod query;
mod router;
mod shared;
mod unreadable;
mod watch;

pub use self::config::Config;
pub use self::openapi::openapi;
pub use self::router::{ROUTES, router, router_for};
