//! The HTTP service, over a bound port.

use std::time::Duration;

use reqwest::{Method, StatusCode, header};
use serde_json::{Value, json};

use crate::served::{ALLOWED_ORIGIN, Served};

/// A time that only a hang reaches.
const GRACE: Duration = Duration::from_secs(60);

/// Sends a request and returns the status and the body, parsed.
async fn call(served: &Served, method: Method, path: &str, body: Option<Value>) -> (StatusCode, Value) {
    let mut request = served.client.request(method, served.url(path));
    if let Some(body) = body {
        request = request.json(&body);
    }
    let response = request.send().await.unwrap();
    let status = response.status();
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    (status, response.json().await.unwrap())
}

async fn get(served: &Served, path: &str) -> (StatusCode, Value) {
    call(served, Method::GET, path, None).await
}

async fn post(served: &Served, path: &str, body: Value) -> (StatusCode, Value) {
    call(served, Method::POST, path, Some(body)).await
}

fn problem(code: u16, reason: &str, message: &str) -> Value {
    json!({"code": code, "reason": reason, "message": message, "metadata": {}})
}

/// Leaves in an answer the fields that clients of the original know; each of the others has to be
/// one that we added.
fn of_the_original(mut answer: Value) -> Value {
    let added = ["reset", "generation", "floor", "more", "cursors", "cursorsCut"];
    let of_an_entry =
        ["from", "to", "group", "atMs", "messageId", "kind", "tag", "place", "status", "target"];
    let fields = answer.as_object_mut().unwrap();
    fields.retain(|name, _| !added.contains(&name.as_str()));
    for entry in fields.get_mut("entrySet").and_then(Value::as_array_mut).into_iter().flatten() {
        entry.as_object_mut().unwrap().retain(|name, _| !of_an_entry.contains(&name.as_str()));
    }
    answer
}

const INVALID: &str = "TIMELINE_INVALID_PARAM";
const NO_ENDS: &str = "the request must name the sender in from and the receiver in to";
const NO_GROUP: &str = "the request must name a group in group_name and its members in group_members";

#[tokio::test]
async fn every_call_answers_in_the_shape_of_proto3_json() {
    let served = Served::start().await;
    let ok = |value: Value| (StatusCode::OK, value);
    let hi = r#"{"text":"hi"}"#;
    let single = json!({"from": "user_a", "to": "user_b", "message": hi});
    assert_eq!(
        post(&served, "/timeline/send", single.clone()).await,
        ok(json!({"sequence": "1", "place": "1"}))
    );
    assert_eq!(post(&served, "/timeline/send", single).await, ok(json!({"sequence": "2", "place": "2"})));
    let to_group = json!({"group_name": "g", "group_members": ["user_b", "user_b"], "message": "{}"});
    assert_eq!(
        post(&served, "/timeline/sendGroup", to_group).await,
        ok(json!({"failedMembers": [], "place": "1"}))
    );
    let entry = |sequence: &str, message: &str| json!({"sequence": sequence, "message": message});
    let get = async |path: &str| {
        let (status, answer) = get(&served, path).await;
        (status, of_the_original(answer))
    };
    assert_eq!(
        get("/timeline/sync?member=user_b&last_read=0&count=10").await,
        ok(json!({
            "latestSeq": "3",
            "entrySetLastSeq": "3",
            "entrySet": [entry("1", hi), entry("2", hi), entry("3", "{}")],
        }))
    );
    assert_eq!(
        get("/timeline/sync?member=user_b&lastRead=1&count=1&unknown=x").await,
        ok(json!({"latestSeq": "3", "entrySetLastSeq": "2", "entrySet": [entry("2", hi)]}))
    );
    assert_eq!(
        get("/timeline/sync?member=nobody").await,
        ok(json!({"latestSeq": "0", "entrySetLastSeq": "0", "entrySet": []}))
    );
    for (query, entries) in [
        ("", json!([entry("1", hi), entry("2", hi)])),
        ("?last_read=1", json!([entry("2", hi)])),
        ("?count=1&backward=true", json!([entry("2", hi)])),
        ("?backward=1&lastRead=2", json!([entry("1", hi)])),
        ("?from=x&to=y", json!([entry("1", hi), entry("2", hi)])),
    ] {
        let path = format!("/timeline/history/single/user_b/user_a{query}");
        assert_eq!(get(&path).await, ok(json!({"entrySet": entries})), "{query}");
    }
    assert_eq!(get("/timeline/history/group/g?count=0").await, ok(json!({"entrySet": [entry("1", "{}")]})));
}

