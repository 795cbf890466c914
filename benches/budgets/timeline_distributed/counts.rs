//! How many commands the servers have had.

use std::error::Error;

use bson::{Bson, Document, doc};
use test_support::redis_connection;

use crate::world::World;

/// What was counted since the servers were started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Scripts that Redis ran.
    pub(crate) scripts: i64,
    /// Insert commands that mongod had.
    pub(crate) inserts: i64,
    /// Documents that were inserted.
    pub(crate) documents: i64,
    /// Writes that mongod did once more, as another was faster with the same document or key.
    pub(crate) conflicts: i64,
    /// Commands of any kind that mongod had.
    pub(crate) commands: i64,
}

impl Counts {
    pub(crate) async fn of(world: &World) -> Result<Self, Box<dyn Error>> {
        let status = world.mongo.command("admin", doc! { "serverStatus": 1 }).await?;
        let commands = status.get_document("metrics")?.get_document("commands")?;
        let operations = status.get_document("metrics")?.get_document("operation")?;
        let all = commands.values().filter_map(Bson::as_document);
        Ok(Self {
            scripts: scripts(world).await?,
            inserts: number(commands.get_document("insert")?, "total")?,
            documents: number(status.get_document("opcounters")?, "insert")?,
            conflicts: number(operations, "writeConflicts")?,
            commands: all.filter_map(|command| number(command, "total").ok()).sum(),
        })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            scripts: self.scripts - before.scripts,
            inserts: self.inserts - before.inserts,
            documents: self.documents - before.documents,
            conflicts: self.conflicts - before.conflicts,
            commands: self.commands - before.commands,
        }
    }
}

/// Returns how many scripts Redis was told to run.
async fn scripts(world: &World) -> Result<i64, Box<dyn Error>> {
    let mut connection = redis_connection(world.redis.url()).await?;
    let info: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await?;
    let mut scripts = 0;
    for line in info.lines() {
        let Some((command, counts)) = line.split_once(":calls=") else { continue };
        if ["cmdstat_eval", "cmdstat_evalsha"].contains(&command) {
            scripts += counts.split(',').next().unwrap_or_default().parse::<i64>()?;
        }
    }
    Ok(scripts)
}

fn number(document: &Document, name: &str) -> Result<i64, Box<dyn Error>> {
    match document.get(name) {
        Some(Bson::Int32(number)) => Ok(i64::from(*number)),
        Some(Bson::Int64(number)) => Ok(*number),
        other => Err(format!("mongod said {other:?} for {name}").into()),
    }
}
