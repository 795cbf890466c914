//! What newer clients do to messages, as the original's clients see it.

use reqwest::StatusCode;
use serde_json::{Value, json};
use tests::Tidings;

use super::client::{Client, entries};
use super::scenario::{GROUP, TO_A, TO_B, TO_GROUP, play};

const EDITED: &str = r#"{"text":"hello again"}"#;

/// Makes a change by a call that the original does not have; returns the place of the entry that
/// tells of it.
async fn change(server: &Tidings, path: &str, body: Value) -> Value {
    let answer = reqwest::Client::new().post(server.url(path)).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json::<Value>().await.unwrap()["place"].take()
}

/// Entries that tell of a change are empty objects to them, and there is one for each sequence, so
/// that their loops end and miss nothing.
#[tokio::test]
async fn entries_of_new_kinds_are_empty_objects_to_a_client_of_the_original() {
    let server = Tidings::start();
    let client = &mut Client::connect(&server).await;
    play(client).await;
    let [first, second, third] = TO_GROUP;
    // One that has read everything so far, and goes on from there later.
    let read = client.sync("b", 0, 0).await.concat();
    assert_eq!(read, entries(1, &[TO_B, TO_A]));

    let edit = json!({ "member": "a", "with": "b", "place": "1", "message": EDITED });
    assert_eq!(change(&server, "/timeline/edit", edit).await, "3");
    let recall = json!({ "member": "b", "with": "a", "place": "2" });
    assert_eq!(change(&server, "/timeline/recall", recall).await, "4");
    // A message of nobody, as the original's group sends are: the program changes it for itself.
    let recall = json!({ "group": GROUP, "place": "2" });
    assert_eq!(change(&server, "/timeline/recall", recall).await, "4");
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
    // The text that was taken back is nowhere.
    assert!(!format!("{:?}", client.group_history(GROUP, 0, 0).await).contains(second));
}
