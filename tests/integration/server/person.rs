//! `/presence/{id}`: one id, and when it was last seen.

use serde_json::{Value, json};
use tests::Tidings;

use super::listener::{Listener, User};

async fn ask(server: &Tidings, path: &str) -> (u16, Value) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

#[tokio::test]
async fn an_id_is_never_seen_then_online_then_last_seen_when_it_left() {
    let server = Tidings::start_with(&["--presence-grace=300ms"]);
    let mut listener = Listener::open(&server, "", None).await;
    listener.snapshot().await;
    assert_eq!(
        ask(&server, "/presence/alice").await,
        (200, json!({ "id": "alice", "status": "OFFLINE", "lastSeen": null }))
    );
    let user = User::connect(&server, "alice").await;
    let came = listener.next().await.unwrap().data["at"].as_u64().unwrap();
    let (_, online) = ask(&server, "/presence/alice").await;
    assert_eq!(online["status"], "ONLINE");
    let seen = online["lastSeen"].as_u64().unwrap();
    // Clocks that are read apart may be rounded apart.
    assert!(seen + 5 >= came, "{online}, who came at {came}");
    drop(user);
    let gone = listener.next().await.unwrap().data["at"].as_u64().unwrap();
    let (_, offline) = ask(&server, "/presence/alice").await;
    assert_eq!(offline["status"], "OFFLINE");
    let left = offline["lastSeen"].as_u64().unwrap();
    // Before the grace time, in which nothing was seen of her.
    assert!((seen - 5..gone - 200).contains(&left), "{offline}, who was gone at {gone}");
    assert_eq!(ask(&server, "/presence/alice").await.1, offline);
}

#[tokio::test]
async fn ids_are_decoded_and_checked() {
    let server = Tidings::start();
    for (path, id) in [
        ("/presence/a%2Fb%20%3F", "a/b ?"),
        ("/presence/%E5%90%8D", "名"),
        // Taken by the stream of events, unless it is spelt otherwise.
        ("/presence/%65vents", "events"),
    ] {
        assert_eq!(
            ask(&server, path).await,
            (200, json!({ "id": id, "status": "OFFLINE", "lastSeen": null }))
        );
    }
    let long = format!("/presence/{}", "x".repeat(513));
    for path in ["/presence/a%0Ab", "/presence/%FF", &long] {
        let (status, body) = ask(&server, path).await;
        assert_eq!((status, &body["reason"]), (400, &json!("INVALID_ID")), "{path}");
    }
    assert_eq!(ask(&server, "/presence/").await.0, 404);
    let posted = reqwest::Client::new().post(server.url("/presence/alice")).send().await.unwrap();
    assert_eq!(posted.status(), 405);
}
