//! The address of a Redis, taken apart.

use std::fmt;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo};

use crate::error::Error;

/// Where to connect to. Displays without user, password, and whatever else might be one.
#[derive(Clone)]
pub struct Address {
    kind: Kind,
    shown: String,
}

/// What is at the address.
#[derive(Clone)]
pub(crate) enum Kind {
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
    /// Takes an address apart. See [`Connect`](crate::Connect) for its forms.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), without the words of the address, if it is none.
    pub fn parse(url: &str) -> Result<Self, Error> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("has no scheme such as redis://"))?;
        let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        // What follows a `?` or `#` may be a password, or the rest of one that was not encoded.
        let shown = format!("{scheme}://{}", rest.split(['?', '#']).next().unwrap_or_default());
        let hosts = Hosts { tls: scheme.starts_with("rediss"), user, rest };
        let kind = match scheme {
            "redis" | "rediss" | "valkey" | "valkeys" => {
                known_options(rest, &["protocol"])?;
                Kind::Single(info(url)?)
            }
            "redis+unix" | "unix" | "valkey+unix" => {
                known_options(rest, &["db", "user", "pass", "protocol"])?;
                Kind::Single(info(url)?)
            }
            "redis-cluster" | "rediss-cluster" => {
                known_options(rest, &[])?;
                Kind::Cluster(hosts.nodes("")?)
            }
            "redis-sentinel" | "rediss-sentinel" => {
                known_options(rest, &[])?;
                hosts.sentinel()?
            }
            _ => return Err(wrong("has an unknown scheme")),
        };
        Ok(Self { kind, shown })
    }

    pub(crate) fn kind(&self) -> &Kind {
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

/// The part of an address that may name several hosts.
struct Hosts<'a> {
    tls: bool,
    user: &'a str,
    /// `host:port,host:port/path`
    rest: &'a str,
}

impl Hosts<'_> {
    fn sentinel(&self) -> Result<Kind, Error> {
        let path = self.rest.split_once('/').map_or("", |(_, path)| path);
        let (master, database) = path.split_once('/').unwrap_or((path, "0"));
        if master.is_empty() {
            return Err(wrong("names no master, as in redis-sentinel://host:26379/mymaster"));
        }
        let node = self.nodes(database)?.swap_remove(0);
        // The sentinels themselves are asked without TLS and without a password.
        let open = Self { tls: false, user: "", rest: self.rest };
        let sentinels = open.nodes("")?.into_iter().map(|info| info.addr().clone()).collect();
        Ok(Kind::Sentinel { sentinels, master: master.to_owned(), node })
    }

    fn nodes(&self, database: &str) -> Result<Vec<ConnectionInfo>, Error> {
        let scheme = if self.tls { "rediss" } else { "redis" };
        let at = if self.user.is_empty() { "" } else { "@" };
        let hosts = self.rest.split(['/', '?']).next().unwrap_or_default();
        hosts.split(',').map(|host| info(&format!("{scheme}://{}{at}{host}/{database}", self.user))).collect()
    }
}

/// Refuses options that would be passed over in silence, such as a database that is meant to be another one.
fn known_options(rest: &str, known: &[&str]) -> Result<(), Error> {
    let Some((_, options)) = rest.split_once('?') else { return Ok(()) };
    let mut names = options.split('&').map(|option| option.split('=').next().unwrap_or_default());
    if names.all(|name| known.contains(&name)) {
        return Ok(());
    }
    let allowed = known.join("`, `");
    let what = if known.is_empty() { "no options".to_owned() } else { format!("the options `{allowed}`") };
    // Not the option itself: it may be the rest of a password with a `?` in it, which has to be written as `%3F`.
    Err(wrong(&format!("has something after its `?` that is no option of its scheme, which has {what}")))
}

fn info(url: &str) -> Result<ConnectionInfo, Error> {
    let info = url.into_connection_info().map_err(|error| {
        // Its text may hold the password, its category does not.
        Error::config(format!("redis url is wrong: {}", error.category().to_lowercase()))
    })?;
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    Ok(info.set_tcp_settings(tcp))
}

fn wrong(fault: &str) -> Error {
    Error::config(format!("redis url {fault}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn every_kind_of_address_is_understood() {
        let single = Address::parse("rediss://alice:s%40cret@db.example:6380/3").unwrap();
        assert_eq!(single.to_string(), "rediss://db.example:6380/3");
        let Kind::Single(info) = single.kind else { panic!("one server") };
        assert_eq!(info.redis_settings().username(), Some("alice"));
        assert_eq!(info.redis_settings().password(), Some("s@cret"));
        assert_eq!(info.redis_settings().db(), 3);

        let cluster = Address::parse("redis-cluster://:pw@a:1,b:2").unwrap();
        assert_eq!(cluster.to_string(), "redis-cluster://a:1,b:2");
        let Kind::Cluster(nodes) = cluster.kind else { panic!("a cluster") };
        assert_eq!(nodes.len(), 2);
        assert_eq!(nodes[1].addr().to_string(), "b:2");
        assert_eq!(nodes[1].redis_settings().password(), Some("pw"));

        let Kind::Sentinel { sentinels, master, node } =
            Address::parse("redis-sentinel://bob:pw@a:26379,b:26380/mymaster/2").unwrap().kind
        else {
            panic!("sentinels")
        };
        assert_eq!((sentinels.len(), master.as_str()), (2, "mymaster"));
        assert_eq!((node.redis_settings().db(), node.redis_settings().username()), (2, Some("bob")));

        let socket = Address::parse("redis+unix:///run/redis.sock?db=2&pass=s").unwrap();
        assert_eq!(socket.to_string(), "redis+unix:///run/redis.sock");
        let Kind::Single(info) = socket.kind else { panic!("one server") };
        assert_eq!(info.redis_settings().db(), 2);
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
