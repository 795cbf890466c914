//! Reading back in a log, in Redis itself.

use presence_core::Error;

use super::logs::Logs;
use super::missed::Missed;
use super::record::{Happening, RawEntry, Record, StreamEntry};

/// Events in a row.
#[derive(Debug)]
pub(super) struct LogRange<H> {
    pub(super) records: Vec<Record<H>>,
    /// Up to which number this is all there is.
    pub(super) read: u64,
    /// What there was before them and is gone.
    pub(super) missed: Missed,
}

impl<H: Happening> LogRange<H> {
    /// Reads a page of the events after `mark` up to `until`.
    pub(super) async fn read<L>(logs: &L, log: usize, mark: u64, until: u64) -> Result<Self, Error>
    where
        L: Logs<What = H>,
    {
        if mark >= until {
            return Ok(Self { records: Vec::new(), read: until, missed: Missed::Nothing });
        }
        let mut range = redis::cmd("XRANGE");
        let key = logs.key(log);
        range.arg(&*key).arg(mark + 1).arg("+").arg("COUNT").arg(ENTRIES_MAX);
        let link = &logs.shared().link;
        let entries: Vec<RawEntry> = link.read(&key, link.query(&key, &range).await?)?;
        let entries = entries.into_iter().map(|entry| StreamEntry::read(entry, link, &key));
        let entries: Vec<_> = entries.collect::<Result<_, Error>>()?;
        let missed = logs.missed(log, mark, until, entries.first()).await?;
        let read = match entries.last() {
            Some(last) if entries.len() == ENTRIES_MAX => last.last.min(until),
            // There is nothing more up to there.
            _ => until,
        };
        let records = entries.into_iter().flat_map(|entry| entry.records);
        let records = records.filter(|record| record.number > mark && record.number <= until).collect();
        Ok(Self { records, read, missed })
    }

    /// The number before the first event.
    pub(super) fn before(&self) -> u64 {
        self.records.first().map_or(self.read, |first| first.number - 1)
    }
}

/// How many entries are read at once; each may have several events.
const ENTRIES_MAX: usize = 100;
