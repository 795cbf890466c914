//! What the tests of the hub share.

mod client;
mod heard;

pub(crate) use client::Client;
pub(crate) use heard::Heard;
