//! Who gets through the doors of both ports: by token, ticket, cookie, and by what a proxy says.

use std::fs;
use std::fs::File;

use identity::{Scope, Signer};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use tests::Tidings;
use tidings::timeline::grpc::TimelineClient;
use tidings::timeline::proto::v1::SendMessageRequest;
use tonic::transport::Channel;
use tonic::{Code, Request};

use crate::handshake;
use crate::issuer::{Issuer, new_token};

const LONG: u64 = 3_600;
const PAGE: &str = "https://chat.example.org";

fn ask(server: &Tidings, method: Method, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    let request = Client::new().request(method, server.url(path));
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}

/// The status of a GET.
async fn status(server: &Tidings, path: &str, headers: &[(&str, &str)]) -> u16 {
    ask(server, Method::GET, path, headers).send().await.unwrap().status().as_u16()
}

async fn status_as(server: &Tidings, path: &str, token: &str) -> u16 {
    status(server, path, &[("authorization", &format!("Bearer {token}"))]).await
}

async fn channel(server: &Tidings) -> Channel {
    Channel::from_shared(format!("http://{}", server.grpc())).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn a_route_is_open_to_nobody_to_users_or_to_services() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let bob = issuer.token("bob", LONG);
    let admin = issuer.sign(&new_token("ops", LONG).scopes([Scope::Admin].into_iter().collect()));
    for (path, anonymous, user, service) in [
        ("/", 200, 200, 200),
        ("/assets/app.js", 200, 200, 200),
        ("/healthz", 200, 200, 200),
        ("/readyz", 200, 200, 200),
        ("/login", 200, 200, 200),
        ("/presence?id=a", 401, 200, 403),
        ("/presence/a", 401, 200, 403),
        ("/rooms/hello", 401, 200, 403),
        ("/timeline/sync?member=bob", 401, 200, 403),
        ("/timeline/sync?member=alice", 401, 403, 403),
        ("/metrics", 401, 403, 200),
        ("/export", 401, 403, 403),
        ("/nothing/here", 404, 404, 404),
        ("/timeline/nothing", 404, 404, 404),
    ] {
        assert_eq!(status(&server, path, &[]).await, anonymous, "{path} as nobody");
        assert_eq!(status_as(&server, path, &bob).await, user, "{path} as a user");
        assert_eq!(status_as(&server, path, &admin).await, service, "{path} as a service");
    }
    let refused = ask(&server, Method::GET, "/presence?id=a", &[]).send().await.unwrap();
    assert_eq!(refused.headers()["www-authenticate"], "Bearer");
    assert_eq!(refused.headers()["cache-control"], "no-store");
    assert_eq!(refused.json::<Value>().await.unwrap()["reason"], "UNAUTHENTICATED");

    assert_eq!(status_as(&server, "/metrics", "bad").await, 401);
    let bearer = format!("Bearer {admin}");
    let figures = ask(&server, Method::GET, "/metrics", &[("authorization", &bearer)]).send().await.unwrap();
    let figures = figures.text().await.unwrap();
    assert!(figures.contains("tidings_refused_tokens_total{reason=\"malformed\"} 1\n"), "{figures}");
}

#[tokio::test]
async fn a_server_whose_issuer_is_away_starts_and_is_not_ready() {
    // Nobody listens at this port.
    let server = Tidings::start_with(&["--token-jwks=http://127.0.0.1:1/hidden", "--token-audience=chat"]);
    assert_eq!(status(&server, "/healthz", &[]).await, 200);
    let ready = ask(&server, Method::GET, "/readyz", &[]).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    let report: Value = ready.json().await.unwrap();
    let parts = report["parts"].as_array().unwrap();
    let keys = parts.iter().find(|part| part["name"] == "keys").unwrap();
    assert!(keys["state"] == "down" && !report.to_string().contains("hidden"), "{report}");
    let bearer = format!("Bearer {}", Issuer::new().token("bob", LONG));
    let bob = [("authorization", bearer.as_str())];
    let refused = ask(&server, Method::GET, "/presence?id=a", &bob).send().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_ticket_opens_one_connection() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let bearer = format!("Bearer {}", issuer.token("bob", LONG));
    let asked = ask(&server, Method::POST, "/ticket", &[("authorization", &bearer)]).send().await.unwrap();
    let ticket: Value = asked.json().await.unwrap();
    assert_eq!((&ticket["user"], &ticket["expiresInMs"]), (&json!("bob"), &json!(30_000)));
    let query = format!("?ticket={}", ticket["ticket"].as_str().unwrap());
    assert_eq!(handshake::status(&server, &query, &[]).await, 101);
    assert_eq!(handshake::status(&server, &query, &[]).await, 401);
    assert_eq!(handshake::status(&server, &format!("?token={}", issuer.token("bob", LONG)), &[]).await, 401);
    assert_eq!(handshake::status(&server, "?user=bob", &[]).await, 400);
    assert_eq!(handshake::status(&server, "", &[]).await, 101);
}

