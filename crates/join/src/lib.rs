//! What joins a WebSocket hub, presence and message timelines.
//!
//! None of the three knows the others. This crate has what every program that uses two of them
//! would write again, each part behind a feature:
//!
//! ```text
//!            ┌──connected, bound──► attendance ──► presence, rooms
//!            │                                        │
//!   hub  ────┤◄──who, $presence──── roster ◄──────────┤──events──► webhook ──► another program
//!            │
//!            ├──calls that wait────────► receipts ──► timeline
//!            └◄──$inbox, $received──── receipts ◄───────┘
//! ```
//!
//! | module | for |
//! |---|---|
//! | [`attendance`] | a user is online while connected, and in the rooms of the channels that the connection is bound to |
//! | [`roster`] | a copy of who is online for newcomers, and its changes on the channel `$presence` |
//! | [`receipts`] | new entries are pushed to their readers, who say how far they have received them |
//! | [`webhook`] | every change of who is online is posted to another program, until it has it |
//! | [`channel`] | the names of the channels that these publish to, and who may listen |
//!
//! # The order of construction
//!
//! The hub takes its hooks when it starts, and the store its observer. So what the hooks need comes
//! before the hub, and what publishes to clients after it. In between calls wait in their queue,
//! and nothing is dropped:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use async_trait::async_trait;
//! use conductor_hub::calls::{self, AsyncHandler, CallQueue, Calls};
//! use conductor_hub::protocol::{Message, Opcode};
//! use conductor_hub::{Answer, Connection, Hooks, Hub};
//! use presence_core::Presence;
//! use presence_core::memory::Memory;
//! use tidings_join::attendance::{self, Attendance};
//! use tidings_join::receipts::{InboxPublisher, Receipts, receipt};
//! use tidings_join::roster::{Roster, RosterKeeper};
//! use timeline::embedded::{self, EmbeddedStore};
//! use timeline::{MemberId, Timeline};
//!
//! /// Answers an empty call with who is online, any other with how far somebody has received.
//! struct Questions(Roster, Receipts);
//!
//! #[async_trait]
//! impl AsyncHandler for Questions {
//!     async fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
//!         if call.body.is_empty() {
//!             return Message::with_uuid(Opcode::SERVER, call.uuid, "", self.0.who()).into();
//!         }
//!         let received = async {
//!             let member = MemberId::new(String::from_utf8_lossy(&call.body).into_owned())?;
//!             let sequence = self.1.received_of(&member).await?;
//!             Ok::<_, timeline::Error>(receipt(&member, sequence))
//!         };
//!         let body = received.await.unwrap_or_else(|error| error.to_string());
//!         Message::with_uuid(Opcode::SERVER, call.uuid, "", body).into()
//!     }
//! }
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = tempfile::tempdir()?;
//! let presence = Presence::new(Memory::start(Default::default())?);
//!
//! // What the hooks need.
//! let attendance = Attendance::start(attendance::Config::new(presence.clone()))?;
//! let roster = Roster::default();
//! let queue = CallQueue::new(calls::Config::default())?;
//! let hooks = Hooks::default().lifecycle(attendance.clone()).calls(queue.clone());
//! let hub = Hub::start(Default::default(), hooks)?; // `hub.handle` serves `/ws`
//!
//! // What publishes to clients, and what answers come from.
//! let keeper = RosterKeeper::start(roster.clone(), presence.clone(), hub.clone())?;
//! let store = embedded::Config::new(directory.path()).observer(InboxPublisher::new(hub.clone()));
//! let timeline = Timeline::start(Default::default(), EmbeddedStore::start(store).await?)?;
//! let receipts = Receipts::new(timeline.clone(), hub.clone());
//! let calls = Calls::start(&queue, Questions(roster, receipts))?;
//!
//! // Who serves the users ends first, the stores last.
//! let grace = Duration::from_secs(10);
//! assert!(hub.shutdown(grace).await && calls.shutdown(grace).await);
//! assert!(attendance.shutdown(grace).await && keeper.shutdown(grace).await);
//! assert!(presence.shutdown(grace).await && timeline.shutdown(grace).await);
//! # Ok(())
//! # }
//! ```
//!
//! With clients and routes it is the program `examples/three_joined.rs` of the crate `tidings`.
//! `examples/posts.rs` here posts who comes and goes to an address.
//!
//! # When a task fails
//!
//! A task that panics is started again, and counted in `tidings_part_restarts_total` by its part.
//! When that happens five times within a minute it is not: then `failed()` of its handle returns
//! why, and a program that waits for it can end with a reason.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `attendance` | [`attendance`], for a hub and presence | yes |
//! | `roster` | [`roster`], for a hub and presence | yes |
//! | `receipts` | [`receipts`], for a hub and a timeline | yes |
//! | `webhook` | [`webhook`], for presence | no |
//! | `tls` | with `webhook`: addresses that begin with `https` | no |
//! | `upkeep` | the modules `restarts` and `outage_log`, which the server shares; semantic versioning does not cover them, so they may change with any version | no |
//!
//! # Third-party types in this API
//!
//! `bytes::Bytes`, and the expansion of `async_trait` in the hook.
//!
//! # Coming from the ancestors
//!
//! No ancestor had this crate; programs that used several of them had this code themselves:
//!
//! | there | here |
//! |---|---|
//! | presence: a program calls `Online` again and again for whoever is connected | [`attendance`]: a connection is a device that is held |
//! | presence: `ListenStatusChanges`, which knew nothing of who was online before | [`roster`] for clients, [`webhook`] for other programs |
//! | go-timeline: a client asks for its inbox once a second | [`receipts`]: what is new is pushed, and asked for after a gap alone |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

#[cfg(feature = "attendance")]
pub mod attendance;
#[cfg(any(feature = "attendance", feature = "receipts", feature = "roster"))]
pub mod channel;
#[cfg(any(feature = "roster", feature = "webhook"))]
mod clock;
#[cfg(feature = "_tasks")]
mod error;
#[cfg(feature = "upkeep")]
#[cfg_attr(docsrs, doc(cfg(feature = "upkeep")))]
pub mod outage_log;
#[cfg(all(feature = "webhook", not(feature = "upkeep")))]
#[allow(dead_code, unreachable_pub, reason = "what the parts here do not use is for the server")]
mod outage_log;
#[cfg(feature = "receipts")]
pub mod receipts;
#[cfg(feature = "upkeep")]
#[cfg_attr(docsrs, doc(cfg(feature = "upkeep")))]
pub mod restarts;
#[cfg(all(feature = "_tasks", not(feature = "upkeep")))]
#[allow(unreachable_pub, reason = "the server uses it, too")]
mod restarts;
#[cfg(feature = "roster")]
pub mod roster;
#[cfg(feature = "_tasks")]
mod tasks;
#[cfg(feature = "webhook")]
pub mod webhook;

#[cfg(feature = "_tasks")]
pub use self::error::{Error, ErrorKind};
