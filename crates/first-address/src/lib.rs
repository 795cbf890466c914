//! Connects to whichever address of a host answers first.
//!
//! ```no_run
//! use first_address::connect;
//! use tokio::net::lookup_host;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let socket = connect(lookup_host("hub.example:443").await?).await?;
//! println!("{} has answered", socket.peer_addr()?);
//! # Ok(())
//! # }
//! ```
//!
//! A host has several addresses where it is reached over IPv6 and over IPv4, or has several
//! machines, and one of them may be dead without a word. So none is waited for alone:
//!
//! ```text
//! first   ├──────────────────────────────── no answer ─────────── …
//! second    250 ms ├──── refused
//! third                 ├──────── answers: it is taken, and the others are given up
//! ```
//!
//! Source: RFC 8305, sections 4 and 5.
//!
//! # Who uses it
//!
//! `conductor-client`, for hubs, and `conductor-hub`, for its sisters. The connector of hyper-util
//! does so between two families of addresses, but not within one of them, and would bring a client
//! of HTTP along.
//!
//! # What it does not do
//!
//! It resolves no names, and has no time-out: whoever calls it has both. It asks for the addresses
//! once, so one that is resolved later than another is not tried.
//!
//! # Third-party types in this API
//!
//! tokio's `TcpStream`.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod addresses;

pub use crate::addresses::connect;
