//! The parser: examples, random frames, and whatever bytes the fuzzer's corpus and its mutations
//! are.

mod corpus;
mod frames;
mod law;
