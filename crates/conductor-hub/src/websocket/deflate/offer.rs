//! What a client offers to compress with, and what of it is agreed.
//!
//! ```text
//! client  Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits
//! server  Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover
//! ```
//!
//! Source: RFC 7692, section 7.1.

use std::mem;

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};

/// How far back a compressed message to a client may refer.
///
/// There are only these two, so that a message for many receivers is compressed twice at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Window {
    /// 32 KiB: what nearly every client takes.
    Full,
    /// 512 bytes: for clients that ask for anything less than 32 KiB.
    Small,
}

impl Window {
    /// Both, in the order of their numbers.
    pub(crate) const ALL: [Self; 2] = [Self::Full, Self::Small];

    /// Returns what the server answers to the offer.
    #[must_use]
    pub const fn answer(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Full => "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            Self::Small => {
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=9"
            }
        })
    }

    /// The binary logarithm of its bytes.
    pub(super) const fn bits(self) -> u8 {
        match self {
            Self::Full => 15,
            Self::Small => 9,
        }
    }
}

/// The parameters that an offer may have, each once.
const PARAMETERS: [&str; 4] = [
    "server_no_context_takeover",
    "client_no_context_takeover",
    "client_max_window_bits",
    "server_max_window_bits",
];

/// Returns the window of the first offer that can be accepted, if there is one.
///
/// The answer is [`Window::answer`]. An offer with anything unknown in it is passed over, as the
/// standard demands.
#[must_use]
pub fn agreed_window(headers: &HeaderMap) -> Option<Window> {
    let values = headers.get_all(SEC_WEBSOCKET_EXTENSIONS).into_iter();
    // A quoted value may only hold what could stand without quotes, so no comma is inside of one.
    let mut offers = values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offers.find_map(window)
}

fn window(offer: &str) -> Option<Window> {
    let mut parts = offer.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("permessage-deflate") {
        return None;
    }
    let (mut window, mut seen) = (Window::Full, [false; PARAMETERS.len()]);
    for parameter in parts {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name.trim_end(), Some(bits(value.trim_start())?)),
            None => (parameter, None),
        };
        let number = PARAMETERS.iter().position(|known| name.eq_ignore_ascii_case(known))?;
        if mem::replace(&mut seen[number], true) {
            return None;
        }
        match (PARAMETERS[number], value) {
            // Ours has 32 KiB for what clients compress, so their own window does not matter.
            ("client_max_window_bits", _)
            | ("server_no_context_takeover" | "client_no_context_takeover", None)
            | ("server_max_window_bits", Some(15)) => {}
            ("server_max_window_bits", Some(9..=14)) => window = Window::Small,
            // No library compresses with 256 bytes, and the others take no value, or need one.
            _ => return None,
        }
    }
    Some(window)
}

/// Reads a number of bits, in quotes or without, and without leading zeros.
fn bits(value: &str) -> Option<u8> {
    let value = value.strip_prefix('"').map_or(Some(value), |quoted| quoted.strip_suffix('"'))?;
    (8..=15).find(|bits: &u8| bits.to_string() == value)
}
