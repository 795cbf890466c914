//! What a `POST` may have as its body: messages that are objects, and forms of programs.

use reqwest::{StatusCode, header};
use serde_json::{Value, json};

use crate::served::{ALLOWED_ORIGIN, Served};

const FORM: &str = "application/x-www-form-urlencoded";

/// Posts a body, with further headers.
async fn post(
    served: &Served,
    path: &str,
    content_type: &str,
    headers: &[(&'static str, &'static str)],
    body: &str,
) -> (StatusCode, Value) {
    let request = served.client.post(served.url(path)).header(header::CONTENT_TYPE, content_type);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.body(body.to_owned()).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

/// The messages in an inbox.
async fn messages(served: &Served, member: &str) -> Vec<String> {
    let url = served.url(&format!("/timeline/sync?member={member}"));
    let inbox: Value = served.client.get(url).send().await.unwrap().json().await.unwrap();
    let entries = inbox["entrySet"].as_array().unwrap().iter();
    entries.map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_message_given_as_an_object_is_stored_as_its_text() {
    let served = Served::start().await;
    let object = r#"{ "b":1e3, "a" : "\u0041<é>" ,"n":12345678901234567890 }"#;
    let sent = |message: &str, id: &str| {
        format!(r#"{{"from":"a","message": {message},"to":"b","messageId":"{id}"}}"#)
    };
    let json = "application/json";
    let (status, first) = post(&served, "/timeline/send", json, &[], &sent(object, "1")).await;
    assert_eq!(status, StatusCode::OK, "{first}");
    // The same as text is the same message.
    let text = serde_json::to_string(object).unwrap();
    let again = post(&served, "/timeline/send", json, &[], &sent(&text, "1")).await;
    assert_eq!(again, (StatusCode::OK, first));
    assert_eq!(messages(&served, "b").await, [object]);

    let group = format!(r#"{{"group_name":"g","group_members":["c"],"message":{object}}}"#);
    assert_eq!(post(&served, "/timeline/sendGroup", json, &[], &group).await.0, StatusCode::OK);
    let batch = format!(r#"{{"sends":[{},{}]}}"#, sent(object, "2"), sent("{}", "3"));
    assert_eq!(post(&served, "/timeline/sendBatch", json, &[], &batch).await.0, StatusCode::OK);
    assert_eq!(messages(&served, "c").await, [object]);
    assert_eq!(messages(&served, "b").await, [object, object, "{}"]);
}

#[tokio::test]
async fn what_is_no_object_is_refused_as_before() {
    let served = Served::start().await;
    for (message, reason) in [
        ("[1]", "CODEC"),
        ("7", "CODEC"),
        ("{\"a\":1e999}", "TIMELINE_INVALID_PARAM"),
        ("\"[1]\"", "TIMELINE_INVALID_PARAM"),
    ] {
        let body = format!(r#"{{"from":"a","to":"b","message":{message}}}"#);
        let (status, told) = post(&served, "/timeline/send", "application/json", &[], &body).await;
        assert_eq!((status, &told["reason"]), (StatusCode::BAD_REQUEST, &json!(reason)), "{message}");
    }
    assert!(messages(&served, "b").await.is_empty());
}

#[tokio::test]
async fn a_form_of_a_program_is_taken() {
    let served = Served::start().await;
    let send = "from=a&to=b&message=%7B%22text%22%3A%22%C3%A9+1%22%7D";
    assert_eq!(post(&served, "/timeline/send", FORM, &[], send).await.0, StatusCode::OK);
    assert_eq!(messages(&served, "b").await, [r#"{"text":"é 1"}"#]);
    // Lists have a parameter for each value.
    let group = "group_name=g&group_members=c&group_members=d&message=%7B%7D";
    assert_eq!(post(&served, "/timeline/sendGroup", FORM, &[], group).await.0, StatusCode::OK);
    assert_eq!((messages(&served, "c").await.len(), messages(&served, "d").await.len()), (1, 1));
    let create = "group=tea&open=true&owner=a&members=b";
    let (_, created) = post(&served, "/timeline/groups", FORM, &[], create).await;
    assert_eq!((&created["open"], &created["members"]), (&json!(true), &json!(2)));
    let floor = (StatusCode::OK, json!({"floor": "1"}));
    assert_eq!(post(&served, "/timeline/ack", FORM, &[], "member=b&sequence=1").await, floor);
}

#[tokio::test]
async fn a_new_text_may_be_an_object_or_the_field_of_a_form() {
    let served = Served::start().await;
    let json = "application/json";
    let send = r#"{"from":"a","to":"b","message":{"n":1}}"#;
    assert_eq!(post(&served, "/timeline/send", json, &[], send).await.0, StatusCode::OK);
    let edit = r#"{"member":"a","with":"b","place":1,"message":{ "n" : 2 }}"#;
    assert_eq!(post(&served, "/timeline/edit", json, &[], edit).await.0, StatusCode::OK);
    assert_eq!(messages(&served, "b").await, [r#"{ "n" : 2 }"#, "{}"]);
    let edit = "member=a&with=b&place=1&message=%7B%22n%22%3A3%7D";
    assert_eq!(post(&served, "/timeline/edit", FORM, &[], edit).await.0, StatusCode::OK);
    assert_eq!(messages(&served, "b").await, [r#"{"n":3}"#, "{}", "{}"]);
}

#[tokio::test]
async fn json_under_the_type_that_curl_gives_it_is_taken() {
    let served = Served::start().await;
    let body = r#"{"from":"a","to":"b","message":{"text":"hi"}}"#;
    assert_eq!(post(&served, "/timeline/send", FORM, &[], body).await.0, StatusCode::OK);
    assert_eq!(messages(&served, "b").await, [r#"{"text":"hi"}"#]);
}

#[tokio::test]
async fn a_form_of_a_page_is_refused_whoever_the_page_is_of() {
    let served = Served::start().await;
    let message = "a form of a page is not taken, as any page can make a browser post one; send \
                   application/json";
    for headers in [
        [("origin", "https://evil.example")],
        [("origin", ALLOWED_ORIGIN)],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        for body in ["from=a&to=b&message=%7B%7D", r#"{"from":"a","to":"b","message":"{}"}"#] {
            let (status, told) = post(&served, "/timeline/send", FORM, &headers, body).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{headers:?}");
            assert_eq!((&told["reason"], &told["message"]), (&json!("CODEC"), &json!(message)));
        }
    }
    assert!(messages(&served, "b").await.is_empty());
}

#[tokio::test]
async fn a_form_that_cannot_be_read_says_why() {
    let served = Served::start().await;
    for (path, body, message) in [
        ("/timeline/send", "from=a&from=c", "from: the parameter is given more than once; give it once"),
        ("/timeline/send", "from=%FF", "the form is not UTF-8; percent-encode it as UTF-8"),
        ("/timeline/ack", "member=a&sequence=x", "sequence: \"x\" is not a whole number; send one like 50"),
        (
            "/timeline/groups",
            "group=g&open=yes",
            "open: \"yes\" is neither true nor false; send one of them, without quotation marks",
        ),
        (
            "/timeline/groups/g/roles",
            "member=a&role=KING",
            "role: \"KING\" is not a role; send OWNER or MEMBER",
        ),
        (
            "/timeline/ack",
            "member=a&sequence=1&sequence=2",
            "sequence: the parameter is given more than once; give it once",
        ),
    ] {
        let (status, told) = post(&served, path, FORM, &[], body).await;
        assert_eq!((status, &told["message"]), (StatusCode::BAD_REQUEST, &json!(message)), "{body}");
    }
}
