//! A master, its replica, and three sentinels that watch them.

use std::fs;

use super::command::SENTINEL;
use super::command::SENTINEL_FILE;
use super::options::RedisOptions;
use super::patience::Patience;
use super::server::Redis;
use super::wire::Connection;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::server::Server;

/// Two servers, of which three sentinels make one the master, gone when dropped.
///
/// A master that does not answer for 3 s is down, so that a busy machine's is not; the other one is
/// master about two seconds later.
///
/// ```no_run
/// # async fn example() -> test_support::Result<()> {
/// let redis = test_support::RedisSentinel::start().await?;
/// let master = redis.master().await?;
/// master.kill()?;
/// redis.failed_over(master).await?; // the other one is master now
/// master.start_again().await?; // and becomes its replica, within half a minute
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct RedisSentinel {
    // Before the servers that they watch: they would fail them over.
    sentinels: Vec<Server>,
    servers: [Redis; 2],
}

impl RedisSentinel {
    /// Starts all five, and returns once the sentinels know each other and the replica, which is in
    /// sync.
    ///
    /// # Errors
    ///
    /// As [`Redis::private`]; `Timeout` if they do not find together.
    pub async fn start() -> Result<Self> {
        Self::with(&RedisOptions::default()).await
    }

    /// The same with options for the two servers, which must not ask for a password or for TLS.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn with(options: &RedisOptions) -> Result<Self> {
        let mut options = options.clone();
        // Waiting for more replicas would be in vain.
        options.arguments.splice(0..0, ["--repl-diskless-sync-delay", "0"].map(str::to_owned));
        let master = Redis::with(&options).await?;
        options
            .arguments
            .splice(0..0, ["--replicaof", "127.0.0.1", &master.port().to_string()].map(str::to_owned));
        let replica = Redis::with(&options).await?;
        let mut redis = Self { sentinels: Vec::new(), servers: [master, replica] };
        // Before the sentinels: they ask a master for its replicas at once, and then every ten
        // seconds.
        redis.replicates().await?;
        for _ in 0..SENTINELS {
            redis.sentinels.push(sentinel(&redis.servers[0]).await?);
        }
        redis.agree().await?;
        Ok(redis)
    }

    /// Returns the address with all sentinels and the name of the master in it,
    /// `redis-sentinel://host:port,host:port,host:port/mymaster`.
    pub fn url(&self) -> String {
        let hosts = self.sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.address.port));
        format!("redis-sentinel://{}/{NAME}", hosts.collect::<Vec<_>>().join(","))
    }

    /// Returns both servers, the first master and the first replica.
    pub fn servers(&self) -> &[Redis; 2] {
        &self.servers
    }

    /// Returns the sentinels, to be frozen or killed.
    pub fn sentinels(&self) -> &[Server] {
        &self.sentinels
    }

    /// Returns the server that the sentinels call the master.
    ///
    /// # Errors
    ///
    /// `Protocol` if they disagree; `Unavailable` or `Timeout` if one does not answer.
    pub async fn master(&self) -> Result<&Redis> {
        let ports = self.master_ports().await?;
        let servers = self.servers.iter();
        let mut agreed = servers.filter(|server| ports.iter().all(|port| *port == server.port().to_string()));
        agreed.next().ok_or_else(|| {
            Error::new(ErrorKind::Protocol, format!("the sentinels do not agree on a master: {ports:?}"))
        })
    }

    /// Returns the server that is not this one.
    pub fn other(&self, server: &Redis) -> &Redis {
        if self.servers[0].port() == server.port() { &self.servers[1] } else { &self.servers[0] }
    }

    /// Returns the master once nothing is left of a failover, and another one is possible.
    ///
    /// That is when the replica is in sync, and all sentinels agree and know it.
    ///
    /// # Errors
    ///
    /// `Timeout` if it does not come to that; `Unavailable` if somebody does not answer.
    pub async fn whole(&self) -> Result<&Redis> {
        let patience = Patience::for_the("sentinels to agree on a master");
        loop {
            self.replicates().await?;
            self.agree().await?;
            let answer = match self.master().await {
                Ok(master) => {
                    let role = master.tell(&["ROLE"]).await?;
                    if role.texts().first() == Some(&"master") {
                        return Ok(master);
                    }
                    format!("{role:?}")
                }
                Err(disagreement) => disagreement.to_string(),
            };
            patience.wait(&answer).await?;
        }
    }

    /// Returns the new master once all sentinels agree that it is not `old`, and it says so itself.
    ///
    /// # Errors
    ///
    /// `Timeout` if `old` stays the master; `Unavailable` if a sentinel does not answer.
    pub async fn failed_over(&self, old: &Redis) -> Result<&Redis> {
        let new = self.other(old);
        let patience = Patience::for_the("new master");
        loop {
            let ports = self.master_ports().await?;
            if ports.iter().all(|port| *port == new.port().to_string()) {
                let role = new.tell(&["ROLE"]).await?;
                if role.texts().first() == Some(&"master") {
                    return Ok(new);
                }
            }
            patience.wait(&ports.join(" ")).await?;
        }
    }

    /// Waits until all sentinels know each other and the replica, and would fail over.
    async fn agree(&self) -> Result<()> {
        let patience = Patience::for_the("sentinels to agree");
        for sentinel in &self.sentinels {
            let mut connection = Connection::open(&sentinel.address).await?;
            loop {
                let answer = connection.tell(&["SENTINEL", "MASTER", NAME]).await?;
                let texts = answer.texts();
                let is = |name, value| texts.chunks(2).any(|field| field == [name, value]);
                let known = is("num-slaves", "1") && is("num-other-sentinels", "2");
                if known && is("flags", "master") && replica_is_up(&mut connection).await? {
                    break;
                }
                patience.wait(&texts.join(" ")).await?;
            }
        }
        Ok(())
    }

    /// Waits until one of the servers is a replica in sync with the other one.
    async fn replicates(&self) -> Result<()> {
        let patience = Patience::for_the("replica to be in sync");
        loop {
            let mut roles = Vec::new();
            for server in &self.servers {
                let info = server.tell(&["INFO", "replication"]).await?;
                let line = |name| info.line(name).unwrap_or_default();
                roles.push((line("role").to_owned(), line("master_link_status").to_owned()));
            }
            let is_master = |place: usize| roles[place].0 == "master";
            let in_sync = |place: usize| roles[place] == ("slave".to_owned(), "up".to_owned());
            if (is_master(0) && in_sync(1)) || (in_sync(0) && is_master(1)) {
                return Ok(());
            }
            patience.wait(&format!("{roles:?}")).await?;
        }
    }

    /// Returns the port of the master by the account of each sentinel.
    async fn master_ports(&self) -> Result<Vec<String>> {
        let mut ports = Vec::new();
        for sentinel in &self.sentinels {
            let mut connection = Connection::open(&sentinel.address).await?;
            let answer = connection.tell(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]).await?;
            ports.push(answer.texts().get(1).copied().unwrap_or_default().to_owned());
        }
        Ok(ports)
    }
}

