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
#[cfg(feature = "serde")]
mod json;
mod logging_in;
mod logins;
mod pace;
mod panics;
mod protocol;
mod rates;
#[cfg(feature = "sisters")]
mod sisters;
mod support;
mod test_util;
