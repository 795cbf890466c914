//! `GET /openapi.json`: every route of this port, as a document that programs read.
//!
//! The timelines describe themselves. What the other routes take and answer stands in the files of
//! `openapi/`, by topic. Who may ask, and what the layers around the routes may answer, comes from
//! the policy. Tests see that each row of the policy is in the document and nothing else, and the
//! integration tests call all of it.

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse as _;
use axum::routing::{MethodRouter, get};
use serde_json::{Map, Value, json};
use tidings::timeline::http;

use crate::access::policy::{self, Need, Row};
use crate::config::Config;

/// The routes but those of the timelines: `paths`, `schemas` and `responses`.
const PARTS: [&str; 5] = [
    include_str!("openapi/page.json"),
    include_str!("openapi/health.json"),
    include_str!("openapi/login.json"),
    include_str!("openapi/hub.json"),
    include_str!("openapi/presence.json"),
];

/// How one logs in, as far as the document says so.
#[derive(Debug, Clone, Default)]
struct LoginWays {
    tokens: bool,
    cookie: Option<String>,
    in_query: bool,
}

/// Answers with the document, which is written when it is first asked for.
pub(super) fn route<S: Clone + Send + Sync + 'static>(config: &Config) -> MethodRouter<S> {
    let logins = LoginWays {
        tokens: config.logins.have_tokens(),
        cookie: config.logins.cookie.clone(),
        in_query: config.logins.in_query,
    };
    let written = Arc::new(OnceLock::<Bytes>::new());
    get(async move || {
        let document = written.get_or_init(|| document(&logins).to_string().into()).clone();
        let head = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-cache")];
        (head, document).into_response()
    })
}

fn document(logins: &LoginWays) -> Value {
    let mut document = http::openapi();
    document["info"]["title"] = "tidings".into();
    document["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    for part in PARTS {
        let part: Value = serde_json::from_str(part).expect("the files of openapi/ are JSON, as a test sees");
        put(&mut document["paths"], &part["paths"]);
        put(&mut document["components"]["schemas"], &part["schemas"]);
        put(&mut document["components"]["responses"], &part["responses"]);
    }
    document["components"]["responses"]["Timeout"] = timeout();
    for row in policy::ROUTES.iter().filter(|row| row.method != "*") {
        let method = row.method.to_ascii_lowercase();
        if let Some(operation) = document["paths"].get_mut(path(row)).and_then(|item| item.get_mut(method)) {
            add_layers(operation, row);
            add_security(operation, row, logins);
        }
    }
    let schemes: Map<_, _> = logins.schemes().collect();
    if !schemes.is_empty() {
        document["components"]["securitySchemes"] = schemes.into();
    }
    document
}

/// Copies the fields of one object into another one.
fn put(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
}

/// The path of a row as the document has it.
fn path(row: &Row) -> String {
    row.path.strip_suffix('*').map_or_else(|| row.path.to_owned(), |beginning| format!("{beginning}{{file}}"))
}

fn timeout() -> Value {
    let content = json!({ "application/json": { "schema": { "$ref": "#/components/schemas/Problem" } } });
    json!({ "description": "The request took too long; try again.", "content": content })
}

/// Adds what the layers around every route may answer, where the route says nothing of its own.
fn add_layers(operation: &mut Value, row: &Row) {
    let has_body = operation.get("requestBody").is_some();
    let layers = [
        (400, "BadRequest", true),
        (401, "Unauthenticated", row.need != Need::Open),
        (403, "Forbidden", true),
        (408, "Timeout", true),
        (413, "BodyTooLarge", has_body),
        (429, "TooMany", row.counts.is_some() || row.is_asked),
        (503, "Unavailable", true),
    ];
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    for (status, name, _) in layers.into_iter().filter(|(.., may)| *may) {
        let answer = || json!({ "$ref": format!("#/components/responses/{name}") });
        responses.entry(status.to_string()).or_insert_with(answer);
    }
}

/// Says by which of the schemes a caller shows who they are.
fn add_security(operation: &mut Value, row: &Row, logins: &LoginWays) {
    // The door does not ask at `/login`, and the route itself does.
    if !row.is_asked && (row.method, row.path) != ("GET", "/login") {
        return;
    }
    let in_query = ["/ws", "/presence/events", "/timeline/watch"].contains(&row.path);
    let schemes = logins.schemes().filter(|(_, scheme)| in_query || scheme["in"] != "query");
    let mut ways: Vec<Value> = schemes.map(|(name, _)| json!({ name: [] })).collect();
    if ways.is_empty() {
        return;
    }
    if row.need == Need::Open {
        ways.push(json!({}));
    }
    operation["security"] = ways.into();
}

impl LoginWays {
    /// Where a request may say who it is from.
    fn schemes(&self) -> impl Iterator<Item = (String, Value)> {
        let bearer = json!({ "type": "http", "scheme": "bearer", "bearerFormat": "JWT" });
        let ticket = json!({ "type": "apiKey", "in": "query", "name": "ticket" });
        let token = json!({ "type": "apiKey", "in": "query", "name": "token" });
        let cookie =
            self.cookie.as_ref().map(|name| json!({ "type": "apiKey", "in": "cookie", "name": name }));
        let schemes = [
            ("bearer", Some(bearer)),
            ("cookie", cookie),
            ("ticket", Some(ticket)),
            ("token", self.in_query.then_some(token)),
        ];
        let named = schemes.into_iter().filter_map(|(name, scheme)| Some((name.to_owned(), scheme?)));
        named.filter(|_| self.tokens)
    }
}

#[cfg(test)]
mod tests;
