//! Which other servers pass on what is written to the hub.

use std::path::PathBuf;

use http::HeaderMap;
use tidings::hub::federation::SisterServer;

use super::setting::{self, Setting};
use super::value;
use super::values::SettingsReader;

/// The sisters of this server.
#[derive(Debug, Clone)]
pub(crate) struct SisterSettings {
    /// Their addresses, as far as they are known.
    pub(crate) servers: Vec<SisterServer>,
    /// A name of DNS, all of whose addresses are sisters.
    pub(crate) dns: Option<SisterName>,
    /// The file with the authorities of their certificates; without it, those of this machine.
    pub(crate) ca: Option<PathBuf>,
    /// The file with the secret that all share, and one with another that is accepted, too.
    pub(crate) secret_files: Vec<PathBuf>,
    /// To how many the server links by itself.
    pub(crate) most: usize,
}

/// A name of DNS whose addresses are sisters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SisterName {
    pub(crate) host_and_port: String,
    pub(crate) is_encrypted: bool,
}

impl SisterSettings {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self {
            servers: reader.take(&setting::SISTER_URL, servers),
            dns: reader.take(&setting::SISTER_DNS, value::optional(dns)),
            ca: reader.take(&setting::SISTER_CA, value::optional(value::path)),
            secret_files: reader.take(&setting::SISTER_SECRET_FILE, secret_files),
            most: reader.count(&setting::SISTERS),
        }
    }

    /// Tells whether a sister is dialled over TLS.
    pub(crate) fn are_encrypted(&self) -> bool {
        self.servers.iter().any(SisterServer::is_encrypted)
            || self.dns.as_ref().is_some_and(|name| name.is_encrypted)
    }

    /// Checks what no single value can tell.
    pub(super) fn check(&self, reader: &mut SettingsReader<'_>) {
        const NEED_SECRET: [&Setting; 4] =
            [&setting::SISTER_URL, &setting::SISTER_DNS, &setting::SISTER_CA, &setting::SISTERS];
        // An address that was refused is none, and is complained about once.
        let is_refused = reader.is_given(&setting::SISTER_URL) && self.servers.is_empty()
            || reader.is_given(&setting::SISTER_DNS) && self.dns.is_none();
        if self.ca.is_some() && !self.are_encrypted() && !is_refused {
            reader.problem(
                &setting::SISTER_CA,
                "is for sisters who are dialled over TLS; give one with --sister-url wss://… or --sister-dns \
                 wss://…, or leave this out",
            );
        }
        if reader.is_given(&setting::SISTER_SECRET_FILE) {
            return;
        }
        for key in NEED_SECRET {
            if reader.is_given(key) {
                reader.problem(
                    key,
                    "needs the secret of the sisters; give it to all of them with --sister-secret-file",
                );
            }
        }
    }
}

fn servers(text: &str) -> Result<Vec<SisterServer>, String> {
    let address = |address: &str| {
        SisterServer::new(address.trim(), HeaderMap::new()).map_err(|_| {
            format!(
                "is {address}; give addresses like ws://10.0.0.7:8000/ws or wss://hub1.example.org/ws, \
                 separated by commas"
            )
        })
    };
    text.split(',').filter(|address| !address.trim().is_empty()).map(address).collect()
}

fn dns(text: &str) -> Result<SisterName, String> {
    let (host_and_port, is_encrypted) = match text.strip_prefix("wss://") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    match host_and_port.rsplit_once(':') {
        Some((host, port)) if is_name(host) && port.parse::<u16>().is_ok() => {
            Ok(SisterName { host_and_port: host_and_port.to_owned(), is_encrypted })
        }
        _ => Err("is not a name with a port, like hubs.internal:8000 or wss://hubs.internal:8000".to_owned()),
    }
}

/// Tells whether a text is no more than a name, without a path or another scheme.
fn is_name(host: &str) -> bool {
    !host.is_empty() && !host.contains('/')
}

fn secret_files(text: &str) -> Result<Vec<PathBuf>, String> {
    let files: Vec<PathBuf> =
        text.split(',').map(str::trim).filter(|file| !file.is_empty()).map(PathBuf::from).collect();
    if files.len() > 2 {
        return Err(
            "has more than two files; give the one with the secret, and one that is accepted, too".to_owned()
        );
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_whether_its_sisters_have_tls() {
        let name = |host_and_port: &str, is_encrypted| {
            Ok(SisterName { host_and_port: host_and_port.to_owned(), is_encrypted })
        };
        assert_eq!(dns("hubs.internal:8000"), name("hubs.internal:8000", false));
        assert_eq!(dns("wss://hubs.internal:8000"), name("hubs.internal:8000", true));
        for wrong in ["hubs.internal", ":8000", "wss://", "wss://hubs.internal", "hubs:http"] {
            assert!(dns(wrong).is_err(), "{wrong}");
        }
        for wrong in ["ws://hubs.internal:8000", "wss://hubs.internal:8000/ws", "hubs/ws:8000"] {
            assert!(dns(wrong).is_err(), "{wrong}");
        }
    }
}
