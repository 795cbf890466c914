//! What goes against the document is refused, in one of the ways that the document has.

use identity::Scope;
use reqwest::Method;
use serde_json::{Value, json};
use tests::Tidings;

use super::answer::Answer;
use super::asking::Asking;
use super::document::{Document, Operation};
use super::input::Input;
use crate::issuer::{Issuer, new_token};

/// A request that has to be refused, and what is wrong with it.
type Wrong = (String, Input);

/// Parameters with a value that their schema does not allow, and without one that is needed.
fn wrong_parameters(of: &Operation<'_>) -> Vec<Wrong> {
    let (example, mut wrong) = (Input::example(of), Vec::new());
    for parameter in of.parameters() {
        let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
        let mut add = |what: &str, value: Option<&str>| {
            wrong.push((format!("{name} {what}"), example.with(parameter, value)));
        };
        if parameter["required"] == true && parameter["in"] != "path" {
            add("is missing", None);
        }
        if allows(schema, "integer") || allows(schema, "boolean") {
            add("is a word", Some("word"));
        }
        if let Some(least) = schema["minimum"].as_i64() {
            add("is too small", Some(&(least - 1).to_string()));
        }
        if let Some(most) = schema["maximum"].as_i64() {
            add("is too large", Some(&(most + 1).to_string()));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            add("is too long", Some(&"x".repeat(usize::try_from(most).unwrap() + 1)));
        }
    }
    wrong.push(("a query that is not UTF-8".to_owned(), Input { query_end: "x=%FF", ..example }));
    wrong
}

/// Bodies with a field of another type, out of its bounds or missing, and bodies that are none.
fn wrong_bodies(of: &Operation<'_>) -> Vec<Wrong> {
    let Some((schema, _)) = of.body() else { return Vec::new() };
    let (example, mut wrong) = (Input::example(of), Vec::new());
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        wrong.push((format!("{name} is missing"), example.with_field(name, None)));
    }
    for (name, schema) in schema["properties"].as_object().unwrap() {
        let schema = of.resolved(schema);
        let mut add = |what: &str, value: Value| {
            wrong.push((format!("{name} {what}"), example.with_field(name, Some(value))));
        };
        add("is of another type", of_another_type(schema));
        if schema.get("enum").is_some() {
            add("is no name that there is", json!("NOBODY"));
        }
        if let Some(least) = schema["minimum"].as_i64() {
            add("is too small", json!(least - 1));
        }
        if let Some(most) = schema["maxLength"].as_u64() {
            add("is too long", json!("x".repeat(usize::try_from(most).unwrap() + 1)));
        }
    }
    let body = |body: &str| Some(body.to_owned());
    wrong.push(("half a body".to_owned(), Input { body: body("{\"a\":"), ..example.clone() }));
    wrong.push(("a list".to_owned(), Input { body: body("[1]"), ..example.clone() }));
    wrong.push(("a text".to_owned(), Input { content_type: "text/plain", ..example }));
    wrong
}

fn allows(schema: &Value, kind: &str) -> bool {
    let types = &schema["type"];
    types == kind || types.as_array().is_some_and(|types| types.iter().any(|one| one == kind))
}

fn of_another_type(schema: &Value) -> Value {
    let others = [("object", json!({ "a": 1 })), ("boolean", json!(true)), ("array", json!([1]))];
    let mut others = others.into_iter().filter(|(kind, _)| !allows(schema, kind));
    others.next().unwrap().1
}

/// Requests about what the server does not know, which need not be refused.
fn strange(of: &Operation<'_>) -> Vec<Wrong> {
    let (example, mut strange) = (Input::example(of), Vec::new());
    // A watch of an inbox that is empty tells nothing.
    if of.id() == "watch" {
        return strange;
    }
    for parameter in of.parameters().filter(|parameter| allows(&parameter["schema"], "string")) {
        let is_text = parameter["in"] != "header" && !allows(&parameter["schema"], "integer");
        if is_text {
            let what = format!("{} is unknown", parameter["name"]);
            strange.push((what, example.with(parameter, Some("nobody-knows"))));
        }
    }
    let properties = of.body().and_then(|(schema, _)| schema["properties"].as_object());
    for name in properties.into_iter().flatten().map(|(name, _)| name.as_str()) {
        let value = match name {
            "place" | "sequence" => json!("999"),
            "group" | "groupName" | "with" | "member" | "to" | "from" => json!("nobody-knows"),
            _ => continue,
        };
        strange.push((format!("{name} is unknown"), example.with_field(name, Some(value))));
        strange.push((format!("without {name}"), example.with_field(name, None)));
    }
    if of.body().is_some() {
        strange.push(("an empty object".to_owned(), Input { body: Some("{}".to_owned()), ..example }));
    }
    strange
}

