//! Who a connection belongs to, and what its client may do.
//!
//! The door of [`access`](crate::access) has found out who asks, and has put that into the request.
//!
//! | caller | connection |
//! |---|---|
//! | anybody, as there are no logins | `/ws?user=alice` is alice's, one without a name has no user |
//! | a user | of that user, bound to the inbox and its cursors, until the login ends |
//! | a service | without a user and an inbox, with the rights of its token, until that ends |
//! | nobody yet | without all of these: it has 5 s to log in by a [call](super::calls) |
//!
//! A service has no user even where its token names one: nobody comes online by a program.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::extract::Query;
use http::{StatusCode, Uri};
use tidings::hub::protocol::MessageRef;
use tidings::hub::{Admission, Auth, Connection, Denied, Handshake};
use tidings::join::channel;
use tidings::presence::Id;
use tidings::timeline::MemberId;

use super::client::Client;
use super::permission;
use super::waiting_places::WaitingPlaces;
use crate::access::{Caller, ClientAddress};
use crate::clock;

/// How long a connection may be there before it has logged in.
const LOGIN_TIME: Duration = Duration::from_secs(5);

/// What a client hears whose login cannot be that of a connection.
pub(super) const EXPIRED: &str = "the token has expired";

/// What a client hears that would wait in vain for the connection of its token.
const TOKEN_IN_QUERY: &str = "this server takes no token from the query; send it as the header Authorization, ask \
                              POST /ticket for a ticket, or log in with the call login";

/// What a client hears who comes without a login while too many wait for theirs.
const NO_PLACE: &str = "too many connections wait for their login; connect with a ticket or a token, or try again in \
                        a second";

/// Admits a client as whom the door has let it in.
#[derive(Debug, Clone)]
pub(super) struct ServerAuth {
    /// Whether something is counted over several connections, also without logins.
    pub(super) counts: bool,
    /// Where those are until they log in who come without a login.
    pub(super) places: WaitingPlaces,
}

#[async_trait]
impl Auth for ServerAuth {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let (caller, address) = from_door(handshake)?;
        let admission = match (named_user(&handshake.request.uri).map_err(denied)?, caller) {
            (None, Caller::Anybody) => Admission::default(),
            (Some(user), Caller::Anybody) => of_user(&user).map_err(denied)?,
            (Some(_), _) => {
                let text = "with logins the token says who you are; leave user out of the query";
                return Err(denied(text.to_owned()));
            }
            (None, Caller::Anonymous) => {
                if is_in_query(&handshake.request.uri, "token") {
                    return Err(Denied::new(StatusCode::UNAUTHORIZED, TOKEN_IN_QUERY));
                }
                let Some(place) = self.places.take() else {
                    let denied = Denied::new(StatusCode::SERVICE_UNAVAILABLE, NO_PLACE);
                    return Err(denied.retry_after(Duration::from_secs(1)));
                };
                Admission::awaiting_login(LOGIN_TIME).data(place)
            }
            (None, caller) => {
                // A token is still good for a moment behind its end, for clocks that differ. Its
                // connection would be closed at once, and its client would come back at once.
                if caller.identity().is_some_and(|identity| identity.expires_at() <= clock::now()) {
                    return Err(Denied::new(StatusCode::UNAUTHORIZED, EXPIRED));
                }
                of_login(caller).map_err(denied)?
            }
        };
        // Most servers without logins count nothing, and then nothing is kept.
        if matches!(caller, Caller::Anybody) && !self.counts {
            return Ok(admission);
        }
        Ok(admission.data(Client::new(caller.clone(), address)))
    }

    fn can_bind(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        permission::may_bind(connection, message.channel)
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        permission::may_write(connection, message.channel)
    }
}

/// Returns the admission of a caller who has logged in, or why there can be none.
pub(super) fn of_login(caller: &Caller) -> Result<Admission, String> {
    let (identity, admission) = match caller {
        Caller::User(identity) => (identity, of_user(identity.user())?),
        Caller::Service(identity) => (identity, Admission::default()),
        Caller::Anybody | Caller::Anonymous => return Err("nobody has logged in".to_owned()),
    };
    let admission = admission.rights(Arc::clone(identity.rights())).expires_at(identity.expires_at());
    Ok(admission.data(identity.clone()))
}

/// Returns the admission of a user, or what is wrong with the name.
fn of_user(user: &str) -> Result<Admission, String> {
    // A name must do for both, or the user would be present and have no inbox.
    Id::new(user).map_err(|error| format!("user: {error}"))?;
    MemberId::new(user).map_err(|error| format!("user: {error}"))?;
    Ok(Admission::user(user).bound_to(channel::inbox(user)).bound_to(channel::read(user)))
}

/// Returns who asks, and from where, as the door has written it into the request.
fn from_door<'a>(handshake: &Handshake<'a>) -> Result<(&'a Caller, IpAddr), Denied> {
    let extensions = &handshake.request.extensions;
    match (extensions.get::<Caller>(), extensions.get::<ClientAddress>()) {
        (Some(caller), Some(ClientAddress(address))) => Ok((caller, *address)),
        _ => {
            // Nobody is let in by a way around the door.
            tracing::error!("a handshake has not passed the door of the server, so it is refused with 500");
            Err(Denied::new(StatusCode::INTERNAL_SERVER_ERROR, "internal error"))
        }
    }
}

/// Tells whether a query has a parameter of this name.
fn is_in_query(uri: &Uri, name: &str) -> bool {
    let query = uri.query().unwrap_or_default();
    query.split('&').any(|pair| pair.split('=').next() == Some(name))
}

/// Returns the user that a query names.
fn named_user(uri: &Uri) -> Result<Option<String>, String> {
    let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| "the query cannot be read; write it like ?user=bob".to_owned())?;
    let mut users = query.into_iter().filter(|(name, _)| name == "user").map(|(_, value)| value);
    let user = users.next();
    if users.next().is_some() {
        return Err("there is more than one user in the query; give one".to_owned());
    }
    Ok(user)
}

fn denied(why: String) -> Denied {
    Denied::new(StatusCode::BAD_REQUEST, why)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tidings::identity::Identity;

    use super::*;

    fn identity(user: &str) -> Identity {
        Identity::new(user, SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000)).unwrap()
    }

    #[test]
    fn a_user_has_an_inbox_and_a_service_is_nobody_who_is_online() {
        let user = of_login(&Caller::User(identity("bob"))).unwrap();
        let bound = vec!["$inbox:bob".to_owned(), "$read:bob".to_owned()];
        assert_eq!((user.user.as_deref(), user.channels), (Some("bob"), bound));
        let service = of_login(&Caller::Service(identity("shop"))).unwrap();
        assert_eq!((service.user, service.channels), (None, Vec::new()));
        assert!(of_login(&Caller::Anonymous).is_err() && of_login(&Caller::Anybody).is_err());
    }

    #[test]
    fn a_query_names_one_user_at_most() {
        let named = |query: &str| named_user(&format!("/ws{query}").parse().unwrap());
        assert_eq!(named(""), Ok(None));
        assert_eq!(named("?ticket=7"), Ok(None));
        assert_eq!(named("?user=bob&a=b"), Ok(Some("bob".to_owned())));
        assert!(named("?user=bob&user=eve").is_err());
    }

    #[test]
    fn a_name_that_cannot_be_present_is_refused() {
        assert!(of_user("").is_err() && of_user("a\nb").is_err() && of_user("bob").is_ok());
    }
}
