//! Who calls the timelines: what the door found out, in their words.

use axum::http::{Extensions, HeaderMap};
use futures_util::future::pending;
use tidings::identity::Scope;
use tidings::timeline::{self, CallEnd, CallRefused, Callers, MemberId};
use tokio_util::sync::CancellationToken;

use super::caller::{Caller, ClientAddress};
use super::{Access, peer};
use crate::http::{LoginEnd, login_end};

/// Tells the timelines who makes a call.
///
/// A call that has not come through the door is nobody's, and refused. Watches end with the login
/// of their caller, and when the server stops.
#[derive(Clone)]
pub(crate) struct TimelineCallers {
    access: Access,
    stop: CancellationToken,
}

impl TimelineCallers {
    pub(crate) fn new(access: &Access, stop: &CancellationToken) -> Self {
        Self { access: access.clone(), stop: stop.clone() }
    }
}

impl Callers for TimelineCallers {
    fn caller(&self, extensions: &Extensions, _: &HeaderMap) -> Result<timeline::Caller, CallRefused> {
        match extensions.get::<Caller>() {
            Some(Caller::Anybody) => Ok(timeline::Caller::Anybody),
            Some(Caller::User(identity)) => match MemberId::new(identity.user()) {
                Ok(member) => Ok(timeline::Caller::Member(member)),
                Err(error) => Err(CallRefused::forbidden(format!("you cannot have an inbox: {error}"))),
            },
            Some(caller @ Caller::Service(_)) if caller.has(Scope::Timelines) => {
                Ok(timeline::Caller::Service)
            }
            Some(Caller::Service(_)) => {
                Err(CallRefused::forbidden("this needs a token with the scope timelines"))
            }
            Some(Caller::Anonymous) | None => Err(CallRefused::unauthenticated("log in first")),
        }
    }

    fn count_batch(&self, extensions: &Extensions, more: usize) -> Result<(), CallRefused> {
        let caller = extensions.get::<Caller>().unwrap_or(&Caller::Anonymous);
        let address = extensions.get::<ClientAddress>().map_or_else(|| peer(extensions), |client| client.0);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        self.access.count_batch(more, caller, address).map_err(|refused| {
            let text = refused.text.into_owned();
            CallRefused::too_many(text, refused.retry_after.unwrap_or_default())
        })
    }

    fn ended(&self, extensions: &Extensions) -> CallEnd {
        let identity = extensions.get::<Caller>().and_then(Caller::identity).cloned();
        let (revocations, stop) = (self.access.revocations().clone(), self.stop.clone());
        Box::pin(async move {
            let of_login = async {
                match identity {
                    Some(identity) => login_end(identity, revocations).await,
                    None => pending().await,
                }
            };
            tokio::select! {
                end = of_login => CallRefused::unauthenticated(match end {
                    LoginEnd::Expired => "your login has expired; log in, and go on from your last entry",
                    LoginEnd::Revoked => "your login was revoked; log in, and go on from your last entry",
                }),
                () = stop.cancelled() => CallRefused::unavailable(
                    "the server is stopping; come back, and go on from your last entry",
                ),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::{Duration, SystemTime};

    use tidings::identity::Identity;
    use tidings::timeline::CallRefusedKind;

    use super::*;
    use crate::access::scene::Scene;
    use crate::clock;
    use crate::config::{Config, Rates};
    use crate::rates::RateKind;

    fn known(caller: Caller) -> Extensions {
        let mut extensions = Extensions::new();
        extensions.insert(caller);
        extensions
    }

    async fn callers(change: impl FnOnce(&mut Config)) -> (TimelineCallers, Scene) {
        let scene = Scene::new(change).await;
        (TimelineCallers::new(&scene.access, &CancellationToken::new()), scene)
    }

    #[tokio::test]
    async fn each_caller_is_somebody_to_the_timelines_and_who_is_unknown_is_refused() {
        let (callers, _scene) = callers(|_| ()).await;
        let asked = |caller: Option<Caller>| {
            let extensions = caller.map(known).unwrap_or_default();
            callers.caller(&extensions, &HeaderMap::new()).ok()
        };
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
        let bob = || Identity::new("bob", end).unwrap();
        let service = |scope| Caller::from(bob().with_scopes([scope].into_iter().collect()));
        let member = MemberId::new("bob").unwrap();
        assert_eq!(asked(Some(Caller::Anybody)), Some(timeline::Caller::Anybody));
        assert_eq!(asked(Some(Caller::from(bob()))), Some(timeline::Caller::Member(member)));
        assert_eq!(asked(Some(service(Scope::Timelines))), Some(timeline::Caller::Service));
        assert_eq!(asked(Some(service(Scope::Admin))), None);
        assert_eq!(asked(Some(Caller::Anonymous)), None);
        assert_eq!(asked(None), None);
        let long = Identity::new(&"x".repeat(512), end).unwrap();
        let fits = MemberId::new("x".repeat(512)).is_ok();
        assert_eq!(asked(Some(Caller::from(long))).is_some(), fits);
    }

    fn bob() -> Caller {
        Caller::from(Identity::new("bob", clock::now() + Duration::from_secs(3_600)).unwrap())
    }

    #[tokio::test]
    async fn a_watch_ends_with_the_login_of_its_caller_and_with_the_server() {
        let (callers, scene) = callers(|_| ()).await;
        let (of_bob, of_anybody) = (callers.ended(&known(bob())), callers.ended(&known(Caller::Anybody)));
        scene.access.revocations().revoke_user("bob", clock::now()).unwrap();
        assert_eq!(of_bob.await.kind(), CallRefusedKind::Unauthenticated);
        callers.stop.cancel();
        assert_eq!(of_anybody.await.kind(), CallRefusedKind::Unavailable);
    }

    #[tokio::test(start_paused = true)]
    async fn a_batch_counts_as_many_sends_as_it_has_and_one_beyond_the_limit_as_all_that_may_come() {
        let slow = |config: &mut Config| config.limits.sends = Rates { user: 1, ..Rates::default() };
        let (callers, scene) = callers(slow).await;
        let (bob, address) = (bob(), IpAddr::from(Ipv4Addr::LOCALHOST));
        let batch = |more: usize| {
            let door = scene.access.count(RateKind::Sends, &bob, address);
            door.is_ok() && callers.count_batch(&known(bob.clone()), more).is_ok()
        };
        assert!(batch(4) && batch(4) && !batch(4));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(batch(1_000) && !batch(1_000));
    }
}
