//! The address of a Redis, taken apart.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::error::Error;
use crate::features::Features;

/// Where to connect to.
///
/// It displays without user, password, and whatever else might be a secret.
#[derive(Clone)]
pub struct Address {
    kind: AddressKind,
    shown: String,
}

/// What is at the address.
#[derive(Clone)]
pub(crate) enum AddressKind {
    Single(ConnectionInfo),
    Sentinel {
        /// Reached without TLS, user and password.
        sentinels: Vec<ConnectionAddr>,
        master: String,
        /// User, password, database and TLS of the master; its host is what the sentinels say.
        node: ConnectionInfo,
    },
    Cluster(Vec<ConnectionInfo>),
}

impl Address {
    /// Takes an address apart.
    ///
    /// See [`LinkConfig`](crate::LinkConfig) for its forms.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the text is not an address, or needs a feature of
    /// this crate that is off. The error repeats nothing of the text, which may hold a password.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let parts = UrlParts::of(url)?;
        if let Some(fault) = Features::BUILT.fault(parts.scheme) {
            return Err(wrong(fault));
        }
        let shown = parts.shown();
        let kind = match parts.scheme {
            "redis" | "rediss" | "valkey" | "valkeys" => {
                parts.known_options(&["protocol"])?;
                AddressKind::Single(info(url)?)
            }
            "redis+unix" | "unix" | "valkey+unix" => {
                parts.known_options(&["db", "user", "pass", "protocol"])?;
                if !parts.user.is_empty() || !parts.hosts.is_empty() {
                    return Err(wrong(
                        "has a user or a host before the path of its unix socket; write redis+unix:///path, \
                         with user and password behind it as `?user=…&pass=…`",
                    ));
                }
                AddressKind::Single(info(url)?)
            }
            "redis-cluster" | "rediss-cluster" => {
                parts.known_options(&[])?;
                if !matches!(parts.path, "" | "/" | "/0") {
                    return Err(wrong(
                        "has a path after its hosts; remove it, since a cluster only has database 0",
                    ));
                }
                AddressKind::Cluster(parts.nodes("")?)
            }
            "redis-sentinel" | "rediss-sentinel" => {
                parts.known_options(&[])?;
                parts.sentinel()?
            }
            _ => {
                return Err(wrong(
                    "has an unknown scheme; use redis, rediss, redis+unix, redis-sentinel, rediss-sentinel, \
                     redis-cluster or rediss-cluster",
                ));
            }
        };
        Ok(Self { kind, shown })
    }

    pub(crate) fn kind(&self) -> &AddressKind {
        &self.kind
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An address as every parser of URLs cuts it: what comes before the first `/`, `?` or `#` holds
/// user and hosts.
///
/// A password with one of these three in it would be cut in two, and its halves taken for a host, a
/// path or an option. It leaves an `@` behind the hosts, where none belongs: such an address is
/// refused, so that what is shown is never a part of a password.
struct UrlParts<'a> {
    scheme: &'a str,
    /// `user:password`, or empty.
    user: &'a str,
    /// `host:port,host:port`
    hosts: &'a str,
    /// From its `/` on, or empty.
    path: &'a str,
    options: Option<&'a str>,
}

impl<'a> UrlParts<'a> {
    fn of(url: &'a str) -> Result<Self, Error> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| wrong("has no scheme; write it like redis://host:6379"))?;
        if rest.contains('#') {
            return Err(wrong("contains a `#`; write it as %23 in a user or password"));
        }
        let (rest, options) =
            rest.split_once('?').map_or((rest, None), |(rest, options)| (rest, Some(options)));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (user, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
        let is_socket = hosts.is_empty() && user.is_empty();
        if path.contains('@') || !is_socket && options.is_some_and(|options| options.contains('@')) {
            return Err(wrong(
                "has an `@` behind its hosts; in a user or password write `/` as %2F and `?` as %3F",
            ));
        }
        Ok(Self { scheme, user, hosts, path, options })
    }

    /// Neither user and password nor options, which may hold one.
    fn shown(&self) -> String {
        format!("{}://{}{}", self.scheme, self.hosts, self.path)
    }

    /// Refuses options that would be passed over in silence, such as a database that is meant to be
    /// another one.
    fn known_options(&self, known: &[&str]) -> Result<(), Error> {
        let Some(options) = self.options else { return Ok(()) };
        let mut names = options.split('&').map(|option| option.split('=').next().unwrap_or_default());
        if names.all(|name| known.contains(&name)) {
            return Ok(());
        }
        let allowed = known.join("`, `");
        let what = if known.is_empty() { "has none".to_owned() } else { format!("has only `{allowed}`") };
        // Not the option itself: it may be the rest of a password with a `&` in it, which has to be
        // written as `%26`.
        Err(wrong(&format!(
            "has an option after its `?` that its scheme does not know, which {what}; in a password write \
             `&` as %26"
        )))
    }

    fn sentinel(&self) -> Result<AddressKind, Error> {
        let path = self.path.strip_prefix('/').unwrap_or_default();
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() {
            return Err(wrong("names no master; write it like redis-sentinel://host:26379/mymaster"));
        }
        let node = self.nodes(database)?.swap_remove(0);
        // The sentinels themselves are asked without TLS and without a password.
        let open = Self { scheme: "redis-sentinel", user: "", ..*self };
        let sentinels = open.nodes("")?.into_iter().map(|info| info.addr().clone()).collect();
        Ok(AddressKind::Sentinel { sentinels, master: master.to_owned(), node })
    }

    fn nodes(&self, database: &str) -> Result<Vec<ConnectionInfo>, Error> {
        let scheme = if self.scheme.starts_with("rediss") { "rediss" } else { "redis" };
        let at = if self.user.is_empty() { "" } else { "@" };
        let node = |host| info(&format!("{scheme}://{}{at}{host}/{database}", self.user));
        self.hosts.split(',').map(node).collect()
    }
}

fn info(url: &str) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(|error| {
        // Its text may hold the password, its category does not.
        Error::config(format!("the redis url cannot be read: {}", error.category().to_lowercase()))
    })?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_tcp_settings(tcp))
}

