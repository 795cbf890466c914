//! What is stored in etcd: keys and values of the Kratos framework.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Error, ErrorKind, Result};

/// What every key begins with.
const NAMESPACE: &str = "/microservices/";

pub(super) const NAME_DEFAULT: &str = "go-timeline";

/// The most bytes of a name and of an id.
const WORD_BYTES_MAX: usize = 255;

/// A process that serves a timeline, as it stands in etcd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Node {
    /// Which one of those with the same name it is.
    pub id: String,
    /// The name of the service.
    pub name: String,
    /// The version of the program; may be empty.
    #[serde(default)]
    pub version: String,
    /// What else the program says of itself.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// Where it serves, like `grpc://10.0.0.7:9000` and `http://10.0.0.7:8000`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub endpoints: Vec<String>,
}

impl Node {
    /// Returns host and port where it serves gRPC without TLS, if it does.
    #[must_use]
    pub fn grpc_address(&self) -> Option<&str> {
        self.endpoints.iter().find_map(|endpoint| {
            let rest = endpoint.strip_prefix("grpc://")?;
            // Kratos says so where its gRPC is over TLS.
            if rest.contains("isSecure=true") {
                return None;
            }
            rest.split(['/', '?']).next().filter(|address| !address.is_empty())
        })
    }

    pub(super) fn new(id: String, name: String) -> Self {
        Self { id, name, version: String::new(), metadata: BTreeMap::new(), endpoints: Vec::new() }
    }

    pub(super) fn key(&self) -> String {
        format!("{}{}", prefix(&self.name), self.id)
    }

    pub(super) fn value(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| {
            Error::with_source(ErrorKind::Config, "the node cannot be written as JSON", error)
        })
    }

    /// Reads a value, `None` if it is not of a node of this name.
    pub(super) fn read(value: &[u8], name: &str) -> Option<Self> {
        serde_json::from_slice(value).ok().filter(|node: &Self| node.name == name)
    }
}

/// Returns what the keys of the nodes of a name begin with.
pub(super) fn prefix(name: &str) -> String {
    format!("{NAMESPACE}{name}/")
}

/// Returns the first key behind those with the prefix of a name.
pub(super) fn prefix_end(name: &str) -> String {
    // `0` comes after `/`.
    format!("{NAMESPACE}{name}0")
}

/// Checks a name or an id, which become parts of a key.
pub(super) fn check_word(what: &str, word: &str) -> Result<()> {
    let is_odd = |letter: char| letter == '/' || letter.is_control() || letter.is_whitespace();
    if word.is_empty() || word.len() > WORD_BYTES_MAX || word.contains(is_odd) {
        let text =
            format!("the {what} is {word:?}; give 1 to {WORD_BYTES_MAX} bytes without spaces and slashes");
        return Err(Error::new(ErrorKind::Config, text));
    }
    Ok(())
}

/// Go writes a map or a list that was never made as null.
fn null_is_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_written_as_the_original_does() {
        let mut node = Node::new("host-7".to_owned(), NAME_DEFAULT.to_owned());
        node.endpoints = vec!["grpc://10.0.0.7:9000".to_owned(), "http://10.0.0.7:8000".to_owned()];
        assert_eq!(node.key(), "/microservices/go-timeline/host-7");
        let value = String::from_utf8(node.value().unwrap()).unwrap();
        assert_eq!(
            value,
            r#"{"id":"host-7","name":"go-timeline","version":"","metadata":{},"endpoints":["grpc://10.0.0.7:9000","http://10.0.0.7:8000"]}"#
        );
        assert_eq!(Node::read(value.as_bytes(), NAME_DEFAULT), Some(node));
        assert_eq!(Node::read(value.as_bytes(), "other"), None);
    }

    #[test]
    fn values_of_the_original_are_read() {
        let value = br#"{"id":"h","name":"go-timeline","version":"v1","metadata":null,"endpoints":["http://h:8000","grpc://h:9000?isSecure=false"]}"#;
        let node = Node::read(value, NAME_DEFAULT).unwrap();
        assert_eq!((node.grpc_address(), node.metadata.len()), (Some("h:9000"), 0));
        let secure = br#"{"id":"h","name":"go-timeline","endpoints":["grpc://h:9000?isSecure=true"]}"#;
        assert_eq!(Node::read(secure, NAME_DEFAULT).unwrap().grpc_address(), None);
        assert_eq!(Node::read(b"{}", NAME_DEFAULT), None);
    }
}
