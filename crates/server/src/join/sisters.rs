//! The sisters of the hub; their secrets and authorities are read once.

use std::fs;

use anyhow::{Context, Result, bail};
use tidings::hub::Hooks;
use tidings::hub::federation::{SisterConfig, SisterTls, Sisters};

use crate::config::SisterSettings;

/// Where the hub of every server is.
const HUB_PATH: &str = "/ws";

/// Adds sisters to the hooks of a hub whose messages have so many bytes, if there are any.
pub(super) fn add(hooks: Hooks, settings: &SisterSettings, message_bytes: usize) -> Result<Hooks> {
    let Some((first, others)) = settings.secret_files.split_first() else { return Ok(hooks) };
    let mut config =
        SisterConfig::new(secret(first)?).max_sisters(settings.most).for_messages_of(message_bytes);
    for other in others {
        config = config.accepting(secret(other)?);
    }
    let trust = trust(settings)?;
    let mut sisters = Sisters::new();
    for server in settings.servers.iter().cloned() {
        sisters = sisters.and(match &trust {
            Some(trust) => server.tls(trust.clone()),
            None => server,
        });
    }
    if let Some(name) = &settings.dns {
        sisters = match trust.filter(|_| name.is_encrypted) {
            Some(trust) => sisters.dns_over_tls(&name.host_and_port, HUB_PATH, trust),
            None => sisters.dns(&name.host_and_port, HUB_PATH),
        };
    }
    Ok(hooks.sisters(config, sisters))
}

/// Tries to read what the sisters need.
pub(crate) fn check(settings: &SisterSettings) -> Result<()> {
    // What is read does not depend on the length of messages.
    add(Hooks::default(), settings, 0).map(drop)
}

/// Reads whom this server trusts when it dials sisters over TLS; `None` if it dials none so.
fn trust(settings: &SisterSettings) -> Result<Option<SisterTls>> {
    if !settings.are_encrypted() {
        return Ok(None);
    }
    let Some(file) = &settings.ca else {
        return Ok(Some(SisterTls::of_this_machine().context("--sister-ca")?));
    };
    let named = || format!("--sister-ca {}", file.display());
    let authorities = fs::read(file).with_context(named)?;
    Ok(Some(SisterTls::authorities(authorities).with_context(named)?))
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

#[cfg(test)]
mod tests {
    use tidings::hub::{Config, Hub};

    use super::*;

    #[tokio::test]
    async fn a_hub_with_sisters_takes_messages_of_every_length_that_is_allowed() {
        let directory = tempfile::tempdir().expect("there is room");
        let file = directory.path().join("secret");
        fs::write(&file, "random bytes that all nodes have").expect("the folder takes it");
        let settings =
            SisterSettings { servers: Vec::new(), dns: None, ca: None, secret_files: vec![file], most: 8 };
        for message_bytes in [1_024, 256_000, 16 * 1024 * 1024] {
            let hooks = add(Hooks::default(), &settings, message_bytes).expect("the secret is long");
            let config = Config::default().for_messages_of(message_bytes);
            let hub = Hub::start(config, hooks).expect("the links have room for them");
            assert!(hub.node().is_some(), "it has sisters");
        }
    }
}