#[tokio::test]
async fn a_cookie_counts_for_our_pages_and_those_that_were_named() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--token-cookie=session", "--allow-origin=https://chat.example.org"]);
    let cookie = format!("a=b; session={}", issuer.token("bob", LONG));
    let own = format!("http://{}", server.http());
    let sync = "/timeline/sync";
    for (line, expected) in [
        (("accept", "*/*"), 401),
        (("origin", &*own), 200),
        (("origin", PAGE), 200),
        (("sec-fetch-site", "same-origin"), 200),
        (("sec-fetch-site", "cross-site"), 401),
        (("sec-fetch-site", "none"), 401),
        (("origin", "https://evil.example"), 403),
    ] {
        assert_eq!(status(&server, sync, &[("cookie", &cookie), line]).await, expected, "{line:?}");
    }
    for (method, path) in [(Method::GET, sync), (Method::OPTIONS, sync)] {
        let request =
            ask(&server, method, path, &[("origin", PAGE), ("access-control-request-method", "GET")]);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.headers()["access-control-allow-credentials"], "true");
        assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
    }
}

#[tokio::test]
async fn a_proxy_names_users_only_if_it_is_trusted() {
    let named = [("x-user", "bob")];
    let trusted = Tidings::start_with(&["--user-header=x-user", "--trusted-proxies=127.0.0.1"]);
    assert_eq!(status(&trusted, "/timeline/sync", &named).await, 200);
    assert_eq!(status(&trusted, "/timeline/sync?member=alice", &named).await, 403);
    assert_eq!(status(&trusted, "/timeline/sync", &[]).await, 401);
    let twice = [("x-user", "bob"), ("x-user", "alice")];
    assert_eq!(status(&trusted, "/timeline/sync", &twice).await, 401);
    let who = ask(&trusted, Method::GET, "/login", &named).send().await.unwrap();
    assert_eq!(
        who.json::<Value>().await.unwrap(),
        json!({ "logins": "token", "user": "bob", "loginUrl": null })
    );

    // What a browser asks for a page of others is not the user's, also where programs call alone.
    let foreign = [("x-user", "bob"), ("sec-fetch-site", "cross-site")];
    assert_eq!(status(&trusted, "/timeline/sync", &foreign).await, 401);
    for (origin, code) in [(None, Code::Ok), (Some("https://evil.example"), Code::Unauthenticated)] {
        let (to, message) = ("alice".to_owned(), "{}".to_owned());
        let mut request = Request::new(SendMessageRequest { to, message, ..Default::default() });
        request.metadata_mut().insert("x-user", "bob".parse().unwrap());
        if let Some(origin) = origin {
            request.metadata_mut().insert("origin", origin.parse().unwrap());
        }
        let sent = TimelineClient::new(channel(&trusted).await).send(request).await;
        assert_eq!(sent.map_or_else(|status| status.code(), |_| Code::Ok), code, "{origin:?}");
    }

    let stranger = Tidings::start_with(&["--user-header=x-user", "--trusted-proxies=192.0.2.1"]);
    assert_eq!(status(&stranger, "/timeline/sync", &named).await, 401);
}