#[tokio::test]
async fn requests_may_be_in_lower_camel_with_unknown_fields() {
    let served = Served::start().await;
    let body =
        json!({"groupName": "g", "groupMembers": ["a"], "message": "{}", "messageId": "1", "new": [1]});
    for _ in 0..2 {
        assert_eq!(post(&served, "/timeline/sendGroup", body.clone()).await.0, StatusCode::OK);
    }
    let (_, inbox) = get(&served, "/timeline/sync?member=a").await;
    assert_eq!(inbox["latestSeq"], "1", "the message id was read");
}

#[tokio::test]
async fn ids_in_paths_are_percent_decoded() {
    let served = Served::start().await;
    let body = json!({"from": "ä/ö b", "to": "c:d", "message": "{}"});
    assert_eq!(post(&served, "/timeline/send", body).await.0, StatusCode::OK);
    let (status, history) = get(&served, "/timeline/history/single/%C3%A4%2F%C3%B6%20b/c%3Ad").await;
    assert_eq!((status, history["entrySet"].as_array().unwrap().len()), (StatusCode::OK, 1));
    let (status, problem) = get(&served, "/timeline/history/group/%FF").await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("CODEC")));
}

/// Bodies with a field that is refused, and why it is.
fn refused() -> [(&'static str, Value, &'static str); 11] {
    let long = "x".repeat(513);
    let large = format!("{{\"t\":\"{}\"}}", "x".repeat(65_536));
    [
        ("/timeline/send", json!({}), NO_ENDS),
        ("/timeline/send", json!({"from": "a", "to": "", "message": "{}"}), NO_ENDS),
        (
            "/timeline/send",
            json!({"from": "a", "to": long, "message": "{}"}),
            "to: the value has 513 bytes; at most 512 are allowed",
        ),
        (
            "/timeline/send",
            json!({"from": "a\n", "to": "b", "message": "{}"}),
            "from: the value has the control character U+000A; remove it",
        ),
        (
            "/timeline/send",
            json!({"from": "a", "to": "b"}),
            "message: the text is empty; it must be a JSON object, like {}",
        ),
        (
            "/timeline/send",
            json!({"from": "a", "to": "b", "message": "[]"}),
            "message: the text is JSON but not an object; put it into one",
        ),
        (
            "/timeline/send",
            json!({"from": "a", "to": "b", "message": large}),
            "message: the text has 65544 bytes; at most 65536 are allowed",
        ),
        (
            "/timeline/send",
            json!({"from": "a", "to": "b", "message": "{}", "message_id": "\u{0}"}),
            "message_id: the value has the control character U+0000; remove it",
        ),
        ("/timeline/sendGroup", json!({"group_name": "g"}), NO_GROUP),
        ("/timeline/sendGroup", json!({"group_members": ["a"]}), NO_GROUP),
        (
            "/timeline/sendGroup",
            json!({"group_name": "g", "group_members": ["a", ""], "message": "{}"}),
            "group_members[1]: the value must not be empty",
        ),
    ]
}

#[tokio::test]
async fn a_refused_field_is_named_with_its_problem() {
    let served = Served::start().await;
    for (path, body, message) in refused() {
        let answer = post(&served, path, body).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, problem(400, INVALID, message)));
    }
    for (path, message) in [
        ("/timeline/sync", "member: the value must not be empty"),
        ("/timeline/sync?member=a&count=-1", "count: -1 is negative; it must be 0 or more"),
        ("/timeline/sync?member=a&last_read=-5", "last_read: -5 is negative; it must be 0 or more"),
        ("/timeline/history/group/g?count=-1", "count: -1 is negative; it must be 0 or more"),
        ("/timeline/history/single/a/b%00", "to: the value has the control character U+0000; remove it"),
    ] {
        assert_eq!(get(&served, path).await, (StatusCode::BAD_REQUEST, problem(400, INVALID, message)));
    }
}

const JSON: Option<&str> = Some("application/json");

