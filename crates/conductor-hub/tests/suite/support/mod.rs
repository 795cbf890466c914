//! What the tests of the hub share.

#[cfg(feature = "tls")]
pub(crate) mod certificates;
mod client;
mod heard;
#[cfg(feature = "sisters")]
pub(crate) mod node;
pub(crate) mod raw_client;
mod recorder;
mod replay;
pub(crate) mod request;
mod serve;
mod tcp_client;
pub(crate) mod vectors;
#[cfg(feature = "sisters")]
pub(crate) mod wires;

pub(crate) use client::Client;
pub(crate) use heard::Heard;
pub(crate) use raw_client::RawClient;
pub(crate) use recorder::Recorder;
pub(crate) use replay::Replay;
pub(crate) use serve::serve;
pub(crate) use tcp_client::TcpClient;
