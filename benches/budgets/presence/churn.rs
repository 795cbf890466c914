//! How many ids a second may come and go.

use std::error::Error;
use std::time::Instant;

use benches::budget::Effort;
use presence_core::Id;
use redis::aio::MultiplexedConnection;
use test_support::Redis;
use tokio::task::JoinSet;

use crate::store::{BATCH, DAY, Layout, Store, ids};

/// Ids that come online, by batches of several callers.
pub(crate) fn arrivals(layout: Layout, effort: Effort) -> Result<f64, Box<dyn Error>> {
    run(layout, effort, false)
}

/// Ids that are told to leave, by batches of several callers.
pub(crate) fn departures(layout: Layout, effort: Effort) -> Result<f64, Box<dyn Error>> {
    run(layout, effort, true)
}

fn run(layout: Layout, effort: Effort, leave: bool) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let ids = ids(effort.pick(500_000, 10_000));
        let redis;
        let store;
        let callers: Vec<Caller> = if layout == Layout::Ancestor {
            redis = Redis::private().await?;
            let client = redis::Client::open(redis.url())?;
            let mut callers = Vec::new();
            for _ in 0..CALLERS {
                callers.push(Caller::Ancestor(client.get_multiplexed_async_connection().await?));
            }
            callers
        } else {
            store = Store::start(layout, DAY).await?;
            vec![Caller::Presence(store.presence.clone()); CALLERS]
        };
        if leave {
            round(&callers, &ids, false).await?;
        }
        let begun = Instant::now();
        round(&callers, &ids, leave).await?;
        Ok(ids.len() as f64 / begun.elapsed().as_secs_f64())
    })
}

async fn round(callers: &[Caller], ids: &[Id], leave: bool) -> Result<(), Box<dyn Error>> {
    let mut tasks = JoinSet::new();
    for (caller, ids) in callers.iter().zip(ids.chunks(ids.len().div_ceil(callers.len()))) {
        let (mut caller, ids) = (caller.clone(), ids.to_vec());
        tasks.spawn(async move {
            for batch in ids.chunks(BATCH) {
                caller.call(batch, leave).await.map_err(|error| error.to_string())?;
            }
            Ok::<_, String>(())
        });
    }
    while let Some(done) = tasks.join_next().await {
        done??;
    }
    Ok(())
}

#[derive(Clone)]
enum Caller {
    Presence(presence_core::Presence),
    Ancestor(MultiplexedConnection),
}

impl Caller {
    async fn call(&mut self, ids: &[Id], leave: bool) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Presence(presence) if leave => presence.offline(ids).await?,
            Self::Presence(presence) => presence.online(ids).await?,
            Self::Ancestor(connection) => {
                let seconds = if leave { 0 } else { DAY.as_secs() };
                let mut expire = redis::pipe();
                expire.atomic();
                for id in ids {
                    expire.cmd("EXPIRE").arg(format!("presence:{id}")).arg(seconds);
                }
                let there: Vec<u8> = expire.query_async(connection).await?;
                if leave || there.iter().all(|there| *there == 1) {
                    return Ok(());
                }
                let mut set = redis::pipe();
                set.atomic();
                for (id, _) in ids.iter().zip(there).filter(|(_, there)| *there == 0) {
                    set.cmd("SETEX").arg(format!("presence:{id}")).arg(seconds).arg(id.as_str()).ignore();
                }
                set.exec_async(connection).await?;
            }
        }
        Ok(())
    }
}

const CALLERS: usize = 16;
