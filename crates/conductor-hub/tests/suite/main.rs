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
mod counts;
mod deflate;
mod drains;
mod failures;
mod faults;
#[cfg(feature = "server")]
mod found_sisters;
mod handshake;
mod hooked_chat;
mod hooks;
mod large_rows;
mod logging_in;
mod logins;
#[cfg(feature = "sisters")]
mod max_sisters;
mod pace;
mod panics;
mod protocol_page;
mod python_client;
mod rates;
mod remembered_chat;
#[cfg(feature = "server")]
mod server;
#[cfg(feature = "sisters")]
mod sister_balance;
#[cfg(feature = "sisters")]
mod sister_limits;
#[cfg(feature = "sisters")]
mod sister_links;
#[cfg(all(feature = "sisters", target_os = "linux"))]
mod sister_names;
#[cfg(feature = "sisters")]
mod sister_relinks;
#[cfg(feature = "sisters")]
mod sister_rights;
#[cfg(feature = "sisters")]
mod sister_strangers;
#[cfg(all(feature = "sisters", feature = "tls"))]
mod sister_tls;
#[cfg(feature = "sisters")]
mod sisters;
mod stream_names;
mod streams;
mod support;
mod test_util;
mod throttled_chat;
#[cfg(feature = "tls")]
mod tls;
mod uploads;
