//! Who may make which call, by the rows of the policy.

use tidings::hub::Connection;

use super::call::Call;
use crate::access::Caller;
use crate::access::policy::{CALLS, Need};
use crate::join::client::Client;

/// What a connection hears that awaits its login and calls something else.
const LOG_IN_FIRST: &str = r#"log in first: {"call":"login","token":"…"}"#;

/// Tells why the client of a connection may not make a call, if it may not.
pub(super) fn check(connection: &Connection, has_logins: bool, call: &Call) -> Result<(), &'static str> {
    if connection.is_awaiting_login() {
        let is_first = matches!(call, Call::Ping {} | Call::Login { .. });
        return if is_first { Ok(()) } else { Err(LOG_IN_FIRST) };
    }
    let caller = match Client::of(connection) {
        Some(client) => client.caller(),
        None if has_logins => Caller::Anonymous,
        None => Caller::Anybody,
    };
    let need = CALLS.iter().find(|(name, _)| *name == call.name()).map(|(_, need)| need);
    if may(&caller, need) { Ok(()) } else { Err("you may not make this call") }
}

/// Tells whether a caller has what a call needs; one without a row is nobody's.
fn may(caller: &Caller, need: Option<&Need>) -> bool {
    match (caller, need) {
        (Caller::Anybody, _) | (_, Some(Need::Open)) => true,
        (Caller::Anonymous, _) | (_, None) => false,
        (_, Some(Need::User)) | (Caller::User(_), Some(Need::Own(_))) => true,
        (caller, Some(Need::Own(scope) | Need::Scope(scope))) => caller.has(*scope),
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tidings::identity::{Identity, Scope};

    use super::*;

    #[test]
    fn a_call_without_a_row_is_nobodys_while_there_are_logins() {
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let identity = |scope: Option<Scope>| {
            Identity::new("bob", expires_at).unwrap().with_scopes(scope.into_iter().collect())
        };
        let (user, service) =
            (Caller::User(identity(None)), Caller::Service(identity(Some(Scope::Timelines))));
        let own = Need::Own(Scope::Timelines);
        assert!(!may(&user, None) && !may(&service, None) && may(&Caller::Anybody, None));
        assert!(may(&user, Some(&own)) && may(&service, Some(&own)));
        assert!(
            !may(&service, Some(&Need::Own(Scope::Presence))) && !may(&user, Some(&Need::Scope(Scope::Api)))
        );
        assert!(!may(&Caller::Anonymous, Some(&Need::User)) && may(&Caller::Anonymous, Some(&Need::Open)));
    }
}
