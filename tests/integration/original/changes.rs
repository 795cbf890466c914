//! What newer clients do to messages, as the original's clients see it.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::Tidings;

use super::client::{Client, entries};
use super::scenario::{GROUP, TO_A, TO_B, TO_GROUP, play};

const EDITED: &str = r#"{"text":"hello again"}"#;

/// Makes a call that the original does not have.
async fn call(server: &Tidings, path: &str, body: &Value) -> Value {
    let answer = reqwest::Client::new().post(server.url(path)).json(body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

/// Entries that tell of a change are empty objects to them, and there is one for each sequence, so
/// that their loops end and miss nothing.
#[tokio::test]
async fn entries_of_new_kinds_are_empty_objects_to_a_client_of_the_original() {
    let server = Tidings::start();
    let client = &mut Client::connect(&server).await;
    play(client).await;
    let [first, _, third] = TO_GROUP;
    // One that has read everything so far, and goes on from there later.
    let read = client.sync("b", 0, 0).await.concat();
    assert_eq!(read, entries(1, &[TO_B, TO_A]));

    let edit = json!({ "member": "a", "with": "b", "place": "1", "message": EDITED });
    assert_eq!(call(&server, "/timeline/edit", &edit).await["place"], "3");
    let recall = json!({ "member": "b", "with": "a", "place": "2" });
    assert_eq!(call(&server, "/timeline/recall", &recall).await["place"], "4");
    // A message of nobody, as the original's group sends are: the program changes it for itself.
    let recall = json!({ "group": GROUP, "place": "2" });
    assert_eq!(call(&server, "/timeline/recall", &recall).await["place"], "4");
    let later = r#"{"text":"later"}"#;
    assert_eq!(client.send("a", "b", later).await, 5);

    assert_eq!(client.sync("b", 2, 2).await, [entries(3, &["{}", "{}"]), entries(5, &[later])]);
    for (member, messages) in [
        ("a", &[EDITED, "{}", first, "{}", third, "{}", "{}", "{}", later][..]),
        ("b", &[EDITED, "{}", "{}", "{}", later]),
        ("c", &[first, "{}", third, "{}"]),
        ("d", &[first, "{}", third, "{}"]),
    ] {
        for count in [0, 1, 2] {
            let seen = client.sync(member, 0, count).await.concat();
            assert_eq!(seen, entries(1, messages), "{member}, in pages of {count}");
        }
    }
    for (from, to) in [("a", "b"), ("b", "a")] {
        let expected = entries(1, &[EDITED, "{}", "{}", "{}", later]);
        assert_eq!(client.single_history(from, to).await, expected, "{from}, {to}");
    }
    assert_eq!(client.group_history(GROUP, 0, 10).await, entries(1, &[first, "{}", third, "{}"]));
}

#[tokio::test]
async fn what_is_purged_or_acknowledged_is_missing_at_the_beginning_alone() {
    let server = Tidings::start();
    let client = &mut Client::connect(&server).await;
    play(client).await;
    let [first, second, third] = TO_GROUP;
    let purged = call(&server, "/timeline/purge", &json!({ "member": "a", "with": "b" })).await;
    assert_eq!(purged["place"], "3");
    assert_eq!(client.single_history("b", "a").await, entries(3, &["{}"]));
    assert_eq!(client.sync("b", 0, 1).await.concat(), entries(1, &["{}"; 3]));
    assert_eq!(client.sync("a", 0, 2).await.concat(), entries(1, &["{}", "{}", first, second, third, "{}"]));
    let freed = call(&server, "/timeline/ack", &json!({ "member": "d", "sequence": "2" })).await;
    assert_eq!(freed["floor"], "2");
    assert_eq!(client.sync("d", 0, 1).await, [entries(3, &[third])]);
    call(&server, "/timeline/ack", &json!({ "member": "d", "sequence": "3" })).await;
    assert!(client.sync("d", 0, 1).await.is_empty());
    // It goes on where it was.
    let next = r#"{"text":"next"}"#;
    assert_eq!(client.send("a", "d", next).await, 4);
    assert_eq!(client.sync("d", 0, 0).await, [entries(4, &[next])]);
    assert_eq!(client.group_history(GROUP, 0, 10).await, entries(1, &TO_GROUP));
}
