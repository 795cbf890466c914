//! Answers against what the document says of them.

use std::time::Duration;

use reqwest::Response;
use serde_json::Value;
use tokio::time::timeout;

use super::document::Operation;
use super::schema;

const STREAM: &str = "text/event-stream";

/// How long an event is waited for. Some streams have none to tell.
const PATIENCE: Duration = Duration::from_secs(10);

/// An answer, of a stream the first events.
pub(super) struct Answer {
    pub(super) status: u16,
    kind: String,
    pub(super) body: String,
}

impl Answer {
    pub(super) async fn read(mut answer: Response) -> Self {
        let status = answer.status().as_u16();
        let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap());
        let kind = kind.split(';').next().unwrap_or_default().to_owned();
        let mut body = Vec::new();
        let whole = async {
            // A connection that was upgraded has no body, and a stream of events no end.
            while status != 101 && !(kind == STREAM && has_an_event(&body)) {
                let Some(chunk) = answer.chunk().await.unwrap() else { break };
                body.extend_from_slice(&chunk);
            }
        };
        let came = timeout(PATIENCE, whole).await;
        assert!(came.is_ok() || kind == STREAM, "an answer has no end");
        Self { status, kind, body: String::from_utf8(body).unwrap() }
    }

    /// Whether it is a stream that has told nothing.
    pub(super) fn is_silent(&self) -> bool {
        self.kind == STREAM && self.events().next().is_none()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Fails if an operation may not answer so.
    pub(super) fn assert_is_of(&self, of: &Operation<'_>, what: &str) {
        let described = &of.described["responses"][self.status.to_string()];
        self.assert_is(of, described, what);
    }

    /// Fails if this is not the response that the document has under a name.
    pub(super) fn assert_is_named(&self, of: &Operation<'_>, response: &str, what: &str) {
        self.assert_is(of, &of.document["components"]["responses"][response], what);
    }

    fn assert_is<'a>(&self, of: &Operation<'a>, described: &'a Value, what: &str) {
        let name = format!("{}, {what}: {} {}", of.id(), self.status, self.body);
        assert!(described.is_object(), "the document has no such status: {name}");
        let described = of.resolved(described);
        if let Err(why) = self.check(of.document, described) {
            panic!("{name}: {why}");
        }
    }

    fn check(&self, document: &Value, described: &Value) -> Result<(), String> {
        let Some(content) = described.get("content") else {
            return if self.body.is_empty() { Ok(()) } else { Err("it has a body".to_owned()) };
        };
        let content = content.get(&self.kind).ok_or_else(|| format!("no content is {:?}", self.kind))?;
        let is_json = self.kind == "application/json";
        let body = if is_json { self.json() } else { Value::String(self.body.clone()) };
        schema::check(document, &content["schema"], &body)?;
        if is_json && body.get("metadata").is_some() && body["code"] != self.status {
            return Err("the code is not the status".to_owned());
        }
        match described.get("x-events") {
            Some(events) => self.events().try_for_each(|(name, data)| {
                let schema = events.get(name).ok_or_else(|| format!("there is no event {name}"))?;
                schema::check(document, schema, &data)
            }),
            None => Ok(()),
        }
    }

    /// The events that came: their names and data.
    fn events(&self) -> impl Iterator<Item = (&str, Value)> {
        let whole = self.body.rsplit_once("\n\n").map_or("", |(whole, _)| whole);
        whole.split("\n\n").filter_map(|event| {
            let line = |start: &str| event.lines().find_map(|line| line.strip_prefix(start));
            let data = line("data: ")?;
            Some((line("event: ")?, serde_json::from_str(data).unwrap()))
        })
    }
}

fn has_an_event(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(body);
    text.rsplit_once("\n\n").is_some_and(|(whole, _)| whole.contains("data: "))
}
