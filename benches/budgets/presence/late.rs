//! How late the offline events of silent ids are, while many others are online.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use presence_core::{Id, Presence, Since, Status, Update};
use tokio::task::JoinSet;

use crate::store::{BATCH, Layout, Store, ids};

const TTL: Duration = Duration::from_secs(12);
/// `Keyspace` tells of expired keys when Redis gets to them, which may be much later: what has not
/// come in twice the TTL counts as lost.
const PATIENCE: Duration = Duration::from_secs(2 * TTL.as_secs());
/// For how long events are read after the last that is expected.
const AFTER: Duration = Duration::from_secs(1);

/// The 99th percentile of the lateness, in milliseconds: of a million ids, 10,000 fall silent,
/// their last heartbeats spread over a second.
pub(crate) fn p99(layout: Layout, effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (count, silent) = effort.pick((1_000_000, 10_000), (10_000, 500));
        let all = ids(count);
        let store = Store::start(layout, TTL).await?;
        crate::local::come(&store, &all).await?;
        let mut events = store.presence.events(Since::Now).await?;
        let (silent, stay) = all.split_at(silent);
        let mut beats = JoinSet::new();
        beats.spawn(keep_beating(store.presence.clone(), stay.to_vec()));
        let mut deadlines: HashMap<Id, Instant> = HashMap::new();
        let batches = silent.chunks(BATCH / 10);
        let pause = Duration::from_secs(1) / u32::try_from(batches.len())?;
        for batch in batches {
            store.presence.online(batch).await?;
            let deadline = Instant::now() + TTL;
            deadlines.extend(batch.iter().map(|id| (id.clone(), deadline)));
            tokio::time::sleep(pause).await;
        }
        let silent = silent.len();
        let mut until = tokio::time::Instant::now() + PATIENCE;
        let (mut late, mut doubled, mut all_came) = (Vec::new(), 0, false);
        while let Ok(update) = tokio::time::timeout_at(until, events.next()).await {
            let Update::Change(event) = update.ok_or("the events ended")?? else { continue };
            if event.status != Status::Offline {
                continue;
            }
            match deadlines.remove(&event.id) {
                Some(deadline) => late.push(deadline.elapsed().as_secs_f64() * 1e3),
                None => doubled += 1,
            }
            if deadlines.is_empty() && !all_came {
                // One of them may come again.
                (all_came, until) = (true, tokio::time::Instant::now() + AFTER);
            }
        }
        if let Some(failed) = beats.try_join_next() {
            let Err(error) = failed?;
            return Err(error.into());
        }
        judged(layout, late, silent, doubled)
    })
}

/// Beats for those who stay, until it is dropped or fails.
async fn keep_beating(presence: Presence, stay: Vec<Id>) -> Result<Infallible, String> {
    let mut round = tokio::time::interval(TTL * 2 / 5);
    loop {
        round.tick().await;
        for batch in stay.chunks(BATCH) {
            // Who stays must not fall silent: a failure shows as an event too many.
            presence.online(batch).await.map_err(|error| error.to_string())?;
        }
    }
}

/// Shows how late the events of those who fell silent were, and returns the 99th percentile.
fn judged(layout: Layout, mut late: Vec<f64>, silent: usize, doubled: usize) -> Result<f64, Box<dyn Error>> {
    let lost = silent - late.len();
    late.sort_by(f64::total_cmp);
    let at =
        |percent: usize| late.get((late.len() * percent / 100).min(late.len().saturating_sub(1))).copied();
    let (Some(p50), Some(p99)) = (at(50), at(99)) else { return Err("no event came".into()) };
    writeln!(
        stderr(),
        "{layout:?}: p50 {p50:.1} ms, p99 {p99:.1} ms of those that came within {PATIENCE:?}, lost {lost}, doubled {doubled}"
    )?;
    if layout == Layout::Leases && (lost, doubled) != (0, 0) {
        return Err(format!("{lost} events were lost, {doubled} came twice").into());
    }
    Ok(p99)
}