async fn sentinel(master: &Redis) -> Result<Server> {
    let port = master.port();
    Server::start_process(&SENTINEL, |_port, directory| {
        let lines = [
            format!("sentinel monitor {NAME} 127.0.0.1 {port} {QUORUM}"),
            format!("sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}"),
            format!("sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}"),
            String::new(),
        ];
        fs::write(directory.join(SENTINEL_FILE), lines.join("\n")).map_err(|error| {
            Error::because(ErrorKind::Unavailable, "cannot write a sentinel's settings", error)
        })?;
        Ok(Vec::new())
    })
    .await
}

async fn replica_is_up(sentinel: &mut Connection) -> Result<bool> {
    let answer = sentinel.tell(&["SENTINEL", "REPLICAS", NAME]).await?;
    let texts = answer.texts();
    let is = |name, value| texts.chunks(2).any(|field| field == [name, value]);
    Ok(is("flags", "slave") && is("master-link-status", "ok"))
}

/// What the sentinels call the master.
const NAME: &str = "mymaster";
const SENTINELS: usize = 3;
const QUORUM: usize = 2;
const DOWN_AFTER_MS: u32 = 3_000;
/// After twice this a failover that did not work is tried again.
const FAILOVER_TIMEOUT_MS: u32 = 3_000;
