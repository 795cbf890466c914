//! A replica set of three members, of which one can be lost.

use std::time::Duration;

use bson::Document;
use bson::doc;
use tokio::time::Instant;
use tokio::time::sleep;
use tokio::time::timeout;

use super::gate::MongoGate;
use super::server::Mongo;
use super::server::SET;
use super::server::is_true;
use crate::address::START_LIMIT;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// An empty replica set of three members, each a process of ours, gone when dropped.
///
/// A member can be frozen, killed, started again, made to fail and made to step down; see
/// [`Mongo`]. One that is lost is replaced as primary after about 2 s.
#[derive(Debug)]
pub struct MongoSet {
    members: Vec<Mongo>,
    /// One in front of each member, or none at all.
    gates: Vec<MongoGate>,
}

impl MongoSet {
    /// Starts three members, whatever else there is, and returns once one of them is primary and
    /// the others follow it.
    ///
    /// # Errors
    ///
    /// As [`Mongo::private`].
    pub async fn start() -> Result<Self> {
        Self::initiated(started().await?, Vec::new()).await
    }

    /// Starts three members with a gate in front of each: clients, and members among themselves,
    /// reach them through it.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub async fn behind_gates() -> Result<Self> {
        let members = started().await?;
        let mut gates = Vec::new();
        for member in &members {
            gates.push(MongoGate::start(member.port()).await?);
        }
        Self::initiated(members, gates).await
    }

    async fn initiated(members: Vec<Mongo>, gates: Vec<MongoGate>) -> Result<Self> {
        let set = Self { members, gates };
        let hosts: Vec<Document> =
            (0_i32..).zip(set.hosts()).map(|(id, host)| doc! { "_id": id, "host": host }).collect();
        // All follow the primary itself: otherwise one that a test holds back may hold back another
        // one, and no majority has anything.
        let settings = doc! {
            "electionTimeoutMillis": ELECTION_MS,
            "heartbeatIntervalMillis": HEARTBEAT_MS,
            "chainingAllowed": false,
        };
        let config = doc! { "_id": SET, "members": hosts, "settings": settings };
        // One member is told of all; it tells the others.
        set.member(0).command("admin", doc! { "replSetInitiate": config }).await?;
        for member in &set.members {
            member.is_ready().await?;
        }
        set.commits().await?;
        Ok(set)
    }

    /// Waits until the primary commits, which needs the answer of another member.
    ///
    /// A new set is slow to do so the first time, more so where the disk is busy.
    async fn commits(&self) -> Result<()> {
        let limit = i64::try_from(START_LIMIT.as_millis()).unwrap_or(i64::MAX);
        let read = doc! { "find": "nothing", "readConcern": { "level": "linearizable" }, "maxTimeMS": limit };
        self.member(self.primary().await?).command("test", read).await.map(drop)
    }

    /// Returns the address of the set with all members in it,
    /// `mongodb://host:port,host:port,…/?replicaSet=…`.
    pub fn url(&self) -> String {
        format!("mongodb://{}/?replicaSet={SET}", self.hosts().join(","))
    }

    /// Returns where the members are, for drivers and for each other.
    fn hosts(&self) -> Vec<String> {
        let ports: Vec<u16> = if self.gates.is_empty() {
            self.members.iter().map(Mongo::port).collect()
        } else {
            self.gates.iter().map(MongoGate::port).collect()
        };
        ports.into_iter().map(|port| format!("127.0.0.1:{port}")).collect()
    }

    /// Returns the members, to be frozen or killed.
    pub fn members(&self) -> &[Mongo] {
        &self.members
    }

    /// Returns a member, counted from 0.
    ///
    /// # Panics
    ///
    /// If there are not so many.
    pub fn member(&self, number: usize) -> &Mongo {
        &self.members[number]
    }

    /// Returns the gate in front of a member, counted from 0.
    ///
    /// # Panics
    ///
    /// If there is none.
    pub fn gate(&self, number: usize) -> &MongoGate {
        &self.gates[number]
    }

    /// Waits until a member says that it is primary, and returns which; those that do not answer
    /// are passed over.
    ///
    /// # Errors
    ///
    /// `Timeout` if none becomes primary.
    pub async fn primary(&self) -> Result<usize> {
        let end = Instant::now() + START_LIMIT;
        while Instant::now() < end {
            for (number, member) in self.members.iter().enumerate() {
                // The limit is short, so that a frozen member does not use up the time of the
                // others.
                let hello = timeout(ANSWER_LIMIT, member.command("admin", doc! { "hello": 1 })).await;
                if matches!(hello, Ok(Ok(hello)) if is_true(&hello, "isWritablePrimary")) {
                    return Ok(number);
                }
            }
            sleep(PAUSE).await;
        }
        Err(Error::new(ErrorKind::Timeout, format!("no member was primary within {START_LIMIT:?}")))
    }

    /// Has the primary step down for 10 s, and returns which it was; another one is elected.
    ///
    /// # Errors
    ///
    /// `Timeout` if there is none; as [`Mongo::step_down`].
    pub async fn step_down(&self) -> Result<usize> {
        let primary = self.primary().await?;
        self.member(primary).step_down(Duration::from_secs(10)).await?;
        Ok(primary)
    }
}

async fn started() -> Result<Vec<Mongo>> {
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        members.push(Mongo::member().await?);
    }
    Ok(members)
}

const MEMBERS: usize = 3;

/// The defaults, 10 s and 2 s, are for members that are far away from each other.
const ELECTION_MS: i32 = 2_000;
const HEARTBEAT_MS: i32 = 500;

/// One that is well answers in milliseconds; one that is frozen does not answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

const PAUSE: Duration = Duration::from_millis(50);
