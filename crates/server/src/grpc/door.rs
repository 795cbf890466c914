//! The door of the gRPC port: each call is one of somebody who may make it.
//!
//! A refusal is an answer of nothing but a status, as a service would give it. Methods of no
//! service are answered to everybody alike.

use std::net::IpAddr;

use axum::extract::{MatchedPath, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use crate::access::policy::{self, Need};
use crate::access::{Access, Caller, ClientAddress, Refused, peer};

/// The middleware: refuses who may not, and tells the services who asks.
pub(super) async fn door(State(access): State<Access>, request: Request, next: Next) -> Response {
    let (mut head, body) = request.into_parts();
    let address = access.client(&head.headers, peer(&head.extensions));
    match decide(&access, &head, address).await {
        Ok(caller) => {
            head.extensions.insert(caller);
            head.extensions.insert(ClientAddress(address));
            next.run(Request::from_parts(head, body)).await
        }
        Err(refused) => refused.to_status().into_http(),
    }
}

/// Finds out who calls, whether they may, and whether they do so too often.
async fn decide(access: &Access, head: &Parts, address: IpAddr) -> Result<Caller, Refused> {
    let path = head.uri.path();
    let caller = match policy::find_method(path) {
        _ if !access.has_logins() => Caller::Anybody,
        None if head.extensions.get::<MatchedPath>().is_some() => {
            return Err(Refused::forbidden("this method is open to nobody"));
        }
        // Credentials that have expired are in nobody's way who asks about health.
        None | Some(Need::Open) => return Ok(Caller::Anonymous),
        Some(need) => {
            let caller = access.caller(head, peer(&head.extensions)).await;
            let caller = caller.map_err(|refused| access.count_refused(refused, address))?;
            need.check(&caller)?;
            caller
        }
    };
    if let Some(kind) = policy::counts(path) {
        access.count(kind, &caller, address)?;
    }
    Ok(caller)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;
    use axum::routing::any;
    use axum::{Extension, Router, middleware};
    use tidings::identity::Scope;
    use tonic::{Code, Status};
    use tower::ServiceExt as _;

    use super::*;
    use crate::access::scene::{self, Scene};
    use crate::config::{Config, Rates};

    /// What a call is answered with, whose service says yes to everybody.
    async fn call(access: &Access, path: &str, token: Option<&str>) -> Code {
        let service = || any(async |Extension(_): Extension<Caller>| Status::ok("").into_http::<Body>());
        let router = Router::new()
            .route("/timeline.v1.Timeline/{*rest}", service())
            .route("/grpc.health.v1.Health/{*rest}", service())
            .route("/grpc.reflection.v1.ServerReflection/{*rest}", service())
            .fallback(async || Status::unimplemented("").into_http::<Body>())
            .layer(middleware::from_fn_with_state(access.clone(), door));
        let mut request = Request::builder().method("POST").uri(path);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "application/grpc");
        Status::from_header_map(answer.headers()).unwrap().code()
    }

    #[tokio::test]
    async fn each_method_takes_whom_its_row_lets_in() {
        let Scene { access, .. } = Scene::new(|_| ()).await;
        let user = Scene::token("bob", &[]);
        let timelines = Scene::token("shop", &[Scope::Timelines]);
        let admin = Scene::token("ops", &[Scope::Admin]);
        let tokens = [None, Some("bad"), Some(&*user), Some(&*timelines), Some(&*admin)];
        let (yes, log_in, no) = (Code::Ok, Code::Unauthenticated, Code::PermissionDenied);
        for (path, codes) in [
            ("/grpc.health.v1.Health/Check", [yes; 5]),
            ("/timeline.v1.Timeline/Send", [log_in, log_in, yes, yes, no]),
            ("/timeline.v1.Timeline/GetSyncMessage", [log_in, log_in, yes, yes, no]),
            ("/timeline.v1.Timeline/Watch", [log_in, log_in, yes, yes, no]),
            ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", [log_in, log_in, no, no, yes]),
            ("/timeline.v1.Timeline/Undecided", [no; 5]),
            ("/timeline.v1.Timeline/%53end", [no; 5]),
            ("/nothing.v1.Here/Call", [Code::Unimplemented; 5]),
        ] {
            for (token, code) in tokens.iter().zip(codes) {
                assert_eq!(call(&access, path, *token).await, code, "{path} with {token:?}");
            }
        }
    }

    #[tokio::test]
    async fn without_logins_everybody_may_call_everything() {
        let access = scene::access(&Config::defaults()).await;
        for path in ["/timeline.v1.Timeline/Send", "/timeline.v1.Timeline/Undecided"] {
            assert_eq!(call(&access, path, Some("bad")).await, Code::Ok);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_too_often_is_told_so_and_may_still_read() {
        let slow = |config: &mut Config| config.limits.sends = Rates { user: 1, ..Rates::default() };
        let Scene { access, .. } = Scene::new(slow).await;
        let bob = Scene::token("bob", &[]);
        for _ in 0..5 {
            assert_eq!(call(&access, "/timeline.v1.Timeline/Send", Some(&bob)).await, Code::Ok);
            assert_eq!(call(&access, "/timeline.v1.Timeline/SendGroup", Some(&bob)).await, Code::Ok);
        }
        let more = call(&access, "/timeline.v1.Timeline/Send", Some(&bob)).await;
        assert_eq!(more, Code::ResourceExhausted);
        assert_eq!(call(&access, "/timeline.v1.Timeline/GetSyncMessage", Some(&bob)).await, Code::Ok);
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_counts_as_a_connection() {
        let slow = |config: &mut Config| config.limits.connects = Rates { user: 1, ..Rates::default() };
        let Scene { access, .. } = Scene::new(slow).await;
        let bob = Scene::token("bob", &[]);
        for _ in 0..10 {
            assert_eq!(call(&access, "/timeline.v1.Timeline/Watch", Some(&bob)).await, Code::Ok);
        }
        let more = call(&access, "/timeline.v1.Timeline/Watch", Some(&bob)).await;
        assert_eq!(more, Code::ResourceExhausted);
        assert_eq!(call(&access, "/timeline.v1.Timeline/Send", Some(&bob)).await, Code::Ok);
    }
}
