//! A router with a door, and who gets through.

use axum::body::Body;
use axum::routing::get;
use axum::{Extension, Router, middleware};
use tidings::identity::Scope;
use tower::ServiceExt as _;

use super::*;
use crate::access::scene::{self, Scene};
use crate::config::{Config, Rates};

/// Some routes, each of which says who it thinks asks.
fn router(access: &Access) -> Router {
    let who = || get(async |Extension(caller): Extension<Caller>| format!("{:?}", caller.user()));
    let here =
        || get(async |Extension(ClientAddress(address)): Extension<ClientAddress>| address.to_string());
    Router::new()
        .route("/ws", who())
        .route("/healthz", who())
        .route("/presence", who())
        .route("/presence/{id}", here())
        .route("/metrics", who())
        .route("/timeline/sync", who())
        .route("/undecided", who())
        .fallback(answer::not_found)
        .layer(middleware::from_fn_with_state(access.clone(), door))
}

async fn ask(access: &Access, request: &str, token: Option<&str>) -> Response {
    let (method, path) = request.split_once(' ').unwrap_or(("GET", request));
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    router(access).oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

#[tokio::test]
async fn each_route_takes_whom_its_row_lets_in() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let user = Scene::token("bob", &[]);
    let timelines = Scene::token("shop", &[Scope::Timelines]);
    let admin = Scene::token("ops", &[Scope::Admin]);
    let tokens = [None, Some("bad"), Some(&*user), Some(&*timelines), Some(&*admin)];
    for (request, statuses) in [
        ("/healthz", [200, 200, 200, 200, 200]),
        ("/ws", [200, 401, 200, 200, 200]),
        ("/presence", [401, 401, 200, 403, 403]),
        ("HEAD /presence", [401, 401, 200, 403, 403]),
        ("/presence/alice", [401, 401, 200, 403, 403]),
        ("/timeline/sync", [401, 401, 200, 200, 403]),
        ("/metrics", [401, 401, 403, 403, 200]),
        ("/undecided", [403; 5]),
        ("POST /undecided", [403; 5]),
        ("POST /presence", [405; 5]),
        ("/nothing/here", [404; 5]),
    ] {
        for (token, status) in tokens.iter().zip(statuses) {
            let answer = ask(&access, request, *token).await;
            assert_eq!(answer.status(), status, "{request} with {token:?}");
            assert_eq!(answer.headers().contains_key(header::WWW_AUTHENTICATE), status == 401);
            if status == 405 {
                assert_eq!(answer.headers()[header::ALLOW], "GET,HEAD");
            }
        }
    }
}

#[tokio::test]
async fn without_logins_everything_is_as_it_was() {
    let access = scene::access(&Config::defaults()).await;
    for (request, status) in [
        ("/presence", 200),
        ("/metrics", 200),
        ("/undecided", 200),
        ("POST /presence", 405),
        ("/nothing/here", 404),
    ] {
        let answer = ask(&access, request, Some("bad")).await;
        assert_eq!(answer.status(), status, "{request}");
        assert!(!answer.headers().contains_key(header::CACHE_CONTROL), "{request}");
    }
}

#[tokio::test]
async fn what_depends_on_who_asks_is_in_no_cache() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let token = Scene::token("bob", &[]);
    for (token, request) in [(Some(&*token), "/presence"), (None, "/presence"), (Some("bad"), "/ws")] {
        let answer = ask(&access, request, token).await;
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store", "{request}");
        assert_eq!(answer.headers()[header::VARY], "authorization, cookie", "{request}");
    }
    assert!(!ask(&access, "/healthz", None).await.headers().contains_key(header::CACHE_CONTROL));
}

#[tokio::test(start_paused = true)]
async fn who_connects_too_often_is_told_when_to_come_back() {
    let slow = |config: &mut Config| config.limits.connects = Rates { address: 1, ..Rates::default() };
    let Scene { access, .. } = Scene::new(slow).await;
    for _ in 0..10 {
        assert_eq!(ask(&access, "/ws", None).await.status(), 200);
    }
    let refused = ask(&access, "/ws", None).await;
    assert_eq!(
        (refused.status().as_u16(), refused.headers()[header::RETRY_AFTER].to_str().unwrap()),
        (429, "1")
    );
    assert_eq!(ask(&access, "/presence", Some("bad")).await.status(), 429);
    assert_eq!(ask(&access, "/presence", Some(&Scene::token("bob", &[]))).await.status(), 200);
}
