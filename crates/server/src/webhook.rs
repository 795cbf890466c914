//! The webhook as the settings have it, and what is wrong with those.

use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use tidings::join::ErrorKind;
use tidings::join::webhook::{self, Webhook};
use tidings::presence::Presence;

use crate::config::{Config, WebAddress};

/// Starts it, if one is configured; from here on no event is missed.
pub(crate) async fn start(
    config: &Config,
    bookmark: PathBuf,
    presence: &Presence,
) -> anyhow::Result<Option<Webhook>> {
    let Some(url) = &config.webhook_url else { return Ok(None) };
    let webhook = Webhook::start(settings(url, config).bookmark(bookmark), presence.clone()).await;
    webhook.map(Some).context("--webhook-url")
}

/// Says whether somebody listens at `url`, and whether it can be talked to. Nothing is posted.
pub(crate) async fn check(url: &WebAddress, config: &Config) -> anyhow::Result<()> {
    let checked = Webhook::check(settings(url, config)).await;
    // `url` is shown without its secrets. The error's own text says the same of the host alone, so
    // only its cause is added.
    checked.map_err(|error| match std::error::Error::source(&error) {
        Some(cause) if error.kind() == ErrorKind::Unavailable => {
            anyhow!("--webhook-url: {url} cannot be reached: {cause}")
        }
        _ => anyhow::Error::from(error).context("--webhook-url"),
    })
}

fn settings(url: &WebAddress, config: &Config) -> webhook::Config {
    let settings = webhook::Config::new(url.expose().to_string()).timeout(config.webhook_timeout);
    match &config.webhook_secret {
        Some(secret) => settings.secret(secret.clone()),
        None => settings,
    }
}
