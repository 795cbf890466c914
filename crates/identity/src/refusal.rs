//! Why a token is not accepted.

use std::error::Error;
use std::fmt;

/// Why a token was not accepted.
///
/// Its text is for the log of whoever runs the verifier, and has no part of the token. What a
/// client may hear is [`client_text`](Self::client_text).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The text is longer than the configuration lets a token be.
    TooLong,
    /// The text has not the three parts of a token, or they cannot be read.
    Malformed,
    /// No key is known by the name that the token gives, or by none.
    UnknownKey,
    /// The token names another algorithm than its key is for.
    Algorithm,
    /// The signature is not that of the key.
    Signature,
    /// A claim has a value that it cannot have, or is there twice.
    Claim,
    /// The token has no expiry.
    NoExpiry,
    /// The token has expired.
    Expired,
    /// The token is not valid yet, or is said to be issued in the future.
    TooEarly,
    /// The token is valid for longer than the configuration lets one be.
    TooLongLived,
    /// The token is for somebody else.
    Audience,
    /// The token is from somebody else.
    Issuer,
    /// The token names no user, or one that cannot be an id.
    User,
    /// The rights have a pattern that cannot be, or are too many.
    Rights,
    /// The token, its user or all tokens of its age were revoked.
    Revoked,
}

impl Refusal {
    /// Returns what a client may be told.
    ///
    /// Only an expiry is told apart, so that a client fetches another token. All else would help
    /// whoever tries tokens out.
    #[must_use]
    pub const fn client_text(self) -> &'static str {
        match self {
            Self::Expired => "the token has expired",
            _ => "the token is not accepted",
        }
    }

    /// Returns it in a word or two, for figures.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
            Self::UnknownKey => "unknown-key",
            Self::Algorithm => "algorithm",
            Self::Signature => "signature",
            Self::Claim => "claim",
            Self::NoExpiry => "no-expiry",
            Self::Expired => "expired",
            Self::TooEarly => "too-early",
            Self::TooLongLived => "too-long-lived",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::User => "user",
            Self::Rights => "rights",
            Self::Revoked => "revoked",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::TooLong => "the token is longer than the configuration allows",
            Self::Malformed => "the token does not have the three parts of a signed token",
            Self::UnknownKey => "the token is signed with a key that is not known here",
            Self::Algorithm => "the token names another algorithm than its key is for",
            Self::Signature => "the signature of the token is not that of the key",
            Self::Claim => "the token has a claim whose value cannot be read, or has it twice",
            Self::NoExpiry => "the token has no exp, and would be valid for ever",
            Self::Expired => "the token has expired",
            Self::TooEarly => {
                "the token is not valid yet; compare the clocks of its issuer and of this server"
            }
            Self::TooLongLived => "the token is valid for longer than lifetime_max allows",
            Self::Audience => "the token is for another audience",
            Self::Issuer => "the token is from another issuer",
            Self::User => "the token has no user id, or one that is no id",
            Self::Rights => "the token has a right whose pattern cannot be, or too many",
            Self::Revoked => "the token was revoked",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl Error for Refusal {}
