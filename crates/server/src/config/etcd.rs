//! The etcd in which the timelines are registered.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::setting::{self, Setting};
use super::value;
use super::values::SettingsReader;

/// Where the timelines are registered, and as what.
#[derive(Debug, Clone)]
pub(crate) struct EtcdConfig {
    /// The addresses of the members of the etcd.
    pub(crate) members: Vec<String>,
    /// The name that clients look for.
    pub(crate) name: String,
    /// Which node of that name this is; without it the name of the host says so.
    pub(crate) id: Option<String>,
    /// Where clients reach this server; without it, where it listens.
    pub(crate) advertise: Vec<String>,
    /// Who logs in there.
    pub(crate) user: Option<String>,
    /// With what.
    pub(crate) password: Option<Password>,
    /// The file with the certificates that those of the members are signed with.
    pub(crate) ca: Option<PathBuf>,
    /// The file with our own certificate.
    pub(crate) certificate: Option<PathBuf>,
    /// The file with its key.
    pub(crate) key: Option<PathBuf>,
}

/// A password, which is not shown.
#[derive(Clone)]
pub(crate) struct Password(String);

impl Password {
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// What has no effect without an etcd.
const DEPENDENT: [&Setting; 8] = [
    &setting::ETCD_NAME,
    &setting::ETCD_ID,
    &setting::ETCD_ADVERTISE,
    &setting::ETCD_USER,
    &setting::ETCD_PASSWORD,
    &setting::ETCD_CA,
    &setting::ETCD_CERTIFICATE,
    &setting::ETCD_KEY,
];

impl EtcdConfig {
    /// Reads all settings; `None` if no etcd is named.
    pub(super) fn read(reader: &mut SettingsReader<'_>) -> Option<Self> {
        let config = Self {
            members: reader.take(&setting::ETCD, members),
            name: reader.take(&setting::ETCD_NAME, word),
            id: reader.take(&setting::ETCD_ID, value::optional(word)),
            advertise: reader.take(&setting::ETCD_ADVERTISE, endpoints),
            user: reader.take(&setting::ETCD_USER, value::optional(|text| Ok(text.to_owned()))),
            password: reader
                .take(&setting::ETCD_PASSWORD, value::optional(|text| Ok(Password(text.to_owned())))),
            ca: reader.take(&setting::ETCD_CA, value::optional(value::path)),
            certificate: reader.take(&setting::ETCD_CERTIFICATE, value::optional(value::path)),
            key: reader.take(&setting::ETCD_KEY, value::optional(value::path)),
        };
        (!config.members.is_empty()).then_some(config)
    }

    /// Checks what no single value can tell.
    pub(super) fn check(etcd: Option<&Self>, listens: [SocketAddr; 2], reader: &mut SettingsReader<'_>) {
        if !reader.is_given(&setting::ETCD) {
            for key in DEPENDENT {
                if reader.is_given(key) {
                    reader.problem(key, "has no effect without --etcd; add that, or leave this out");
                }
            }
        }
        let Some(etcd) = etcd else { return };
        let is_anywhere = listens.iter().any(|address| address.ip().is_unspecified());
        if is_anywhere && !reader.is_given(&setting::ETCD_ADVERTISE) {
            reader.problem(
                &setting::ETCD,
                "needs addresses that clients reach, since the server listens on all that this machine has; give \
                 them with --etcd-advertise, like grpc://10.0.0.7:9000,http://10.0.0.7:8000",
            );
        }
        if etcd.members.iter().any(|member| member.starts_with("https:")) && etcd.ca.is_none() {
            reader.problem(
                &setting::ETCD,
                "is asked over TLS, for which the certificate of its CA is needed; give it with --etcd-ca",
            );
        }
        let pairs = [
            (&setting::ETCD_USER, &setting::ETCD_PASSWORD),
            (&setting::ETCD_CERTIFICATE, &setting::ETCD_KEY),
        ];
        for (one, other) in pairs.into_iter().flat_map(|(one, other)| [(one, other), (other, one)]) {
            if reader.is_given(one) && !reader.is_given(other) {
                let wrong = format!("is half of what is needed; give --{} as well", other.name);
                reader.problem(one, &wrong);
            }
        }
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn members(text: &str) -> Result<Vec<String>, String> {
    let is_member = |member: &&str| {
        let host = member.strip_prefix("http://").or_else(|| member.strip_prefix("https://"));
        host.is_some_and(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']))
    };
    if list(text).all(|member| is_member(&member)) {
        return Ok(list(text).map(str::to_owned).collect());
    }
    Err("is not a list of the members of an etcd; give their addresses without user and path, like \
         http://10.0.0.1:2379,http://10.0.0.2:2379"
        .to_owned())
}

fn endpoints(text: &str) -> Result<Vec<String>, String> {
    let is_endpoint = |endpoint: &str| {
        let address =
            endpoint.split_once("://").filter(|(scheme, _)| matches!(*scheme, "grpc" | "http" | "https"));
        // Kratos adds after a `?` whether it is over TLS.
        let address = address.and_then(|(_, address)| address.split('?').next());
        let (host, port) = address.and_then(|address| address.rsplit_once(':')).unwrap_or_default();
        !host.is_empty() && !host.contains(['/', '@', ' ']) && port.parse::<u16>().is_ok()
    };
    if list(text).all(is_endpoint) {
        return Ok(list(text).map(str::to_owned).collect());
    }
    Err("is not a list of addresses with a scheme, a host and a port; give ones like \
         grpc://10.0.0.7:9000,http://10.0.0.7:8000"
        .to_owned())
}

fn word(text: &str) -> Result<String, String> {
    let is_odd = |letter: char| letter == '/' || letter.is_control() || letter.is_whitespace();
    if text.is_empty() || text.len() > 255 || text.contains(is_odd) {
        return Err("must be 1 to 255 bytes without spaces and slashes".to_owned());
    }
    Ok(text.to_owned())
}
