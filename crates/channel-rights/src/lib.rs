//! What a user may do in which channels, ready to be asked.
//!
//! ```
//! use channel_rights::{Right, Rights};
//!
//! let rights = Rights::default()
//!     .channel(Right::Bind, "news")
//!     .prefix(Right::Bind, "room:")
//!     .prefix(Right::Write, "room:");
//! assert!(rights.permits(Right::Bind, "news") && rights.permits(Right::Write, "room:tea"));
//! assert!(!rights.permits(Right::Write, "news") && !rights.permits(Right::Bind, "newspaper"));
//! ```
//!
//! # Who uses it
//!
//! `tidings-identity` makes the rights of what a token says, and `conductor-hub` asks them for each
//! bind and each write. Neither knows the other, and both pass this type on under its name. So a
//! program hands the rights of a token to a connection as they are.
//!
//! # What it does not do
//!
//! It knows no users, reads no text with asterisks and bounds no number of patterns: whoever makes
//! rights of what others say does.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod right;
mod rights;

pub use crate::right::Right;
pub use crate::rights::Rights;
