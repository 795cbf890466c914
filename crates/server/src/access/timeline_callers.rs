//! Who calls the timelines: what the door found out, in their words.

use axum::http::{Extensions, HeaderMap};
use tidings::identity::Scope;
use tidings::timeline::{self, CallRefused, Callers, MemberId};

use super::caller::Caller;

/// Tells the timelines who makes a call.
///
/// A call that has not come through the door is nobody's, and refused.
#[derive(Debug)]
pub(crate) struct TimelineCallers;

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
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tidings::identity::Identity;

    use super::*;

    fn asked(caller: Option<Caller>) -> Option<timeline::Caller> {
        let mut extensions = Extensions::new();
        if let Some(caller) = caller {
            extensions.insert(caller);
        }
        TimelineCallers.caller(&extensions, &HeaderMap::new()).ok()
    }

    #[test]
    fn each_caller_is_somebody_to_the_timelines_and_who_is_unknown_is_refused() {
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
}
