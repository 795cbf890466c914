//! Durable sends between two users.

use std::error::Error;
use std::fs::OpenOptions;
use std::io::Write;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use tokio::runtime::Runtime;

use crate::scene::{CALLERS, ended, message_text, open, per_second, send_until};

fn time(effort: Effort) -> Duration {
    effort.pick(Duration::from_secs(4), Duration::from_millis(200))
}

/// Many callers, each sending when its last send is durable.
pub(crate) fn many_callers(effort: Effort) -> Result<f64, Box<dyn Error>> {
    sends(CALLERS, time(effort))
}

/// One caller, who waits for each send.
pub(crate) fn one_caller(effort: Effort) -> Result<f64, Box<dyn Error>> {
    sends(1, time(effort))
}

fn sends(callers: u64, time: Duration) -> Result<f64, Box<dyn Error>> {
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let start = Instant::now();
        let sent = send_until(&timeline, callers, move |_sent| start.elapsed() >= time).await?;
        let rate = per_second(sent, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}

/// The floor of one caller: a thread that appends a message and syncs it.
pub(crate) fn log_appends(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let mut log = OpenOptions::new().create(true).append(true).open(directory.path().join("log"))?;
    let (line, start, time) = (message_text(), Instant::now(), time(effort));
    let mut written = 0;
    while start.elapsed() < time {
        log.write_all(line.as_bytes())?;
        log.sync_data()?;
        written += 1;
    }
    Ok(per_second(written, start.elapsed()))
}
