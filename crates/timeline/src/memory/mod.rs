//! A store in memory, for the tests of programs.
//!
//! It obeys every law of a store, and is written to be read: one lock, and plain collections
//! below it. What it holds ends with the process. It needs the feature `memory`.
//!
//! # Examples
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), timeline::Error> {
//! use timeline::memory::MemoryStore;
//! use timeline::{Config, MemberId, Message, NewMessage, Seq, Timeline};
//!
//! let timeline = Timeline::start(Config::default(), MemoryStore::default())?;
//! let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
//! let send = NewMessage::new(alice, bob, Message::new(r#"{"text":"hi"}"#)?);
//! assert_eq!(timeline.send(send).await?.sequence, Seq::new(1)?);
//! # Ok(())
//! # }
//! ```
//!
//! # Bounds
//!
//! It has none of its own: it keeps all entries that were not freed, and every answer to a
//! repetition, or what a [`Retention`](crate::Retention) leaves
//! ([`start_keeping`](MemoryStore::start_keeping)). A test that wants more than its memory wants
//! another store.

mod boxes;
mod entry_box;
mod kept;
mod rows;
mod store;
mod sweeper;

pub use self::kept::MemoryPlace;
pub use self::store::MemoryStore;
use crate::clock;
