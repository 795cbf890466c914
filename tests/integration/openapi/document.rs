//! The document of a server, and its operations.

use reqwest::Method;
use serde_json::Value;

use super::asking::Asking;
use super::schema;

/// The order in which the examples build on each other; the others come in between, in theirs.
const FIRST: [&str; 5] = ["createGroup", "send", "sendGroup", "sendBatch", "joinGroup"];
const LAST: [&str; 4] = ["leaveGroup", "clear", "purge", "deleteMember"];

/// What a server says of itself.
pub(super) struct Document(pub(super) Value);

/// One method of one path.
#[derive(Clone, Copy)]
pub(super) struct Operation<'a> {
    pub(super) document: &'a Value,
    pub(super) path: &'a str,
    method: &'a str,
    pub(super) described: &'a Value,
}

impl Document {
    /// Asks for the document, as anybody may.
    pub(super) async fn of(asking: &Asking<'_>) -> Self {
        let answer = asking.client.get(asking.server.url("/openapi.json")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "application/json");
        Self(answer.json().await.unwrap())
    }

    /// Every operation, in an order in which the examples work.
    pub(super) fn operations(&self) -> Vec<Operation<'_>> {
        let items = self.0["paths"].as_object().unwrap().iter();
        let mut operations: Vec<_> = items
            .flat_map(|(path, item)| {
                item.as_object().unwrap().iter().map(move |(method, described)| Operation {
                    document: &self.0,
                    path,
                    method,
                    described,
                })
            })
            .collect();
        operations.sort_by_key(|operation| {
            let at = |list: &[&str]| list.iter().position(|id| *id == operation.id());
            match (at(&FIRST), at(&LAST)) {
                (Some(index), _) => (0, index),
                (None, None) => (1, 0),
                (None, Some(index)) => (2, index),
            }
        });
        operations
    }
}

impl<'a> Operation<'a> {
    pub(super) fn id(&self) -> &'a str {
        self.described["operationId"].as_str().unwrap()
    }

    pub(super) fn method(&self) -> Method {
        self.method.to_ascii_uppercase().parse().unwrap()
    }

    pub(super) fn parameters(&self) -> impl Iterator<Item = &'a Value> + use<'a> {
        self.described["parameters"].as_array().unwrap().iter()
    }

    /// The body of a request: its schema and its example.
    pub(super) fn body(&self) -> Option<(&'a Value, &'a Value)> {
        let content = self.described.get("requestBody")?.get("content")?.get("application/json")?;
        Some((self.resolved(&content["schema"]), &content["example"]))
    }

    /// Whether only callers who are known may make the call.
    pub(super) fn needs_login(&self) -> bool {
        let ways = self.described.get("security").and_then(Value::as_array);
        ways.is_some_and(|ways| ways.iter().all(|way| !way.as_object().unwrap().is_empty()))
    }

    /// Follows a reference, if it is one.
    pub(super) fn resolved(&self, value: &'a Value) -> &'a Value {
        value.get("$ref").map_or(value, |path| schema::referred(self.document, path))
    }
}
