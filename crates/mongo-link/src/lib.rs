//! The way to one MongoDB: bounded calls, a state, and changes as they happen.
//!
//! ```no_run
//! use std::time::Duration;
//!
//! use mongo_link::{Link, LinkConfig};
//! use mongodb::bson::{Document, doc};
//!
//! # async fn example() -> Result<(), mongo_link::Error> {
//! let config = LinkConfig::new("mongodb://10.0.0.1:27017,10.0.0.2:27017/shop?replicaSet=rs");
//! let link = Link::start(config.timeout(Duration::from_secs(5))).await?;
//! let order = doc! { "_id": "order 1", "state": "paid" };
//! link.call(|database| async move { database.collection::<Document>("orders").insert_one(order).await })
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/tally.rs` counts in a document, also while MongoDB goes and comes back.
//!
//! # What it adds to the driver
//!
//! - **A call has one bound**, over the wait for a place, the choice of a server and all retries.
//!   The driver bounds some of these, each by itself.
//! - **The driver's futures are never dropped half-way**, which it does not take well: each runs in
//!   a task of its own to its end, and who gives up waits no longer.
//! - **At most `calls_max` calls at once**, also while a server stands still: work that was given
//!   up keeps its place until it has ended. The driver waits for a connection without a bound.
//! - **A member that stands still is noticed** within 4 s by default, which ends the calls to it. A
//!   replica set then has another primary, after an election.
//! - **Nothing is taken back**: writes are confirmed by a majority with their journals, and reads
//!   see what a majority has.
//! - **No password is shown**: an address that may be cut in the wrong place is refused before
//!   anybody parses it, and all others display with their hosts alone.
//!
//! # What a call does
//!
//! | MongoDB | the call |
//! |---|---|
//! | answers | returns |
//! | has another primary | goes there: the driver tries once more |
//! | is away, or has no primary | fails when three quarters of its time are over, and says what the driver saw |
//! | does not confirm the write by a majority | fails as [`Unavailable`](ErrorKind::Unavailable): whether it was made is open, and it may be taken back |
//! | does not answer | fails when its time is over; its work keeps its place until it ends |
//! | says that a key is there already | fails as [`Conflict`](ErrorKind::Conflict) |
//! | does not permit it to the user | fails as [`Refused`](ErrorKind::Refused) |
//!
//! [`Link::repeat`] tries again until its time is over, for work that may be done twice.
//!
//! # While MongoDB is away
//!
//! A start fails, or with [`WhenAway::Join`] it returns a link that joins when MongoDB is there. A
//! password that is wrong at the start is an error either way. [`Link::state`] says what a task
//! finds that asks the primary every few seconds, and at once when something has changed.
//!
//! A server that was no member of the replica set for a while, as it ran alone or was not
//! initiated, is found again. Until then errors and the state say what it is, and what to do there.
//!
//! # Changes
//!
//! [`Link::changes`] follows a change stream with connections of its own. After an outage it goes
//! on behind the last change, or the last answer without one. What cannot be followed any longer is
//! told as [`Lagged`](ErrorKind::Lagged), an outage once; either way the feed goes on by itself.
//!
//! # Shutdown
//!
//! [`Link::shutdown`] refuses further calls, waits for those that are under way and ends the tasks
//! and feeds. Dropping the last clone of a [`Link`] ends them without waiting.
//!
//! Third-party types in this interface: [`mongodb::Database`], [`mongodb::error::Error`],
//! [`mongodb::change_stream::event::ChangeStreamEvent`], [`mongodb::bson::Document`],
//! [`tokio::sync::watch`] and [`tokio::time::Instant`].
//!
//! # Coming from mgo
//!
//! No ancestor had this crate. Juju's presence used a collection of an `mgo` session, and
//! go-timeline the driver itself:
//!
//! | there | here |
//! |---|---|
//! | Juju: one session for all, which went stale; later a copy for each operation | [`Link`], whose clones are the same and outlive connections |
//! | Juju: a read that failed was taken for an empty one | each failure is an [`Error`], and [`Link::state`] says why |
//! | Juju: reads everything again in each period | [`Link::changes`] tells changes as they happen |
//! | go-timeline: connects when the driver is first used, so that a start tells nothing | [`Link::start`] asks the primary, and does what [`WhenAway`] says |

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod address;
mod backoff;
mod calls;
mod caught;
mod client;
mod clock;
mod config;
mod current;
mod election;
mod error;
mod feed;
mod link;
mod misfit;
mod server;
mod state;
mod succession;
mod topology;

pub use crate::address::Address;
pub use crate::backoff::Backoff;
pub use crate::clock::ServerTime;
pub use crate::config::{LinkConfig, WhenAway};
pub use crate::election::Election;
pub use crate::error::{Error, ErrorKind};
pub use crate::feed::{ChangeFeed, FeedConfig, FeedEvent};
pub use crate::link::Link;
pub use crate::state::State;
