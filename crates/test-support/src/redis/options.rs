//! What can be asked of a Redis.

use std::ffi::OsString;

/// How a Redis of ours is to be; by default it is open to all, keeps everything in memory, and
/// nothing else.
#[derive(Debug, Clone, Default)]
pub struct RedisOptions {
    /// The password of the default user; none by default.
    pub password: Option<String>,
    /// Users beside the default one; none by default.
    pub users: Vec<RedisUser>,
    /// Whether the address is one for TLS, with a certificate for `localhost` and `127.0.0.1` of a
    /// CA that exists for this server only. No by default.
    pub tls: bool,
    /// How many bytes of data there may be, and which keys go when there are more, such as
    /// `noeviction`; no limit by default.
    pub memory_max: Option<(u64, &'static str)>,
    /// Whether data outlives the process, also one that is killed. No by default.
    pub append_only: bool,
    /// Whether it is a node of a cluster, which has a port for the other nodes, too. No by default.
    pub cluster_node: bool,
    /// What else is on the command line, such as `["--notify-keyspace-events", "Ex$"]`; it
    /// overrides ours.
    pub arguments: Vec<String>,
}

/// A user of the access control list.
#[derive(Debug, Clone)]
pub struct RedisUser {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
    /// What the user may do, one word a rule: `~presence:*`, `&*`, `+@all`, `-@dangerous`.
    pub rules: Vec<String>,
}

impl RedisOptions {
    /// Returns the part of the command line that depends on neither port nor directory.
    pub(super) fn command_line(&self) -> Vec<OsString> {
        let mut line: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| line.extend(words.iter().map(|word| (*word).to_owned()));
        if let Some(password) = &self.password {
            add(&["--requirepass", password]);
        }
        for RedisUser { name, password, rules } in &self.users {
            add(&["--user", name, "on", &format!(">{password}")]);
            rules.iter().for_each(|rule| add(&[rule]));
        }
        if let Some((bytes, policy)) = self.memory_max {
            add(&["--maxmemory", &bytes.to_string(), "--maxmemory-policy", policy]);
        }
        if self.cluster_node {
            add(&["--cluster-enabled", "yes"]);
        }
        if self.append_only {
            // What the process has written outlives it, synced or not. With `everysec` it would put
            // writes off while the disk is busy, and answer before they are made.
            add(&["--appendonly", "yes", "--appendfsync", "no"]);
        }
        line.extend_from_slice(&self.arguments);
        line.into_iter().map(OsString::from).collect()
    }
}
