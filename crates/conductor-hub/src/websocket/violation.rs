//! The rules of the protocol that a client can break.

/// What a client must not do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// It broke the framing rules: close code 1002.
    Protocol(&'static str),
    /// Its text is not UTF-8: close code 1007.
    Utf8,
    /// Its message is longer than the limit: close code 1009.
    TooBig,
}
