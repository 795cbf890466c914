//! A server with logins, and who may sign for it.

use std::time::Duration;

use identity::{NewToken, Scope};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tests::Tidings;

use crate::issuer::{Issuer, new_token};

/// How long tokens are good for, if nothing else is said.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// A server that believes one key.
pub(super) struct Scene {
    pub(super) server: Tidings,
    pub(super) issuer: Issuer,
    pub(super) client: Client,
}

impl Scene {
    /// Starts a server that believes a new key, with further flags.
    pub(super) fn start(flags: &[&str]) -> Self {
        let issuer = Issuer::new();
        Self { server: issuer.start(flags), issuer, client: Client::new() }
    }

    /// A token of a user, good for an hour.
    pub(super) fn token(&self, user: &str) -> String {
        self.issuer.token(user, HOUR.as_secs())
    }

    /// A token of a service with these scopes.
    pub(super) fn service(&self, scopes: &[Scope]) -> String {
        let scopes = scopes.iter().copied().collect();
        self.signed(&new_token("service", HOUR.as_secs()).scopes(scopes))
    }

    pub(super) fn signed(&self, token: &NewToken) -> String {
        self.issuer.sign(token)
    }

    pub(super) fn get(&self, path: &str, token: Option<&str>) -> RequestBuilder {
        with(self.client.get(self.server.url(path)), token)
    }

    pub(super) fn post(&self, path: &str, token: Option<&str>, body: &Value) -> RequestBuilder {
        with(self.client.post(self.server.url(path)), token).json(body)
    }

    /// A ticket of the user whose token it is.
    pub(super) async fn ticket(&self, token: &str) -> String {
        let answer = self.post("/ticket", Some(token), &Value::Null).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.json::<Value>().await.unwrap()["ticket"].as_str().unwrap().to_owned()
    }
}

fn with(request: RequestBuilder, token: Option<&str>) -> RequestBuilder {
    match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    }
}

/// The status and the reason of an answer.
pub(super) async fn outcome(request: RequestBuilder) -> (u16, String) {
    let answer: Response = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body: Value = answer.json().await.unwrap_or_default();
    (status, body["reason"].as_str().unwrap_or_default().to_owned())
}
