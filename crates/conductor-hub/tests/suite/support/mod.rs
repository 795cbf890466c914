//! What the tests of the hub share.

mod client;
mod heard;
#[cfg(feature = "sisters")]
pub(crate) mod node;
mod replay;
pub(crate) mod request;
mod tcp_client;
pub(crate) mod vectors;

pub(crate) use client::Client;
pub(crate) use heard::Heard;
pub(crate) use replay::Replay;
pub(crate) use tcp_client::TcpClient;
