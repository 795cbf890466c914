//! Who a request is from and what they may do: tokens, rights, tickets.
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use identity::{Config, Grants, KeySet, NewKey, NewToken, Right, Signer, Verifier};
//!
//! # fn main() -> Result<(), identity::Error> {
//! let key = NewKey::ed25519()?;
//! let signer = Signer::from_pem(key.signing(), None)?;
//! let verifier = Verifier::new(Config::new(KeySet::from_pem(key.verifying().unwrap_or_default(), None)?))?;
//!
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
//! let grants = Grants::default().bind(["room:*", "inbox:{user}"]);
//! let token = signer.sign(&NewToken::new("bob", now, Duration::from_secs(3_600)).grants(grants))?;
//!
//! let bob = verifier.verify(&token, now).expect("the token was made just now");
//! assert_eq!(bob.user(), "bob");
//! assert!(bob.rights().permits(Right::Bind, "inbox:bob"));
//! assert!(!bob.rights().permits(Right::Write, "room:7"));
//! # Ok(())
//! # }
//! ```
//!
//! The program `examples/login.rs` makes keys, signs, verifies and revokes.
//!
//! # What it holds
//!
//! - **The key decides the algorithm**, never the token. `none` is no algorithm, and a public key
//!   is no secret.
//! - **Nothing is believed before the signature is checked**: not the claims, not who made them.
//! - **A token ends**: one without `exp` is refused, and one that is valid for too long.
//! - **Everything has a bound**: the length of a token, the tokens that are remembered, keys,
//!   patterns, revocations, tickets, and who waits for a fetch of keys.
//! - **A client hears little**: [`Refusal::client_text`] tells an expiry apart and nothing else.
//! - **Nothing shows a secret**: no error, no `Debug` and no line of a log has a token or a key.
//!
//! # Tokens
//!
//! | claim | |
//! |---|---|
//! | `exp` | required; seconds since 1970, of which a fraction is cut off |
//! | `nbf`, `iat` | not in the future |
//! | `aud`, `iss` | as the configuration says |
//! | `sub` | the id of the user: 1 to 512 bytes of UTF-8 without control characters |
//! | `rights` | channel patterns, see [`Grants`] |
//! | `scope` | the words of [`Scope`], for services |
//! | `jti` | a name, by which the token can be revoked |
//!
//! HS256, RS256, ES256 and `EdDSA` (Ed25519) are known. All else is refused, and so are tokens
//! with `crit`, claims that are there twice, and base64 or JSON that is not as the standards have
//! it.
//!
//! # Keys that change
//!
//! [`JwksSource`] reads a key set from a file, or fetches it from an address; one with `https`
//! needs the feature `tls`. A token of a key that is not known has it fetched again, at most once
//! in 30 s. While that fails the last good keys stay, and [`JwksSource::state`] says why. A key of
//! the set that cannot be used takes no other with it; [`KeySet::left_out`] tells of it.
//!
//! # The end of a token
//!
//! [`Identity::expires_at`] says when it ends by itself. [`Revocations`] end it earlier: by user,
//! by token, or all that is older than a time. [`Revocations::changes`] wakes whoever holds a
//! connection; [`RevocationFile`] keeps them over restarts, and [`Revocation`] has a text by which
//! other processes hear of them.
//!
//! # What it does not do
//!
//! It has no routes, no cookies and no users: it does not log anybody in, and asks no database.
//! Times are arguments, so that a test can give any.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `tls` | key sets at addresses that begin with `https` | no |
//!
//! Third-party types in this interface: [`tokio::sync::watch::Receiver`], and the traits of
//! `serde` on [`Grants`]. [`Right`] and [`Rights`] are those of the crate `channel-rights`, which
//! `conductor-hub` passes on, too: an admission there takes [`Identity::rights`] as they are.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs, clippy::must_use_candidate)]

mod algorithm;
mod claims;
mod config;
mod error;
mod grants;
mod identity;
mod jwks;
mod jwks_source;
mod key;
mod key_file;
mod key_set;
mod new_key;
mod new_token;
mod of_pair;
mod refusal;
mod revocation;
mod revocation_file;
mod revocations;
mod scopes;
mod seen;
mod signer;
mod tickets;
mod token;
mod unix;
mod verifier;

#[doc(inline)]
pub use channel_rights::{Right, Rights};

pub use crate::algorithm::Algorithm;
pub use crate::config::Config;
pub use crate::error::{Error, ErrorKind};
pub use crate::grants::Grants;
pub use crate::identity::Identity;
pub use crate::jwks_source::{JwksConfig, JwksSource, JwksState};
pub use crate::key_set::KeySet;
pub use crate::new_key::NewKey;
pub use crate::new_token::NewToken;
pub use crate::refusal::Refusal;
pub use crate::revocation::Revocation;
pub use crate::revocation_file::RevocationFile;
pub use crate::revocations::{Revocations, RevocationsConfig};
pub use crate::scopes::{Scope, Scopes};
pub use crate::signer::Signer;
pub use crate::tickets::{Ticket, Tickets, TicketsConfig};
pub use crate::verifier::Verifier;
