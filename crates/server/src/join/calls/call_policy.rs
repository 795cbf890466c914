//! Who may make which call, by the rows of the policy.

use std::borrow::Cow;

use tidings::hub::Connection;

use super::call::Call;
use crate::access::Caller;
use crate::access::policy::CALLS;
use crate::join::client::Client;

/// What a connection hears that awaits its login and calls something else.
const LOG_IN_FIRST: &str = r#"log in first: {"call":"login","token":"…"}"#;

const NO_ROW: &str = "nobody may make this call, as the policy has no row for it";

/// Tells why the client of a connection may not make a call, if it may not.
pub(super) fn check(connection: &Connection, has_logins: bool, call: &Call) -> Result<(), Cow<'static, str>> {
    if connection.is_awaiting_login() {
        let is_first = matches!(call, Call::Ping {} | Call::Login { .. });
        return if is_first { Ok(()) } else { Err(LOG_IN_FIRST.into()) };
    }
    let caller = match Client::of(connection) {
        Some(client) => client.caller(),
        None if has_logins => Caller::Anonymous,
        None => Caller::Anybody,
    };
    let Some((_, need)) = CALLS.iter().find(|(name, _)| *name == call.name()) else {
        return Err(NO_ROW.into());
    };
    need.check(&caller).map_err(|refused| refused.text)
}