#[tokio::test]
async fn who_connects_too_often_is_told_by_the_address_behind_the_proxy() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--trusted-proxies=127.0.0.1", "--limit-connects=0/0/1"]);
    let login = async |client: &str| {
        let body = json!({ "ticket": "x" });
        let request = ask(&server, Method::POST, "/login", &[("x-forwarded-for", client)]).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.headers().contains_key("retry-after"))
    };
    // Ten at once, and one each second: more than that takes longer than any machine does.
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(login("198.51.100.1").await == (429, true));
    }
    assert!(refused > 0);
    assert_eq!(login("198.51.100.2").await, (401, false));
}

#[tokio::test]
async fn a_name_that_was_given_is_answered_and_another_is_not() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--allow-host=chat.example.org"]);
    for (host, expected) in [
        ("chat.example.org", 200),
        ("CHAT.example.org:8443", 200),
        ("localhost", 200),
        ("evil.example", 403),
        ("chat.example.org.evil.example", 403),
    ] {
        assert_eq!(status(&server, "/healthz", &[("host", host)]).await, expected, "{host}");
    }
}

#[tokio::test]
async fn a_call_over_grpc_is_one_of_who_makes_it() {
    let issuer = Issuer::new();
    let server = issuer.start(&[]);
    let mut client = TimelineClient::new(channel(&server).await);
    let mut send = async |from: &str, token: Option<&str>| {
        let (from, to, message) = (from.to_owned(), "alice".to_owned(), "{}".to_owned());
        let mut request = Request::new(SendMessageRequest { from, to, message, ..Default::default() });
        if let Some(token) = token {
            let bearer = format!("Bearer {token}").parse().unwrap();
            request.metadata_mut().insert("authorization", bearer);
        }
        client.send(request).await.map_or_else(|status| status.code(), |_| Code::Ok)
    };
    let bob = issuer.token("bob", LONG);
    assert_eq!(send("bob", None).await, Code::Unauthenticated);
    assert_eq!(send("bob", Some("bad")).await, Code::Unauthenticated);
    assert_eq!(send("alice", Some(&bob)).await, Code::PermissionDenied);
    assert_eq!(send("bob", Some(&bob)).await, Code::Ok);
    let service = issuer.sign(&new_token("shop", LONG).scopes([Scope::Timelines].into_iter().collect()));
    assert_eq!(send("carol", Some(&service)).await, Code::Ok);
}

#[tokio::test]
async fn no_line_of_the_log_has_a_token_a_ticket_or_a_query() {
    let directory = tempfile::tempdir().unwrap();
    let (key, log) = (directory.path().join("secret.key"), directory.path().join("log"));
    let secret = b"a secret of the test of the log alone";
    fs::write(&key, secret).unwrap();
    let keys = format!("--token-keys={}", key.display());
    let mut server = Tidings::start_into(File::create(&log).unwrap(), &[&keys, "--log=trace"]);
    let token = Signer::from_secret(secret, None).unwrap().sign(&new_token("bob", LONG)).unwrap();

    assert_eq!(status_as(&server, "/presence?id=of-a-query", &token).await, 200);
    assert_eq!(status_as(&server, "/presence?id=of-a-query", "of-a-token").await, 401);
    assert_eq!(handshake::status(&server, "?ticket=of-a-ticket", &[]).await, 401);
    assert_eq!(
        handshake::status(&server, "?token=of-a-token&ticket=of-a-ticket&ticket=of-a-ticket", &[]).await,
        401
    );
    let body = json!({ "ticket": "of-a-ticket" });
    let login = ask(&server, Method::POST, "/login", &[]).json(&body).send().await.unwrap();
    assert_eq!(login.status(), 401);
    let mut client = TimelineClient::new(channel(&server).await);
    let mut request = Request::new(SendMessageRequest::default());
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    assert!(client.send(request).await.is_err());

    // A stop writes what is left of the log.
    server.signal("TERM");
    server.wait();
    let log = fs::read_to_string(&log).unwrap();
    assert!(log.contains("/presence"), "requests are logged at all");
    for hidden in ["of-a-query", "of-a-token", "of-a-ticket", &token] {
        assert!(!log.contains(hidden), "the log has {hidden}");
    }
}