#[tokio::test]
async fn what_goes_against_the_document_is_refused_as_the_document_says() {
    let server = Tidings::start();
    refuses_what_is_wrong(&Asking::new(&server)).await;
    let issuer = Issuer::new();
    let server = issuer.start(&["--limit-connects=0/0/0", "--limit-sends=0/0/0"]);
    let scopes = Scope::ALL.iter().copied().collect();
    let token = issuer.sign(&new_token("service", 3_600).scopes(scopes));
    refuses_what_is_wrong(&Asking::new(&server).with(&token)).await;
}

async fn refuses_what_is_wrong(asking: &Asking<'_>) {
    let document = Document::of(asking).await;
    let mut tried = 0;
    for operation in document.operations() {
        for (what, input) in wrong_parameters(&operation).into_iter().chain(wrong_bodies(&operation)) {
            let answer = input.send(asking).await;
            answer.assert_is_of(&operation, &what);
            let refused = (400..500).contains(&answer.status);
            assert!(refused, "{}: {what}: {} {}", operation.id(), answer.status, answer.body);
            tried += 1;
        }
    }
    assert!(tried > 200, "{tried}");
}

#[tokio::test]
async fn what_the_server_does_not_know_is_answered_as_the_document_says() {
    let server = Tidings::start();
    let asking = Asking::new(&server);
    let document = Document::of(&asking).await;
    // Before there is anything, and after there is.
    for round in 0..2 {
        for operation in document.operations() {
            for (what, input) in strange(&operation) {
                input.send(&asking).await.assert_is_of(&operation, &what);
            }
            if round == 0 {
                Input::example(&operation).send(&asking).await.assert_is_of(&operation, "the example");
            }
        }
    }
}

#[tokio::test]
async fn other_methods_and_other_paths_are_answered_as_the_document_says() {
    let issuer = Issuer::new();
    for server in [Tidings::start(), issuer.start(&["--limit-connects=0/0/0"])] {
        let asking = Asking::new(&server);
        let document = Document::of(&asking).await;
        for operation in document.operations() {
            let other = Input { method: Method::DELETE, body: None, ..Input::example(&operation) };
            let answer = other.send(&asking).await;
            assert_eq!(answer.status, 405, "{}", operation.id());
            answer.assert_is_named(&operation, "MethodNotAllowed", "another method");
        }
        let any = document.operations()[0];
        for path in ["/nothing", "/timeline", "/timeline/nothing", "/assets/nothing.js", "/openapi.yaml"] {
            let answer = asking.client.get(server.url(path)).send().await.unwrap();
            let answer = Answer::read(answer).await;
            assert_eq!(answer.status, 404, "{path}");
            answer.assert_is_named(&any, "NotFound", path);
        }
    }
}

#[tokio::test]
async fn who_is_not_known_is_refused_where_the_document_asks_for_a_login() {
    let issuer = Issuer::new();
    let server = issuer.start(&["--limit-connects=0/0/0", "--limit-sends=0/0/0"]);
    let (nobody, user) = (Asking::new(&server), issuer.token("alice", 3_600));
    let document = Document::of(&nobody).await;
    let mut need = 0;
    for operation in document.operations() {
        for asking in [nobody.clone(), nobody.with("not.a.token")] {
            let answer = Input::example(&operation).send(&asking).await;
            answer.assert_is_of(&operation, "nobody is known");
            if operation.needs_login() {
                assert_eq!(answer.status, 401, "{}", operation.id());
                need += 1;
            }
        }
        // A user may not do all that the examples do, as others.
        let answer = Input::example(&operation).send(&nobody.with(&user)).await;
        answer.assert_is_of(&operation, "a user");
    }
    assert!(need > 60, "{need}");
}