/// Bodies that cannot be read, by their type, and why.
const UNREADABLE: [(Option<&str>, &str, &str); 14] = [
    (
        None,
        "{}",
        "the Content-Type \"\" is not supported; send application/json or application/x-protobuf; programs may \
         send a form, application/x-www-form-urlencoded, as well",
    ),
    (
        Some("text/plain"),
        "{}",
        "the Content-Type \"text/plain\" is not supported; send application/json or application/x-protobuf; \
         programs may send a form, application/x-www-form-urlencoded, as well",
    ),
    (
        Some("application/xml"),
        "<from>a</from>",
        "the Content-Type \"application/xml\" is not supported; send application/json or \
         application/x-protobuf; programs may send a form, application/x-www-form-urlencoded, as well",
    ),
    (
        Some("application/yaml"),
        "from: a",
        "the Content-Type \"application/yaml\" is not supported; send application/json or \
         application/x-protobuf; programs may send a form, application/x-www-form-urlencoded, as well",
    ),
    (JSON, "{", "the body ends in the middle of its JSON; send all of it"),
    (
        JSON,
        "{\"message\":{\"a\":}}",
        "the body is not JSON: it cannot be read at line 1, column 17; send one object with the fields of the call",
    ),
    (
        JSON,
        "{} x",
        "the body is not JSON: it cannot be read at line 1, column 4; send one object with the fields of the call",
    ),
    (JSON, "[]", "the body: a list is not an object; send one with the fields of the call"),
    (JSON, "[{\"message\":{}}]", "the body: a list is not an object; send one with the fields of the call"),
    (JSON, "{\"from\":5}", "from: 5 is not a text; send one in quotation marks"),
    (JSON, "{\"message\":[{}]}", "message: a list is not a message; send an object, or its text"),
    (
        JSON,
        "{\"messageId\":\"1\",\"message_id\":\"1\"}",
        "messageId: the field is given more than once; give it once",
    ),
    (
        Some("application/proto"),
        "\u{7f}",
        "the body is not a SendMessageRequest in the binary form of protobuf, or not all of it; encode one by the \
         proto file, or send JSON as application/json",
    ),
    (
        Some("application/proto"),
        "\u{10}\u{1}",
        "to: the value is not what SendMessageRequest has there; encode it by the proto file",
    ),
];

#[tokio::test]
async fn what_cannot_be_read_is_a_codec_error() {
    let served = Served::start().await;
    let raw = async |content_type: Option<&str>, body: &'static str| {
        let mut request = served.client.post(served.url("/timeline/send")).body(body);
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        let response = request.send().await.unwrap();
        (response.status(), response.json::<Value>().await.unwrap())
    };
    for (content_type, body, message) in UNREADABLE {
        let (status, answer) = raw(content_type, body).await;
        assert_eq!((status, answer), (StatusCode::BAD_REQUEST, problem(400, "CODEC", message)));
    }
    // An empty body is a request without fields.
    assert_eq!(raw(JSON, "").await.1, problem(400, INVALID, NO_ENDS));
    for (query, message) in [
        ("member=a&count=x", "count: \"x\" is not a whole number; send one like 50"),
        ("member=a&count=1.5", "count: \"1.5\" is not a whole number; send one like 50"),
        ("member=a&count=2147483648", "count: \"2147483648\" is too large; at most 2147483647 is allowed"),
        ("member=a&last_read=", "last_read: \"\" is not a whole number; send one like 50"),
        (
            "member=a&last_read=99999999999999999999",
            "last_read: \"99999999999999999999\" is too large; at most 9223372036854775807 is allowed",
        ),
        ("member=a&last_tag=-1", "last_tag: \"-1\" is negative; it must be 0 or more"),
        ("last_read=1&lastRead=2", "lastRead: the field is given more than once; give it once"),
        ("member=a&member=b", "member: the parameter is given more than once; give it once"),
        ("member=a%FF", "the query is not UTF-8; percent-encode it as UTF-8"),
        ("member=%C3&count=1", "the query is not UTF-8; percent-encode it as UTF-8"),
    ] {
        let answer = get(&served, &format!("/timeline/sync?{query}")).await;
        assert_eq!(answer, (StatusCode::BAD_REQUEST, problem(400, "CODEC", message)));
    }
}

#[tokio::test]
async fn protobuf_is_a_second_codec_for_bodies_and_replies() {
    use prost::Message;
    use timeline::proto::v1;

    let served = Served::start().await;
    let request = v1::SendMessageRequest {
        from: "a".to_owned(),
        to: "b".to_owned(),
        message: "{}".to_owned(),
        message_id: String::new(),
    };
    for content_type in ["application/proto", "application/x-protobuf"] {
        let response = served
            .client
            .post(served.url("/timeline/send"))
            .header(header::CONTENT_TYPE, content_type)
            .header(header::ACCEPT, content_type)
            .body(request.encode_to_vec())
            .send()
            .await
            .unwrap();
        assert_eq!(response.headers()[header::CONTENT_TYPE], "application/proto");
        let reply = v1::SendMessageReply::decode(response.bytes().await.unwrap()).unwrap();
        assert!(reply.sequence > 0);
    }
    assert_eq!(get(&served, "/timeline/sync?member=b").await.1["latestSeq"], "2");
}

