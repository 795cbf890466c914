//! The hub through its public interface, with clients of another library.

mod admission;
mod behind;
mod binds;
mod bounds;
mod calls;
mod channels;
mod close_codes;
mod control;
mod failures;
mod handshake;
mod hooked_chat;
mod hooks;
#[cfg(feature = "serde")]
mod json;
mod logging_in;
mod logins;
mod pace;
mod panics;
mod protocol;
mod rates;
mod remembered_chat;
#[cfg(feature = "sisters")]
mod sisters;
mod streams;
mod support;
mod test_util;
mod throttled_chat;
