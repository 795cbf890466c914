//! The webhook as the settings have it, and what is wrong with those.

use anyhow::{Context as _, anyhow};
use tidings::join::ErrorKind;
use tidings::join::webhook::{self, Bookmark, Webhook};
use tidings::presence::Presence;

use crate::config::{Config, WebAddress};
use crate::data_dir::DataDir;

/// Starts it, if one is configured; from here on no event is missed.
pub(crate) async fn start(
    config: &Config,
    data_dir: &DataDir,
    presence: &Presence,
) -> anyhow::Result<Option<Webhook>> {
    let Some(url) = &config.webhook_url else { return Ok(None) };
    // Missing is not new: in a directory that was used before, a bookmark that is not there may
    // have been lost.
    let settings = settings(url, config).bookmark(data_dir.webhook()).heard_before(data_dir.had_timelines());
    let webhook = Webhook::start(settings, presence.clone()).await;
    webhook.map(Some).context("--webhook-url")
}

/// Says what a start would log about the saved progress, if that cannot be read.
pub(crate) fn note(config: &Config) -> Option<String> {
    config.webhook_url.as_ref()?;
    let unreadable = Bookmark::new(DataDir::webhook_of(&config.data_dir)).read().err()?;
    Some(format!(
        "--webhook-url: {unreadable}; the webhook begins with new events, and its receiver is told that \
         events are lost"
    ))
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
