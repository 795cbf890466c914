//! When the login of a caller ends, for answers that outlive it.

use std::time::Duration;

use tidings::identity::{Identity, Revocations};
use tokio::time::sleep;

use crate::clock;

/// How long the clock is trusted at a time: it may be set, and it goes on while a machine sleeps.
const LOOK: Duration = Duration::from_secs(60);

/// Why a login has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoginEnd {
    Expired,
    Revoked,
}

impl LoginEnd {
    /// Returns the word that a client hears.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// Waits until a login ends.
pub(crate) async fn login_end(identity: Identity, revocations: Revocations) -> LoginEnd {
    // The order matters: whatever is revoked from here on wakes, and the first look finds what was
    // revoked since the caller was let in.
    let mut changes = revocations.changes();
    loop {
        let now = clock::now();
        if revocations.is_revoked(&identity, now) {
            return LoginEnd::Revoked;
        }
        let left = identity.expires_at().duration_since(now).unwrap_or_default();
        if left.is_zero() {
            return LoginEnd::Expired;
        }
        tokio::select! {
            () = sleep(left.min(LOOK)) => {}
            // It is kept open by the list, which is in our hands.
            Ok(()) = changes.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;
    use crate::revocation;

    #[tokio::test]
    async fn a_login_that_is_over_has_ended_already() {
        let over = Identity::new("bob", clock::now() - Duration::from_secs(2)).unwrap();
        assert_eq!(login_end(over, revocation::list().unwrap()).await, LoginEnd::Expired);
    }

    #[tokio::test]
    async fn a_login_that_was_revoked_before_anybody_waited_has_ended_already() {
        let revocations = revocation::list().unwrap();
        let bob = Identity::new("bob", clock::now() + Duration::from_secs(3_600)).unwrap();
        revocations.revoke_user("bob", clock::now()).unwrap();
        assert_eq!(login_end(bob, revocations).await, LoginEnd::Revoked);
    }

    #[tokio::test(start_paused = true)]
    async fn a_revocation_of_another_user_ends_nothing() {
        let revocations = revocation::list().unwrap();
        let bob = Identity::new("bob", clock::now() + Duration::from_secs(360_000)).unwrap();
        let end = login_end(bob, revocations.clone());
        revocations.revoke_user("eve", clock::now()).unwrap();
        assert!(timeout(Duration::from_secs(600), end).await.is_err());
    }
}
