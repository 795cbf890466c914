//! Who asks.

use reqwest::Client;
use tests::Tidings;

/// Who asks which server.
#[derive(Clone)]
pub(super) struct Asking<'a> {
    pub(super) server: &'a Tidings,
    pub(super) client: Client,
    pub(super) token: Option<&'a str>,
}

impl<'a> Asking<'a> {
    /// Somebody without a token.
    pub(super) fn new(server: &'a Tidings) -> Self {
        Self { server, client: Client::new(), token: None }
    }

    pub(super) fn with(&self, token: &'a str) -> Self {
        Self { token: Some(token), ..self.clone() }
    }
}
