//! What the integration tests share.

mod tidings;

pub use tidings::Tidings;

/// The snippets of the README are tests of the documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
#[derive(Debug)]
pub struct Readme;
