//! Requests of an operation: that of its examples, and what is made of it.

use reqwest::Method;
use serde_json::Value;

use super::answer::Answer;
use super::asking::Asking;
use super::document::Operation;

/// A request that is yet to be sent.
#[derive(Clone)]
pub(super) struct Input {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) in_path: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    /// Put behind the query as it is.
    pub(super) query_end: &'static str,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) content_type: &'static str,
}

impl Input {
    /// The request that the examples of the document make.
    pub(super) fn example(of: &Operation<'_>) -> Self {
        let mut input = Self {
            method: of.method(),
            path: of.path.to_owned(),
            in_path: Vec::new(),
            query: Vec::new(),
            query_end: "",
            headers: Vec::new(),
            body: of.body().map(|(_, example)| example.to_string()),
            content_type: "application/json",
        };
        for parameter in of.parameters() {
            let Some(example) = parameter.get("example") else { continue };
            let values = example.as_array().map_or_else(|| vec![example], |all| all.iter().collect());
            let name = parameter["name"].as_str().unwrap();
            for value in values {
                input.add(parameter["in"].as_str().unwrap(), name, &text(value));
            }
        }
        input
    }

    fn add(&mut self, place: &str, name: &str, value: &str) {
        let values = match place {
            "path" => &mut self.in_path,
            "query" => &mut self.query,
            "header" => &mut self.headers,
            _ => panic!("{name} is in the {place}"),
        };
        values.push((name.to_owned(), value.to_owned()));
    }

    /// The same with one value for a parameter, or without it.
    pub(super) fn with(&self, parameter: &Value, value: Option<&str>) -> Self {
        let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
        let mut input = self.clone();
        for values in [&mut input.in_path, &mut input.query, &mut input.headers] {
            values.retain(|(of, _)| of != name);
        }
        if let Some(value) = value {
            input.add(place, name, value);
        }
        input
    }

    /// The same with one value for a field of the body, or without it.
    pub(super) fn with_field(&self, name: &str, value: Option<Value>) -> Self {
        let mut body: Value = serde_json::from_str(self.body.as_deref().unwrap()).unwrap();
        match value {
            Some(value) => body[name] = value,
            None => drop(body.as_object_mut().unwrap().remove(name)),
        }
        Self { body: Some(body.to_string()), ..self.clone() }
    }

    pub(super) async fn send(&self, asking: &Asking<'_>) -> Answer {
        let mut url = reqwest::Url::parse(&asking.server.url("/")).unwrap();
        let parts = self.path.split('/').skip(1).map(|part| {
            let name = part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
            name.map_or(part, |name| self.in_path.iter().find(|(of, _)| of == name).unwrap().1.as_str())
        });
        url.path_segments_mut().unwrap().clear().extend(parts);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        if !self.query_end.is_empty() {
            let query = url.query().map_or_else(String::new, |query| format!("{query}&"));
            url.set_query(Some(&format!("{query}{}", self.query_end)));
        }
        let mut request = asking.client.request(self.method.clone(), url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = &self.body {
            request = request.header("content-type", self.content_type).body(body.clone());
        }
        if let Some(token) = asking.token {
            request = request.bearer_auth(token);
        }
        Answer::read(request.send().await.unwrap()).await
    }
}

/// A value as a query has it.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