fn wrong(fault: &str) -> Error {
    Error::config(format!("the redis url {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn every_kind_of_address_is_understood() {
        let single = Address::parse("rediss://alice:s%40cret@db.example:6380/3").unwrap();
        assert_eq!(single.to_string(), "rediss://db.example:6380/3");
        let AddressKind::Single(info) = single.kind else { panic!("one server") };
        assert_eq!(info.redis_settings().username(), Some("alice"));
        assert_eq!(info.redis_settings().password(), Some("s@cret"));
        assert_eq!(info.redis_settings().db(), 3);

        let cluster = Address::parse("redis-cluster://:pw@a:1,b:2").unwrap();
        assert_eq!(cluster.to_string(), "redis-cluster://a:1,b:2");
        let AddressKind::Cluster(nodes) = cluster.kind else { panic!("a cluster") };
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[1].addr().to_string(), "b:2");
        assert_eq!(nodes[1].redis_settings().password(), Some("pw"));

        let AddressKind::Sentinel { sentinels, master, node } =
            Address::parse("redis-sentinel://bob:pw@a:26379,b:26380/mymaster/2").unwrap().kind
        else {
            panic!("sentinels")
        };
        assert_eq!((sentinels.len(), master.as_str()), (2, "mymaster"));
        assert_eq!((node.redis_settings().db(), node.redis_settings().username()), (2, Some("bob")));

        let socket = Address::parse("redis+unix:///run/redis.sock?db=2&pass=s").unwrap();
        assert_eq!(socket.to_string(), "redis+unix:///run/redis.sock");
        let AddressKind::Single(info) = socket.kind else { panic!("one server") };
        assert_eq!(info.redis_settings().db(), 2);
    }

    #[test]
    fn password_of_a_socket_is_not_shown_whatever_is_in_it() {
        for (url, password) in [
            ("redis+unix:///run/redis.sock?pass=p@sswd", "p@sswd"),
            ("redis+unix:///run/redis.sock?user=bob&pass=a/b@c?d", "a/b@c?d"),
            ("unix:///run/redis.sock?pass=@hidden", "@hidden"),
        ] {
            let address = Address::parse(url).unwrap();
            assert!(address.to_string().ends_with(":///run/redis.sock"), "{address}");
            let AddressKind::Single(info) = address.kind else { panic!("one server") };
            assert_eq!(info.redis_settings().password(), Some(password));
        }
    }

    #[test]
    fn half_a_password_is_never_taken_for_a_host_or_a_path() {
        for url in [
            "redis://user:12?hidden@host",
            "redis://user:12#hidden@host",
            "redis-cluster://user:12?hidden@host:1,other:2",
            "redis-sentinel://user:1/hidden@host/mymaster",
            "redis-sentinel://host:1/my@hidden",
            "redis+unix://:hidden@/run/redis.sock",
            "redis+unix://:hid/den@/run/redis.sock",
            "redis+unix:///run/redis.sock?pass=hid#den",
            "redis-cluster://host:1/hidden",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(!error.to_string().contains("hidden"), "{error}");
        }
    }

    #[test]
    fn wrong_addresses_are_errors_without_their_password() {
        for url in [
            "",
            "localhost:6379",
            "http://secret@localhost",
            "redis://secret@",
            "redis-sentinel://secret@a:1",
            "redis-sentinel://secret@a:1/",
            "redis-cluster://secret@a:1,b:x",
            "redis-sentinel://secret@a:1/mymaster/x",
            "redis://:pa?secret@localhost",
            "redis://:p#secret@localhost",
            "redis://localhost?secret=1",
            "redis://localhost/0?db=4&x=secret",
            "redis-cluster://a:1?pass=secret",
            "redis+unix:///run/redis.sock?db=1&other=secret",
        ] {
            let error = Address::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{url}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
