//! The calls `login` and `refresh`: a token that comes over the connection itself.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings::hub::{Connection, Disconnect, Hub};
use tidings::identity::Identity;
use tidings::join::channel;
use tokio::time::timeout;

use super::call::Token;
use super::fault::Fault;
use crate::access::{Access, Caller, Refused, RefusedKind};
use crate::clock;
use crate::join::client::Client;
use crate::join::waiting_places::WaitingPlace;
use crate::join::{auth, permission};
use crate::rates::RateKind;
use crate::revocation::close_if_revoked;

/// How many tokens a client may try before its connection is closed.
const TRIES_MAX: u32 = 3;

/// How long a login waits for its key. It is less than the client has for its login, so that it
/// hears why there is none.
const KEYS_TIME: Duration = Duration::from_secs(3);
const LATE_KEYS: &str = "the keys that tokens are verified with did not come in time; try again later";

/// Logs clients in, and keeps their logins going.
pub(in crate::join) struct Logins {
    access: Access,
    hub: Hub,
}

impl Logins {
    pub(in crate::join) fn new(access: Access, hub: Hub) -> Self {
        Self { access, hub }
    }

    /// Logs in a connection that awaits it.
    pub(super) async fn login(&self, connection: &Arc<Connection>, token: &Token) -> Result<Value, Fault> {
        self.check_configured()?;
        // Asked here as well, as several logins may wait behind each other.
        let (true, Some(client)) = (connection.is_awaiting_login(), Client::of(connection)) else {
            return Err("this connection has its login already; with another token call refresh".into());
        };
        let tries = client.try_login();
        if tries > TRIES_MAX {
            return Err("this connection has had all its tries".into());
        }
        let verified = timeout(KEYS_TIME, self.verify(&client, token)).await;
        let verified = verified.unwrap_or_else(|_late| Err(Refused::unavailable(LATE_KEYS, KEYS_TIME)));
        let identity = verified.map_err(|refused| fault_of_login(refused, tries))?;
        let answer = login_answer(&identity);
        let caller = Caller::from(identity);
        // As who connects with a token.
        let counted = self.access.count(RateKind::Connects, &caller, client.address());
        counted.map_err(|refused| fault_of_login(refused, tries))?;
        let admission = auth::of_login(&caller)?;
        // The order matters: once the hub has taken the login, the next call may come.
        client.set_caller(caller);
        // What was revoked meanwhile is found when the hub tells that the client has connected.
        self.hub.log_in(connection, admission).map_err(|error| {
            // Its words are for who writes a program around a hub.
            tracing::debug!(connection = %connection.id(), %error, "a login came too late");
            Fault::from("the login came too late, as the connection is being closed; connect again")
        })?;
        drop(connection.data().remove::<WaitingPlace>());
        Ok(answer)
    }

    /// Gives the login of a connection another end, other rights, and other data.
    pub(super) async fn refresh(&self, connection: &Arc<Connection>, token: &Token) -> Result<Value, Fault> {
        self.check_configured()?;
        let (Some(before), Some(client)) = (connection.data().get::<Identity>(), Client::of(connection))
        else {
            return Err("this connection has no login that could be refreshed; call login".into());
        };
        let identity = self.verify(&client, token).await.map_err(|refused| refused.text)?;
        if !is_of_same(&before, &identity) {
            let text =
                "the token is of another user, so nothing has changed; open another connection with it";
            return Err(text.into());
        }
        // Another token of the same user does not bring back a login that was revoked.
        self.check_revoked(connection)?;
        if !connection.renew(identity.expires_at(), Some(Arc::clone(identity.rights()))) {
            return Err("the login has ended already; open another connection with the token".into());
        }
        connection.data().insert(identity.clone());
        client.set_caller(Caller::from(identity.clone()));
        // From here on whoever revokes finds the new identity; what was revoked before is found
        // here.
        self.check_revoked(connection)?;
        self.take_away_channels(connection);
        Ok(login_answer(&identity))
    }

    /// Verifies a token for a connection, which needs one that has not ended: for a request a token
    /// is still good for a moment behind its end.
    async fn verify(&self, client: &Client, token: &Token) -> Result<Identity, Refused> {
        let verified = self.access.verify(token.text()).await;
        let identity = verified.map_err(|refused| self.access.count_refused(refused, client.address()))?;
        if identity.expires_at() <= clock::now() {
            return Err(Refused::unauthenticated(auth::EXPIRED));
        }
        Ok(identity)
    }

