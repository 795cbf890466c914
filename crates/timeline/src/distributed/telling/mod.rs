//! Tells what is new to who waits here, to the observer and to the other nodes.
//!
//! ```text
//!  committed ──► watchers of this node           woken at once
//!            ──► order ──► observer              own entries always, in order, on a thread of its own
//!            ──► outgoing ──► say ──► the way ─────────────────────► hear ──► watchers, observer
//!                             Redis, or MongoDB where there is none     (of another node)
//!
//!  left, forgotten ──► outgoing ──► say ──► … ──► hear ──► rows known there (of another node)
//!
//!  poll ──► tops of the inboxes that are watched here: what nobody told ──► watchers, observer
//!  behind ──► catch up ──► entries that other nodes wrote, from the store ──► observer
//! ```
//!
//! The ways lose notices and say so; nothing depends on them but how soon somebody hears. A watcher
//! reads from its position, and the observer's entries of others are read from the store as well.
//! Neither takes anything for an inbox that nobody watches here, beyond the last places that were
//! told, of which there are 16,384 at most. Cursors are in no inbox and are said once: after a gap
//! watchers and the observer are told that they may lack some.
//!
//! # The message to the other nodes
//!
//! JSON of less than 1 MiB, published on `<prefix>changes` in Redis, or in the field `text` of a
//! document in `chat_notices`, which MongoDB removes after a minute.
//!
//! ```text
//! {"node":"9f…","inboxes":[["bob",57,58],["eve",0,0]],
//!  "cursors":[{"told":"bob","member":"eve","pair":["bob","eve"],"read":7}],
//!  "left":["0f…"],"forgotten":["tom"],"all":true}
//! ```
//!
//! | field | what |
//! |---|---|
//! | `node` | who says it, and does not listen to it |
//! | `inboxes` | member, first and last new sequence; 0, 0 if it was only freed |
//! | `cursors` | whom it concerns, who has read, the `pair` or the `group`, and up to where |
//! | `left` | the `_id`s of rows of members who have left their groups, in hexadecimal digits |
//! | `forgotten` | members who were forgotten |
//! | `all` | there were more inboxes or cursors than fit: look at all |

mod behind;
mod catch_up;
mod departures;
mod failure;
mod hearing;
mod metrics;
mod mongo;
mod notice;
mod order;
mod outgoing;
mod poll;
mod recently_told;
#[cfg(feature = "redis")]
mod redis;
mod say;
mod tasks;
mod teller;
mod told;
mod way;

pub(super) use self::tasks::run;
pub(super) use self::teller::Teller;
