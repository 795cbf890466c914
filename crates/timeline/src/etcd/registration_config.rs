//! What is registered, and where.

use super::node::{self, Node};
use super::servers::{Servers, without_login};
use crate::{Error, ErrorKind, Result};

/// What a [`Registration`](super::Registration) registers, and in which etcd.
///
/// It begins with [`new`](Self::new) and is changed by setters;
/// [`Registration::start`](super::Registration::start) checks the whole once.
#[derive(Debug, Clone)]
pub struct RegistrationConfig {
    pub(super) servers: Servers,
    name: String,
    id: Option<String>,
    version: String,
    metadata: Vec<(String, String)>,
    endpoints: Vec<String>,
}

impl RegistrationConfig {
    /// Creates the registration of a timeline that serves at `endpoints`.
    ///
    /// Each is like `grpc://10.0.0.7:9000` or `http://10.0.0.7:8000`, with an address that clients
    /// reach.
    #[must_use]
    pub fn new(servers: Servers, endpoints: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            servers,
            name: node::NAME_DEFAULT.to_owned(),
            id: None,
            version: String::new(),
            metadata: Vec::new(),
            endpoints: endpoints.into_iter().map(Into::into).collect(),
        }
    }

    /// Sets the name that clients look for.
    ///
    /// `go-timeline` by default; up to 255 bytes without spaces and slashes.
    #[must_use]
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Sets which node of that name this is.
    ///
    /// The name of the host by default, as the original has it. Where two processes of one host
    /// register under one name, each needs an id of its own.
    #[must_use]
    pub fn id(self, id: impl Into<String>) -> Self {
        Self { id: Some(id.into()), ..self }
    }

    /// Sets the version of the program that clients see; none by default.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: version.into(), ..self }
    }

    /// Adds something that the program says of itself.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((key.into(), value.into()));
        self
    }

    /// Checks all that can be told without an etcd, as a start does.
    ///
    /// It is for a program that wants to know before it does anything else.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the configuration cannot be used.
    pub fn validate(&self) -> Result<()> {
        self.servers.endpoints()?;
        self.node().map(drop)
    }

    /// Returns the node that is registered, or what is wrong with the configuration.
    pub(super) fn node(&self) -> Result<Node> {
        let id = self.id.clone().unwrap_or_else(host_name);
        node::check_word("name of the service in etcd", &self.name)?;
        node::check_word("id of this node in etcd", &id)?;
        if self.endpoints.is_empty() {
            return Err(wrong("there is no endpoint to register; give at least one".to_owned()));
        }
        for endpoint in &self.endpoints {
            let address = endpoint.strip_prefix("grpc://").or_else(|| endpoint.strip_prefix("http://"));
            let address = address.or_else(|| endpoint.strip_prefix("https://"));
            if !address.is_some_and(is_reachable) {
                let shown = without_login(endpoint);
                return Err(wrong(format!(
                    "{shown:?} is not an endpoint; give ones like grpc://10.0.0.7:9000 and http://10.0.0.7:8000"
                )));
            }
        }
        let mut node = Node::new(id, self.name.clone());
        node.version.clone_from(&self.version);
        node.metadata = self.metadata.iter().cloned().collect();
        node.endpoints.clone_from(&self.endpoints);
        Ok(node)
    }
}

/// Returns whether an address has a host and a port. Go listens at `:9000`, where nobody can call.
fn is_reachable(address: &str) -> bool {
    // Kratos adds whether it is over TLS.
    let address = address.split_once('?').map_or(address, |(address, _)| address);
    address.rsplit_once(':').is_some_and(|(host, port)| {
        !host.is_empty() && !host.contains(['/', '@', ' ']) && port.parse::<u16>().is_ok()
    })
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

fn wrong(text: String) -> Error {
    Error::new(ErrorKind::Config, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(endpoint: &str) -> RegistrationConfig {
        RegistrationConfig::new(Servers::new(["http://127.0.0.1:2379"]), [endpoint])
    }

    #[test]
    fn the_host_is_the_id_unless_another_is_set() {
        let node = config("grpc://10.0.0.7:9000").node().unwrap();
        assert!(!node.id.is_empty() && node.name == "go-timeline");
        let node =
            config("grpc://10.0.0.7:9000").id("a").name("b").version("1").metadata("k", "v").node().unwrap();
        assert_eq!(node.key(), "/microservices/b/a");
    }

    #[test]
    fn what_clients_could_not_find_is_refused() {
        for endpoint in [
            "",
            "10.0.0.7:9000",
            "grpc://host",
            "grpc://:9000",
            "grpc://host:",
            "grpc://host:x",
            "grpc://u:hidden@host:1",
            "http://host:1/path",
        ] {
            let error = config(endpoint).node().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{endpoint}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
        for endpoint in ["grpc://[::1]:9000", "grpc://h:9000?isSecure=false"] {
            assert_eq!(config(endpoint).node().unwrap().endpoints, [endpoint]);
        }
        assert!(config("grpc://h:1").id("a/b").node().is_err());
        assert!(config("grpc://h:1").name("").node().is_err());
        assert!(RegistrationConfig::new(Servers::new(["http://h:1"]), Vec::<String>::new()).node().is_err());
    }
}
