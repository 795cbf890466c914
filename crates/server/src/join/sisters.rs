//! The sisters of the hub: their secrets are read once, at the start.

use std::fs;

use anyhow::{Context, Result, bail};
use tidings::hub::Hooks;
use tidings::hub::federation::{SisterConfig, Sisters};

use crate::config::SisterSettings;

/// Adds sisters to the hooks of a hub, if there are any.
pub(super) fn add(hooks: Hooks, settings: &SisterSettings) -> Result<Hooks> {
    let Some((first, others)) = settings.secret_files.split_first() else { return Ok(hooks) };
    let mut config = SisterConfig::new(secret(first)?).max_sisters(settings.most);
    for other in others {
        config = config.accepting(secret(other)?);
    }
    let mut sisters = Sisters::new();
    for server in &settings.servers {
        sisters = sisters.and(server.clone());
    }
    if let Some(dns) = &settings.dns {
        sisters = sisters.dns(dns, "/ws");
    }
    Ok(hooks.sisters(config, sisters))
}

/// Reads a secret; the end of its last line is not a part of it.
fn secret(file: &std::path::Path) -> Result<Vec<u8>> {
    let mut secret = fs::read(file)
        .with_context(|| format!("the secret of the sisters in {} cannot be read", file.display()))?;
    while secret.last().is_some_and(u8::is_ascii_whitespace) {
        secret.pop();
    }
    if secret.len() < SisterConfig::SECRET_BYTES_MIN {
        let least = SisterConfig::SECRET_BYTES_MIN;
        bail!(
            "the secret of the sisters in {} has less than {least} bytes; use a random one",
            file.display()
        );
    }
    Ok(secret)
}