#[tokio::test]
async fn a_message_id_used_for_something_else_is_409() {
    let served = Served::start().await;
    let body = |message: &str| json!({"from": "a", "to": "b", "message": message, "message_id": "id"});
    let first = post(&served, "/timeline/send", body("{}")).await;
    assert_eq!(post(&served, "/timeline/send", body("{}")).await, first);
    let message = "the message id id was used before for another message; give each message its own id";
    let conflict = (StatusCode::CONFLICT, problem(409, "TIMELINE_CONFLICT", message));
    assert_eq!(post(&served, "/timeline/send", body("{\"a\":1}")).await, conflict);
}

#[tokio::test]
async fn a_closed_store_is_503() {
    let served = Served::start().await;
    assert!(served.timeline.shutdown(GRACE).await);
    let closed = (
        StatusCode::SERVICE_UNAVAILABLE,
        problem(
            503,
            "TIMELINE_CLOSED",
            "the timeline store was shut down; try again when its server runs again",
        ),
    );
    assert_eq!(get(&served, "/timeline/sync?member=b").await, closed);
}

#[tokio::test]
async fn unknown_paths_are_404_and_wrong_methods_405() {
    let served = Served::start().await;
    for path in
        ["/timeline", "/timeline/", "/timeline/nothing", "/timeline/send/x", "/timeline/history/single/a"]
    {
        let not_found = (StatusCode::NOT_FOUND, problem(404, "NOT_FOUND", "there is nothing at this path"));
        assert_eq!(get(&served, path).await, not_found, "{path}");
    }
    let message = "this path does not take this method; the header Allow names those it takes";
    let not_allowed = problem(405, "METHOD_NOT_ALLOWED", message);
    for (method, path, allowed) in [
        (Method::GET, "/timeline/send", "POST"),
        (Method::PUT, "/timeline/sendGroup", "POST"),
        (Method::POST, "/timeline/sync", "GET,HEAD"),
        (Method::DELETE, "/timeline/history/group/g", "GET,HEAD"),
    ] {
        let response = served.client.request(method, served.url(path)).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(response.headers()[header::ALLOW], allowed, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap(), not_allowed);
    }
}

#[tokio::test]
async fn a_body_above_the_bound_is_413() {
    let served = Served::start().await;
    let body = json!({"from": "a", "to": "b", "message": "x".repeat(1024 * 1024)});
    let message = "the body is too large; at most 1048576 bytes are allowed";
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, problem(413, "BODY_TOO_LARGE", message));
    assert_eq!(post(&served, "/timeline/send", body).await, too_large);
}

#[tokio::test]
async fn only_loopback_and_configured_origins_may_read() {
    let served = Served::start().await;
    let allowed_origin = async |method: Method, origin: &'static str| {
        let request = served.client.request(method, served.url("/timeline/sync?member=a"));
        let request =
            request.header(header::ORIGIN, origin).header(header::ACCESS_CONTROL_REQUEST_METHOD, "GET");
        let response = request.send().await.unwrap();
        assert!(response.status().is_success());
        assert_eq!(response.headers().get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS), None);
        response
            .headers()
            .get(header::ACCESS_CONTROL_ALLOW_ORIGIN)
            .map(|value| value.to_str().unwrap().to_owned())
    };
    for origin in ["http://localhost:3000", "http://127.0.0.1:8000", ALLOWED_ORIGIN] {
        assert_eq!(allowed_origin(Method::GET, origin).await.as_deref(), Some(origin));
        assert_eq!(allowed_origin(Method::OPTIONS, origin).await.as_deref(), Some(origin));
    }
    for origin in ["http://example.org", "http://localhost.example.org", "null"] {
        assert_eq!(allowed_origin(Method::GET, origin).await, None);
        assert_eq!(allowed_origin(Method::OPTIONS, origin).await, None);
    }
}

#[tokio::test]
async fn a_preflight_names_methods_and_headers() {
    let served = Served::start().await;
    let request = served.client.request(Method::OPTIONS, served.url("/timeline/send"));
    let request = request.header(header::ORIGIN, "http://localhost:3000");
    let request = request.header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_METHODS], "GET,POST");
    assert_eq!(response.headers()[header::ACCESS_CONTROL_ALLOW_HEADERS], "content-type,accept,last-event-id");
}
