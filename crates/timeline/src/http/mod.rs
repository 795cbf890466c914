//! The five calls over HTTP. Feature `http`.
//!
//! | method and path | parameters | reply |
//! |---|---|---|
//! | `POST /timeline/send` | body: `from`, `to`, `message`, `message_id` | `sequence` |
//! | `POST /timeline/sendGroup` | body: `group_name`, `group_members`, `message`, `message_id` | `failedMembers` |
//! | `GET /timeline/sync` | query: `member`, `last_read`, `count` | `latestSeq`, `entrySetLastSeq`, `entrySet` |
//! | `GET /timeline/history/single/{from}/{to}` | query: `last_read`, `count`, `backward` | `entrySet` |
//! | `GET /timeline/history/group/{group}` | query: `last_read`, `count`, `backward` | `entrySet` |
//!
//! # Bodies
//!
//! JSON as proto3 maps it: replies have every field, in lowerCamel, and 64-bit numbers as strings; requests may have
//! `snake_case` or lowerCamel, numbers or strings, and fields unknown to us. `Content-Type: application/proto` or
//! `application/x-protobuf` is the binary form of the messages, for requests; `Accept` chooses it for replies. A `POST`
//! with another type, or none, is refused: above all HTML forms, which a page of any origin can make a browser post.
//!
//! # Errors
//!
//! Always JSON: `{"code":400,"reason":"TIMELINE_INVALID_PARAM","message":"miss from or to filed","metadata":{}}`.
//!
//! | status | reason | when |
//! |---|---|---|
//! | 400 | `TIMELINE_INVALID_PARAM` | a field is out of its bounds; the message names it |
//! | 400 | `CODEC` | the body, the query or the content type cannot be read |
//! | 404 | `page not found` | there is no such path below `/timeline` |
//! | 405 | `METHOD_NOT_ALLOWED` | the path takes another method, which `Allow` names |
//! | 409 | `TIMELINE_CONFLICT` | the message id was used for something else |
//! | 413 | `BODY_TOO_LARGE` | the body is above the configured bound |
//! | 500 | `TIMELINE_CORRUPT` | the store cannot be read |
//! | 503 | `TIMELINE_UNAVAILABLE`, `TIMELINE_CLOSED` | the store takes no calls; try again with the same message id |

mod codec;
mod config;
mod cors;
mod problem;
mod query;
mod router;

pub use self::config::Config;
pub use self::router::router;
