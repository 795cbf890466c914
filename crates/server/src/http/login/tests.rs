//! A page and its program log somebody in, through the door and both routes.

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, Request};
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post};
use http_body_util::BodyExt as _;
use tidings::identity::Scope;
use tower::ServiceExt as _;

use super::*;
use crate::access::door;
use crate::access::scene::{self, Scene};
use crate::config::Config;
use crate::http::ticket::ticket;

#[derive(Clone)]
struct Site {
    access: Access,
    login_url: LoginUrl,
}

impl FromRef<Site> for Access {
    fn from_ref(site: &Site) -> Self {
        site.access.clone()
    }
}

impl FromRef<Site> for LoginUrl {
    fn from_ref(site: &Site) -> Self {
        site.login_url.clone()
    }
}

/// Asks as somebody, with a body of JSON or none.
async fn ask(access: &Access, request: &str, token: Option<&str>, body: &Value) -> (StatusCode, Value) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let lines: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    ask_with(access, request, &lines, body).await
}

/// Asks with some lines in the head.
async fn ask_with(
    access: &Access,
    request: &str,
    lines: &[(&str, &str)],
    body: &Value,
) -> (StatusCode, Value) {
    let site =
        Site { access: access.clone(), login_url: LoginUrl(Some("https://example.org/login".to_owned())) };
    let router = Router::new()
        .route("/login", get(logins).post(redeem))
        .route("/ticket", post(ticket))
        .with_state(site)
        .layer(middleware::from_fn_with_state(access.clone(), door));
    let (method, path) = request.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in lines {
        request = request.header(*name, *value);
    }
    let body = if body.is_null() {
        Body::empty()
    } else {
        request = request.header("content-type", "application/json");
        Body::from(body.to_string())
    };
    let answer = router.oneshot(request.body(body).unwrap()).await.unwrap();
    let status = answer.status();
    if status.is_success() {
        assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    }
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn a_page_hears_how_to_log_in_and_who_it_is_already() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let user = Scene::token("bob", &[]);
    let service = Scene::token("shop", &[Scope::Api]);
    for (token, user) in [
        (None, Value::Null),
        (Some("bad"), Value::Null),
        (Some(&*user), json!("bob")),
        (Some(&*service), Value::Null),
    ] {
        let (status, answer) = ask(&access, "GET /login", token, &Value::Null).await;
        assert_eq!(status, StatusCode::OK);
        let expected = json!({ "logins": "token", "user": user, "loginUrl": "https://example.org/login" });
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_ticket_is_changed_back_into_its_token_once() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    let token = Scene::token("bob", &[]);
    let (status, issued) = ask(&access, "POST /ticket", Some(&token), &Value::Null).await;
    assert_eq!(
        (status, &issued["user"], &issued["expiresInMs"]),
        (StatusCode::OK, &json!("bob"), &json!(30_000))
    );
    let shown = json!({ "ticket": issued["ticket"] });
    let (status, redeemed) = ask(&access, "POST /login", None, &shown).await;
    assert_eq!(
        (status, &redeemed["token"], &redeemed["user"]),
        (StatusCode::OK, &json!(token), &json!("bob"))
    );
    let expires_at = access.verify(&token).await.unwrap().expires_at();
    assert_eq!(redeemed["expiresAtMs"], json!(clock::unix_ms(expires_at)));
    // A token that has expired is not in the way of who changes a ticket.
    let (status, refused) = ask(&access, "POST /login", Some("bad"), &shown).await;
    assert_eq!((status, &refused["reason"]), (StatusCode::UNAUTHORIZED, &json!("UNAUTHENTICATED")));
}

#[tokio::test]
async fn no_ticket_is_made_for_nobody_or_of_another_ticket() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    assert_eq!(ask(&access, "POST /ticket", None, &Value::Null).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&access, "POST /ticket", Some("bad"), &Value::Null).await.0, StatusCode::UNAUTHORIZED);
    let bob = access.verify(&Scene::token("bob", &[])).await.unwrap();
    let ticket = access.issue_ticket(bob.clone(), None).unwrap();
    let with_ticket = format!("POST /ticket?ticket={}", ticket.as_str());
    assert_eq!(ask(&access, &with_ticket, None, &Value::Null).await.0, StatusCode::UNAUTHORIZED);

    // One of a user whom a proxy named has no token to give back.
    let without = json!({ "ticket": ticket.as_str() });
    let (status, redeemed) = ask(&access, "POST /login", None, &without).await;
    assert_eq!(
        (status, &redeemed["token"], &redeemed["user"]),
        (StatusCode::OK, &Value::Null, &json!("bob"))
    );
}

#[tokio::test]
async fn the_token_of_a_cookie_is_given_to_no_script() {
    let with_cookie = |config: &mut Config| config.logins.cookie = Some("session".to_owned());
    let Scene { access, .. } = Scene::new(with_cookie).await;
    let token = Scene::token("bob", &[]);
    let cookie = format!("session={token}");
    let lines = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let (status, issued) = ask_with(&access, "POST /ticket", &lines, &Value::Null).await;
    assert_eq!((status, &issued["user"]), (StatusCode::OK, &json!("bob")));
    let shown = json!({ "ticket": issued["ticket"] });
    let (status, redeemed) = ask_with(&access, "POST /login", &lines, &shown).await;
    assert_eq!(
        (status, &redeemed["token"], &redeemed["user"]),
        (StatusCode::OK, &Value::Null, &json!("bob"))
    );
    assert!(!redeemed.to_string().contains(&token));
}

#[tokio::test]
async fn a_body_without_a_ticket_is_refused_and_not_repeated() {
    let Scene { access, .. } = Scene::new(|_| ()).await;
    for body in [Value::Null, json!({}), json!({ "ticket": 7 }), json!("secret")] {
        let (status, refused) = ask(&access, "POST /login", None, &body).await;
        assert!(status.is_client_error() && refused["reason"] == "INVALID_BODY", "{refused}");
        assert!(!refused.to_string().contains("secret"));
    }
}

#[tokio::test]
async fn without_logins_there_is_nothing_to_log_in_with() {
    let access = scene::access(&Config::defaults()).await;
    let (status, answer) = ask(&access, "GET /login", Some("bad"), &Value::Null).await;
    assert_eq!((status, &answer["logins"], &answer["user"]), (StatusCode::OK, &json!("none"), &Value::Null));
    for (request, body) in [("POST /ticket", Value::Null), ("POST /login", json!({ "ticket": "x" }))] {
        let (status, refused) = ask(&access, request, None, &body).await;
        assert_eq!((status, &refused["reason"]), (StatusCode::NOT_FOUND, &json!("NO_LOGINS")));
    }
}
