//! What has to be in the inboxes, compared with what is.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::Failure;
use crate::sender::{Acknowledged, MEMBERS, name};

/// What one member has read.
#[derive(Debug, Clone, Default)]
struct Reader {
    position: u64,
    /// The number of the last message of each sender; they never repeat and never fall.
    last: [u64; MEMBERS],
    /// Sender and number of what was acknowledged and not yet read.
    expected: BTreeSet<(usize, u64)>,
}

/// The inboxes of all members.
#[derive(Debug)]
pub(crate) struct Mail {
    client: reqwest::Client,
    server: String,
    readers: Vec<Reader>,
    read: u64,
}

impl Mail {
    pub(crate) fn new(client: reqwest::Client, server: String) -> Self {
        Self { client, server, readers: vec![Reader::default(); MEMBERS], read: 0 }
    }

    /// Entries read so far.
    pub(crate) fn read(&self) -> u64 {
        self.read
    }

    /// Reads what is new, and says what is wrong with it.
    pub(crate) async fn compare(&mut self, acknowledged: Vec<Acknowledged>) -> Result<(), Failure> {
        for Acknowledged { sender, number, members } in acknowledged {
            for member in members {
                self.readers[member].expected.insert((sender, number));
            }
        }
        for member in 0..MEMBERS {
            self.sync(member).await?;
            let lost = &self.readers[member].expected;
            if let Some((sender, number)) = lost.first() {
                return Err(format!(
                    "{} acknowledged messages are not in the inbox of {}; the first is number {number} of {}",
                    lost.len(),
                    name(member),
                    name(*sender),
                )
                .into());
            }
        }
        Ok(())
    }

    /// Reads everything from the beginning once more.
    pub(crate) async fn compare_whole(&mut self) -> Result<(), Failure> {
        for member in 0..MEMBERS {
            let before = std::mem::take(&mut self.readers[member]);
            self.sync(member).await?;
            let after = &self.readers[member];
            if (before.position, before.last) != (after.position, after.last) {
                return Err(format!("the inbox of {} has changed its past", name(member)).into());
            }
        }
        Ok(())
    }

    async fn sync(&mut self, member: usize) -> Result<(), Failure> {
        loop {
            let position = self.readers[member].position;
            let url = format!(
                "{}/timeline/sync?member={}&last_read={position}&count=1000",
                self.server,
                name(member)
            );
            let answer = self.client.get(url).send().await?.error_for_status()?;
            let answer: Value = answer.json().await?;
            if answer["reset"] == true {
                return Err(format!("the inbox of {} began again at {position}", name(member)).into());
            }
            let entries = answer["entrySet"].as_array().ok_or("a sync has no entries")?;
            for entry in entries {
                self.readers[member]
                    .take(entry)
                    .map_err(|fault| format!("{}: {fault}: {entry}", name(member)))?;
            }
            self.read += entries.len() as u64;
            if entries.is_empty() {
                let latest = number(&answer["latestSeq"])?;
                let missed = latest != position;
                let fault =
                    format!("{}: latestSeq is {latest}, but nothing follows {position}", name(member));
                return if missed { Err(fault.into()) } else { Ok(()) };
            }
        }
    }
}

impl Reader {
    fn take(&mut self, entry: &Value) -> Result<(), Failure> {
        let sequence = number(&entry["sequence"])?;
        if sequence != self.position + 1 {
            return Err(format!("{sequence} follows {}", self.position).into());
        }
        self.position = sequence;
        let message: Value = serde_json::from_str(entry["message"].as_str().ok_or("no message")?)?;
        let (sender, number) =
            (message["by"].as_u64().ok_or("no sender")?, message["n"].as_u64().ok_or("no number")?);
        let sender = usize::try_from(sender)?;
        if number <= self.last[sender] {
            return Err(format!("number {number} comes after {}", self.last[sender]).into());
        }
        self.last[sender] = number;
        self.expected.remove(&(sender, number));
        Ok(())
    }
}

fn number(value: &Value) -> Result<u64, Failure> {
    Ok(value.as_str().unwrap_or("0").parse()?)
}
