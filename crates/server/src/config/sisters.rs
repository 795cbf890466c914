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
    /// A name of DNS with a port, all of whose addresses are sisters.
    pub(crate) dns: Option<String>,
    /// The file with the secret that all share, and one with another that is accepted, too.
    pub(crate) secret_files: Vec<PathBuf>,
    /// To how many the server links by itself.
    pub(crate) most: usize,
}

impl SisterSettings {
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Self {
        Self {
            servers: reader.take(&setting::SISTER_URL, servers),
            dns: reader.take(&setting::SISTER_DNS, value::optional(dns)),
            secret_files: reader.take(&setting::SISTER_SECRET_FILE, secret_files),
            most: reader.count(&setting::SISTERS),
        }
    }

    /// Checks what no single value can tell.
    pub(super) fn check(reader: &mut SettingsReader<'_>) {
        const NEED_SECRET: [&Setting; 3] = [&setting::SISTER_URL, &setting::SISTER_DNS, &setting::SISTERS];
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
            format!("is {address}; give addresses like ws://10.0.0.7:8000/ws, separated by commas")
        })
    };
    text.split(',').filter(|address| !address.trim().is_empty()).map(address).collect()
}

fn dns(text: &str) -> Result<String, String> {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(text.to_owned()),
        _ => Err("is not a name with a port, like hubs.internal:8000".to_owned()),
    }
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