    /// Unbinds a connection from the channels that it may not be bound to any more.
    fn take_away_channels(&self, connection: &Arc<Connection>) {
        for name in connection.channels() {
            // The server has bound these, which the same user keeps.
            let is_own = |user: &str| name == channel::inbox(user) || name == channel::read(user);
            if !connection.user().is_some_and(is_own) && !permission::may_bind(connection, &name) {
                self.hub.unbind(connection, &name);
            }
        }
    }

    fn check_configured(&self) -> Result<(), Fault> {
        if self.access.has_logins() {
            return Ok(());
        }
        Err("this server has no logins; connect to /ws?user=NAME".into())
    }

    /// Has a connection end if the identity that it has now was revoked.
    fn check_revoked(&self, connection: &Connection) -> Result<(), Fault> {
        if close_if_revoked(connection, self.access.revocations(), clock::now()) {
            return Err("the login was revoked".into());
        }
        Ok(())
    }
}

/// Says why a client is not logged in, and whether that ends its connection.
///
/// A token that is wrong leaves it open for the next try. What is for nothing that the client did
/// wrong closes it with a code to come back: it would run out of its time, and stay away for good.
fn fault_of_login(refused: Refused, tries: u32) -> Fault {
    match refused.kind {
        RefusedKind::Unauthenticated | RefusedKind::Forbidden if tries < TRIES_MAX => refused.text.into(),
        RefusedKind::Unauthenticated | RefusedKind::Forbidden => {
            let text = format!("{}; that was the last of {TRIES_MAX} tries", refused.text);
            Fault::ending(text, Disconnect::LoginTimeout)
        }
        RefusedKind::TooMany => Fault::ending(refused.text, Disconnect::RateLimited),
        RefusedKind::Unavailable => Fault::ending(refused.text, Disconnect::InternalError),
    }
}

/// Tells whether two identities are of the same user, or of the same service.
fn is_of_same(one: &Identity, other: &Identity) -> bool {
    one.user() == other.user() && one.scopes().is_empty() == other.scopes().is_empty()
}

/// Returns what a client hears of its login. A service is no user.
fn login_answer(identity: &Identity) -> Value {
    let user = identity.scopes().is_empty().then(|| identity.user());
    json!({ "user": user, "expiresAtMs": clock::unix_ms(identity.expires_at()) })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tidings::hub::Reconnect;
    use tidings::identity::Scope;

    use super::*;

    fn identity(user: &str, scopes: &[Scope]) -> Identity {
        let expires_at = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        Identity::new(user, expires_at).unwrap().with_scopes(scopes.iter().copied().collect())
    }

    #[test]
    fn a_login_is_told_with_its_user_and_its_end_and_a_service_is_no_user() {
        let bob = login_answer(&identity("bob", &[]));
        assert_eq!(bob, json!({ "user": "bob", "expiresAtMs": 4_000_000_000_000_u64 }));
        assert_eq!(login_answer(&identity("shop", &[Scope::Api]))["user"], Value::Null);
    }

    #[test]
    fn who_could_not_log_in_without_a_fault_of_the_token_may_come_back() {
        let second = Duration::from_secs(1);
        for (refused, tries, reconnect) in [
            (Refused::unauthenticated("x"), 1, None),
            (Refused::forbidden("x"), TRIES_MAX - 1, None),
            (Refused::unauthenticated("x"), TRIES_MAX, Some(Reconnect::Never)),
            (Refused::too_many("x", second), TRIES_MAX, Some(Reconnect::Backoff)),
            (Refused::unavailable("x", second), 1, Some(Reconnect::Backoff)),
        ] {
            let fault = fault_of_login(refused.clone(), tries);
            assert_eq!(fault.ends.map(Disconnect::reconnect), reconnect, "{refused:?} {tries}");
            assert!(fault.text.starts_with('x'), "{}", fault.text);
        }
    }

    #[test]
    fn a_user_does_not_become_a_service_of_the_same_name() {
        let (user, service) = (identity("bob", &[]), identity("bob", &[Scope::Api]));
        assert!(
            is_of_same(&user, &identity("bob", &[]))
                && is_of_same(&service, &identity("bob", &[Scope::Admin]))
        );
        assert!(!is_of_same(&user, &service) && !is_of_same(&user, &identity("eve", &[])));
    }
}
