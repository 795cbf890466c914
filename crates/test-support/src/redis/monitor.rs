//! What a server is told.

use super::wire::Answer;
use super::wire::Connection;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The commands that a server gets from anybody, as `MONITOR` shows them.
#[derive(Debug)]
pub struct RedisMonitor {
    lines: Connection,
    marker: Connection,
}

impl RedisMonitor {
    pub(super) async fn start(mut lines: Connection, marker: Connection) -> Result<Self> {
        lines.tell(&["MONITOR"]).await?;
        Ok(Self { lines, marker })
    }

    /// Returns the commands since the last call, words with blanks between them and without quotes;
    /// not those that scripts make.
    ///
    /// # Errors
    ///
    /// `Unavailable` or `Timeout` if the server is gone.
    pub async fn commands(&mut self) -> Result<Vec<String>> {
        // Redis shows commands in the order in which it runs them, so all that came before this
        // call stands before the marker. The marker goes over a connection of its own, as one that
        // monitors takes no commands.
        self.marker.tell(&["ECHO", "marker"]).await?;
        let mut commands = Vec::new();
        loop {
            let Answer::Text(line) = self.lines.next().await? else {
                return Err(Error::new(ErrorKind::Protocol, "MONITOR gave something that is not a line"));
            };
            let (from, command) = line.split_once("] ").unwrap_or(("", &line));
            let command = command.replace('"', "");
            if command == "ECHO marker" {
                return Ok(commands);
            }
            if !from.ends_with(" lua") {
                commands.push(command);
            }
        }
    }
}
