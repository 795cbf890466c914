//! The parser: examples, random frames, and whatever bytes the fuzzer's corpus and its mutations
//! are.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod corpus;
mod frames;
mod law;
