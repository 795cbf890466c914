//! Pages of other origins, and our address under a foreign name, get nothing.

use reqwest::{StatusCode, header};
use tests::Tidings;

use crate::handshake;

async fn status(server: &Tidings, path: &str, headers: &[(header::HeaderName, &str)]) -> StatusCode {
    let mut request = reqwest::Client::new().get(server.url(path));
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    request.send().await.unwrap().status()
}

async fn upgrade(server: &Tidings, origin: &str) -> u16 {
    handshake::status(server, "?user=alice", &[("origin", origin)]).await
}

#[tokio::test]
async fn other_origins_are_refused_and_our_own_is_not() {
    let server = Tidings::start();
    let own = format!("http://{}", server.http());
    for path in ["/timeline/sync?member=a", "/presence?id=a"] {
        assert_eq!(
            status(&server, path, &[(header::ORIGIN, "http://evil.example")]).await,
            StatusCode::FORBIDDEN
        );
        assert_eq!(status(&server, path, &[(header::ORIGIN, "null")]).await, StatusCode::FORBIDDEN);
        assert_eq!(status(&server, path, &[(header::ORIGIN, &own)]).await, StatusCode::OK);
        assert_eq!(status(&server, path, &[]).await, StatusCode::OK);
    }
    assert_eq!(upgrade(&server, "http://evil.example").await, 403);
    assert_eq!(upgrade(&server, &own).await, 101);
}

#[tokio::test]
async fn foreign_names_for_our_address_are_refused() {
    let server = Tidings::start();
    for host in ["evil.example", "evil.example:8000", "127.0.0.1.evil.example"] {
        assert_eq!(status(&server, "/", &[(header::HOST, host)]).await, StatusCode::FORBIDDEN, "{host}");
    }
    assert_eq!(status(&server, "/", &[(header::HOST, "localhost:8000")]).await, StatusCode::OK);
}

#[tokio::test]
async fn origins_that_were_named_may_call_and_read() {
    let server = Tidings::start_with(&["--allow-origin=https://chat.example.org"]);
    let request = reqwest::Client::new()
        .get(server.url("/timeline/sync?member=a"))
        .header(header::ORIGIN, "https://chat.example.org");
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["access-control-allow-origin"], "https://chat.example.org");
    assert_eq!(upgrade(&server, "https://chat.example.org").await, 101);
    assert_eq!(upgrade(&server, "https://other.example.org").await, 403);
}
