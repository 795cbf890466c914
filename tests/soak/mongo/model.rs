//! What must be so: for each key who pings for it, and when it may have died since the last count.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::time::Duration;

use crate::witness::Witness;
use crate::work::SLOT;

/// The shadow of all keys.
#[derive(Debug, Default)]
pub(crate) struct Model {
    keys: BTreeMap<String, Key>,
    /// Starts and kills that were tried since the last count: each may have left a being.
    pub(crate) tries: usize,
}

/// One key. A worker tries one thing at a time with it, again until it is done.
#[derive(Debug, Default)]
struct Key {
    /// Workers whose pinger was started and has not ended since.
    held: BTreeSet<String>,
    /// Workers that try something with it, and since when.
    tried: BTreeMap<String, Duration>,
    /// Each may have been a death: an end that nobody else's pinger made up for.
    ends: Vec<Duration>,
    /// When its pinger was stopped to be started again at once.
    restarted: Option<Duration>,
}

impl Model {
    /// Notes what a worker says of a key of its own, before or after the fact.
    pub(crate) fn note(
        &mut self,
        worker: &str,
        at: Duration,
        what: &str,
        key: &str,
    ) -> Result<(), Box<dyn Error>> {
        let noted = self.keys.entry(key.to_owned()).or_default();
        match what {
            "start" => {
                self.tries += 1;
                noted.tried.insert(worker.to_owned(), at);
            }
            "started" => {
                noted.tried.remove(worker);
                noted.held.insert(worker.to_owned());
                noted.has_started(at);
            }
            "kill" => {
                self.tries += 1;
                noted.end(worker, at);
                noted.tried.insert(worker.to_owned(), at);
            }
            "killed" => {
                noted.tried.remove(worker);
            }
            // What was tried may have been done, and then ages.
            "failed" => {
                let since = noted.tried.get(worker).copied().unwrap_or(at);
                noted.end(worker, since);
            }
            "stop" => noted.end(worker, at),
            "restart" => {
                noted.end(worker, at);
                noted.restarted = Some(at);
            }
            _ => return Err(format!("process {worker} said {what:?} of {key:?}").into()),
        }
        Ok(())
    }

    /// A worker was killed: what it held ages, and what it tried may have been done.
    pub(crate) fn killed(&mut self, worker: &str, at: Duration) {
        for key in self.keys.values_mut() {
            if key.is_of(worker) {
                key.tried.remove(worker);
                key.restarted = None;
                key.end(worker, at);
            }
        }
    }

    /// A worker was frozen for longer than its keys live: each of them may have died, once.
    pub(crate) fn was_away(&mut self, worker: &str, at: Duration) {
        for key in self.keys.values_mut().filter(|key| key.is_of(worker)) {
            let others = key.held.iter().any(|held| held != worker);
            if !others {
                key.ends.push(at);
            }
        }
    }

    /// Returns who must be alive once nothing is tried and everything has aged.
    pub(crate) fn alive(&self) -> BTreeSet<String> {
        self.keys.iter().filter(|(_, key)| !key.held.is_empty()).map(|(name, _)| name.clone()).collect()
    }

    /// Fails if a watcher was told of a death that was none.
    pub(crate) fn judge(&self, name: &str, witness: &Witness) -> Result<(), Box<dyn Error>> {
        for (key, falls) in &witness.falls {
            let mut ends = self.keys.get(key).map(|key| key.ends.clone()).unwrap_or_default();
            ends.sort_unstable();
            // Each end is a death at most, and none comes before it.
            let mut of_falls = ends.iter().map(Some).chain(std::iter::repeat(None));
            for fall in falls {
                let end = of_falls.next().flatten();
                if end.is_none_or(|end| end > fall) {
                    let what = format!("{name} was told a false death of {key:?} at {fall:?}");
                    return Err(
                        format!("{what}; all its deaths: {falls:?}, what may be one: {ends:?}").into()
                    );
                }
            }
        }
        Ok(())
    }

    /// Everything told so far has been judged.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
        for key in self.keys.values_mut() {
            key.ends.clear();
            key.restarted = None;
        }
    }
}

impl Key {
    fn is_of(&self, worker: &str) -> bool {
        self.held.contains(worker) || self.tried.contains_key(worker)
    }

    fn end(&mut self, worker: &str, at: Duration) {
        self.held.remove(worker);
        // Somebody else pings for it all along.
        if self.held.is_empty() {
            self.ends.push(at);
        }
    }

    /// A restart within half a slot leaves no gap: the old bits count for longer.
    fn has_started(&mut self, at: Duration) {
        if let Some(stopped) = self.restarted.take()
            && at.saturating_sub(stopped) < SLOT / 2
        {
            self.ends.retain(|end| *end != stopped);
        }
    }
}
