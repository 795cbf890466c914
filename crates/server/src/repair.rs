//! `tidings repair`: moves aside what keeps shared timelines from opening.

use anyhow::ensure;
use tidings::timeline::distributed;

use crate::config::Config;
use crate::{log, timelines};

/// Moves documents that have the sequence of another one aside, and returns the list of them.
pub(crate) async fn repair(config: &Config) -> anyhow::Result<String> {
    ensure!(
        config.timeline.is_shared(),
        "repair: it is for messages in MongoDB, and --timeline is embedded; give --timeline mongo or redis+mongo, and \
         --mongo-url. What can be read of a damaged data directory, `tidings salvage` reads"
    );
    // Whoever reads the list alone is not told a second time.
    log::complain(
        "repair: the Go service must not run, now or later: it would make such documents again, or fail at the index \
         that keeps them out",
    );
    let repaired = distributed::repair(&timelines::distributed_config(config)).await;
    let repaired = repaired.map_err(|error| timelines::shown(config, "--mongo-url", &error))?;
    Ok(format!("{repaired}\n"))
}
