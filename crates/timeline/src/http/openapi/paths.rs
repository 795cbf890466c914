//! Every route as an operation of the document.

use serde_json::{Map, Value, json};

use super::operations::{OPERATIONS, Operation};
use super::schemas::{Schemas, Way};
use super::statuses;
use crate::http::router::ROUTES;

/// Statuses that every call may have; `POST` may have 413 as well.
const COMMON: [u16; 5] = [400, 401, 403, 500, 503];

/// The type of a stream of events.
const EVENTS: &str = "text/event-stream";

/// Returns the paths with their operations.
pub(super) fn all(schemas: &mut Schemas) -> Value {
    let mut paths = Map::new();
    for (method, path) in ROUTES {
        // A test sees that each route has its operation.
        let Some(operation) = OPERATIONS.iter().find(|one| (one.method, one.path) == (*method, *path)) else {
            continue;
        };
        let item = paths.entry(*path).or_insert_with(|| json!({}));
        item[method.to_ascii_lowercase()] = described(schemas, operation);
    }
    paths.into()
}

fn described(schemas: &mut Schemas, operation: &Operation) -> Value {
    let (request, reply) = schemas.method(operation.call).unwrap_or_default();
    let about = schemas.about(&format!("Timeline.{}", operation.call)).to_owned();
    let summary = about.split_inclusive(". ").next().unwrap_or_default().trim();
    let example = (operation.example)();
    let in_path: Vec<&str> = in_path(operation.path).collect();
    let is_post = operation.method == "POST";

    let mut described = json!({
        "operationId": operation.id, "tags": ["timelines"], "summary": summary, "description": about,
    });
    let mut parameters = Vec::new();
    for field in schemas.fields(&request).to_vec() {
        let is_in_path = in_path.contains(&field.name());
        if is_post && !is_in_path {
            continue;
        }
        let place = if is_in_path { "path" } else { "query" };
        let mut schema = schemas.field(&request, &field, Way::In);
        let about = schema.as_object_mut().and_then(|schema| schema.remove("description"));
        let mut parameter = json!({
            "name": field.name(), "in": place, "required": is_in_path, "schema": schema,
        });
        for (name, value) in [("description", about), ("example", example.get(field.name()).cloned())] {
            if let Some(value) = value {
                parameter[name] = value;
            }
        }
        parameters.push(parameter);
    }
    if operation.path == "/timeline/watch" {
        parameters.push(last_event_id());
    }
    described["parameters"] = parameters.into();
    if is_post {
        let schema = schemas.refer(&request, Way::In, &in_path, operation.required);
        described["requestBody"] = body(&schema, &example, &in_path);
    }
    described["responses"] = responses(schemas, operation, &reply);
    described
}

/// The names in braces.
fn in_path(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn body(schema: &Value, example: &Value, in_path: &[&str]) -> Value {
    let fields = example.as_object().into_iter().flatten();
    let fields = fields.filter(|(name, _)| !in_path.contains(&name.as_str()));
    let example: Map<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    json!({ "required": true, "content": { "application/json": { "schema": schema, "example": example } } })
}

fn responses(schemas: &mut Schemas, operation: &Operation, reply: &str) -> Value {
    let schema = schemas.refer(reply, Way::Out, &[], &[]);
    let good = if operation.path == "/timeline/watch" {
        let problem = json!({ "$ref": "#/components/schemas/Problem" });
        json!({
            "description": "Server-sent events, until one side ends them.",
            "content": { EVENTS: { "schema": { "type": "string" } } },
            "x-events": {
                "entries": schema, "read": cursors(schemas), "unavailable": problem, "ended": problem,
            },
        })
    } else {
        json!({ "description": "It is done.", "content": { "application/json": { "schema": schema } } })
    };
    let has = |status| {
        COMMON.contains(&status)
            || operation.refusals.contains(&status)
            || (status == 413 && operation.method == "POST")
    };
    let mut responses = statuses::responses(has);
    responses.insert("200".to_owned(), good);
    responses.into()
}

/// What the event `read` has: two fields of the reply of a watch.
fn cursors(schemas: &mut Schemas) -> Value {
    let cursor = schemas.refer("ReadCursor", Way::Out, &[], &[]);
    json!({
        "type": "object",
        "properties": {
            "cursors": { "type": "array", "items": cursor }, "cursorsCut": { "type": "boolean" },
        },
        "required": ["cursors", "cursorsCut"],
    })
}

fn last_event_id() -> Value {
    json!({
        "name": "Last-Event-ID", "in": "header", "required": false, "schema": { "type": "string" },
        "description": "The id of the last event; it counts more than the query.",
    })
}
