//! The watcher of the soak itself.

use std::collections::BTreeSet;
use std::error::Error;
use std::time::Duration;

use presence_mongo::{Base, Config, WatchStream, Watcher};
use tokio::time::{Instant, sleep, timeout_at};

use crate::clock;
use crate::witness::{Witness, passes};
use crate::work::all_keys;

pub(crate) struct Observer {
    /// The base of the soak's process, which prunes, too.
    pub(crate) base: Base,
    stream: WatchStream,
    pub(crate) witness: Witness,
}

impl Observer {
    pub(crate) async fn start(config: Config) -> Result<Self, Box<dyn Error>> {
        let base = Base::start(config).await?;
        let stream = Watcher::new(&base)?.watch(all_keys())?;
        Ok(Self { base, stream, witness: Witness::default() })
    }

    /// Listens until a moment.
    pub(crate) async fn listen(&mut self, until: Instant) -> Result<(), Box<dyn Error>> {
        while let Ok(item) = timeout_at(until, self.stream.next()).await {
            match item.ok_or("the stream ended")? {
                Ok(change) => self.witness.tell(clock::now(), &change.key, change.alive),
                Err(error) if passes(error.kind()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Has a watcher that begins now agree, until a moment.
pub(crate) async fn look_afresh(
    config: Config,
    expected: &BTreeSet<String>,
    until: Instant,
) -> Result<(), Box<dyn Error>> {
    let base = Base::start(config).await?;
    let (watcher, keys) = (Watcher::new(&base)?, all_keys());
    loop {
        let wrong = match states(&watcher, &keys).await {
            Ok(states) => {
                let alive = keys.iter().zip(states).filter(|(_, alive)| *alive).map(|(key, _)| key.clone());
                Witness { alive: alive.collect(), ..Witness::default() }.differs(expected)
            }
            Err(error) => Some(format!("{error:#}")),
        };
        match wrong {
            None => break,
            Some(wrong) if Instant::now() > until => {
                return Err(format!("a watcher that began late has {wrong}").into());
            }
            Some(_) => sleep(Duration::from_millis(200)).await,
        }
    }
    if base.shutdown(PATIENCE).await { Ok(()) } else { Err("a base does not end".into()) }
}

async fn states(watcher: &Watcher, keys: &[String]) -> Result<Vec<bool>, presence_mongo::Error> {
    watcher.sync().await?;
    watcher.alive_many(keys).await
}

const PATIENCE: Duration = Duration::from_secs(60);
