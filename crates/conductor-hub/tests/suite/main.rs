//! The hub through its public interface, with clients of another library.

mod admission;
mod behind;
mod binds;
mod bounds;
mod buffered;
mod calls;
mod channels;
mod close_codes;
mod control;
mod deflate;
mod failures;
mod handshake;
mod hooked_chat;
#[cfg(feature = "serde")]
mod json;
mod logging_in;
mod logins;
mod pace;
mod panics;
mod protocol;
mod rates;
#[cfg(feature = "server")]
mod server;
mod support;
mod test_util;
#[cfg(feature = "tls")]
mod tls;
