//! Who a connection belongs to.
//!
//! Nobody logs in yet: `/ws?user=alice` is alice, and a connection without a name has no user.

use async_trait::async_trait;
use axum::extract::Query;
use http::StatusCode;
use tidings::hub::protocol::MessageRef;
use tidings::hub::{Admission, Auth, Connection, Denied, Handshake};
use tidings::join::channel;
use tidings::presence::Id;
use tidings::timeline::MemberId;

/// Admits a client under the name that it gives.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameAuth;

#[async_trait]
impl Auth for NameAuth {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let denied = |why: String| Denied::new(StatusCode::BAD_REQUEST, why);
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&handshake.request.uri)
            .map_err(|error| denied(format!("the query cannot be read: {error}")))?;
        let mut users = query.into_iter().filter(|(name, _)| name == "user").map(|(_, value)| value);
        let Some(user) = users.next() else { return Ok(Admission::default()) };
        if users.next().is_some() {
            return Err(denied("there is more than one user in the query; give one".to_owned()));
        }
        // A name must do for both, or the user would be present and have no inbox.
        Id::new(&user).map_err(|error| denied(format!("user: {error}")))?;
        MemberId::new(user.as_str()).map_err(|error| denied(format!("user: {error}")))?;
        let inbox = channel::inbox(&user);
        Ok(Admission::user(user).bound_to(inbox))
    }

    fn can_bind(&self, _connection: &Connection, message: MessageRef<'_>) -> bool {
        channel::may_listen(message.channel)
    }

    fn can_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        channel::may_write(message.channel) && connection.is_bound(message.channel)
    }
}
