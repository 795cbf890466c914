//! What the tests of the hub share.

#[cfg(feature = "tls")]
pub(crate) mod certificates;
mod client;
mod heard;
pub(crate) mod raw_client;
mod recorder;
#[cfg(feature = "sisters")]
pub(crate) mod node;
mod replay;
pub(crate) mod request;
mod tcp_client;
mod serve;
pub(crate) mod vectors;

pub(crate) use client::Client;
pub(crate) use heard::Heard;
pub(crate) use raw_client::RawClient;
pub(crate) use recorder::Recorder;
pub(crate) use replay::Replay;
pub(crate) use tcp_client::TcpClient;
pub(crate) use serve::serve;
