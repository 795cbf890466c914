//! What is logged, as tests look at it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;
use tracing::subscriber::DefaultGuard;

use super::PATIENCE;

/// Where the lines of the log go.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Says whether a line has all of these texts.
    pub(crate) fn has(&self, texts: &[&str]) -> bool {
        self.count(texts) > 0
    }

    /// Returns how many lines have all of these texts.
    pub(crate) fn count(&self, texts: &[&str]) -> usize {
        let lines = String::from_utf8(self.0.lock().clone()).unwrap();
        lines.lines().filter(|line| texts.iter().all(|text| line.contains(text))).count()
    }

    /// Waits until so many lines have all of these texts.
    pub(crate) async fn tells(&self, texts: &[&str], times: usize) {
        let begun = Instant::now();
        while self.count(texts) < times {
            assert!(begun.elapsed() < PATIENCE, "{} lines have {texts:?}", self.count(texts));
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is logged by this thread from now on, which is all that its runtime runs on.
pub(crate) fn logged() -> (Log, DefaultGuard) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    (log, tracing::subscriber::set_default(subscriber))
}
