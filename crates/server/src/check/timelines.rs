//! Whether the databases of timelines that servers share can be used.

use anyhow::ensure;
use tidings::timeline::distributed;

use crate::config::{Config, TimelineStore};
use crate::timelines;

/// What was found: one result for each database, and notes of what the Go service left.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) results: Vec<(String, anyhow::Result<()>)>,
    pub(super) notes: Vec<String>,
}

/// Tries the databases, and changes nothing; of timelines in the data directory it says nothing.
///
/// Entries are looked at before the first server has opened the store, and with `deep`.
pub(super) async fn check(config: &Config, deep: bool) -> Found {
    let mut found = Found::default();
    let Some(url) = config.timeline.mongo_url.as_ref().filter(|_| config.timeline.is_shared()) else {
        return found;
    };
    let store = timelines::distributed_config(config);
    let mongo = look(config, &store, deep, &mut found.notes).await;
    found.results.push((format!("--mongo-url {url}"), mongo));
    if let (TimelineStore::RedisAndMongo, Some(url)) = (config.timeline.store, &config.redis_url) {
        let tried = distributed::probe_redis(&store).await;
        let tried = tried.map_err(|error| timelines::shown(config, "--redis-url", &error));
        found.results.push((format!("--redis-url {url}, for sequences"), tried));
    }
    found
}

async fn look(
    config: &Config,
    store: &distributed::Config,
    deep: bool,
    notes: &mut Vec<String>,
) -> anyhow::Result<()> {
    let shown = |error| timelines::shown(config, "--mongo-url", &error);
    let probe = distributed::probe(store).await.map_err(shown)?;
    // Where the indexes are, there are no duplicates, and holes are closed when they are read.
    if probe.is_indexed && !deep {
        return Ok(());
    }
    let report = distributed::check(store).await.map_err(shown)?;
    if !probe.is_indexed && probe.was_opened {
        notes.push(
            "--mongo-url: the unique indexes of the timelines are missing, as somebody has dropped them; a server \
             makes them again, at its start or while it runs"
                .to_owned(),
        );
    } else if !probe.is_indexed && report.entries > 0 {
        notes.push(format!(
            "--mongo-url: there are {} entries, and no server has opened the store yet; if they are of the Go \
             service, it must not run from now on",
            report.entries
        ));
    }
    if !report.is_whole() {
        notes.extend(report.to_string().lines().map(|line| format!("--mongo-url: {line}")));
    }
    ensure!(
        report.duplicate_count == 0,
        "--mongo-url: {} documents have the sequence of another one, so that no server can open the store; stop the \
         Go service, and run `tidings repair` with these settings",
        report.duplicate_count
    );
    // Where the index is, no two of them have the same box.
    ensure!(
        probe.is_indexed || report.unreadable_count < 2,
        "--mongo-url: {} documents have no box or no sequence, and a server may not be able to open the store, as two \
         documents of one box would be in the way; stop the Go service, and run `tidings repair` with these settings",
        report.unreadable_count
    );
    Ok(())
}
