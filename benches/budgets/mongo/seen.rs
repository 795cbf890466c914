//! How soon every watcher knows of a start or a kill.

use std::collections::HashMap;
use std::error::Error;
use std::io::{Write, stderr};
use std::time::Duration;

use benches::budget::Effort;
use presence_mongo::Pinger;
use tokio::time::interval;

use crate::watchers::{Watchers, clock};
use crate::world::{World, key};

/// The 99th percentile of the time from the acknowledgement of a flush, which is when a start or a
/// kill returns, until the last of so many clients in three processes was told; in milliseconds,
/// at ten flushes a second.
pub(crate) fn p99(clients: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (clients, counted) = effort.pick((clients, 200), (clients.min(4), 4));
        // No key has its turn again before all were told of the last one, two seconds ago.
        let keys = effort.pick(20, 4);
        let world = World::start(SLOT).await?;
        let processes = PROCESSES.min(clients);
        let mut watchers = Vec::new();
        for process in 0..processes {
            let share = clients / processes + usize::from(process < clients % processes);
            watchers.push((Watchers::start(&world, share, keys)?, share));
        }
        let base = world.base().await?;
        let mut pingers =
            (0..keys).map(|number| Pinger::new(&base, key(number))).collect::<Result<Vec<_>, _>>()?;
        // When all were told of a first round, their change streams are open.
        flush(&mut pingers, keys).await?;
        for (watchers, share) in &watchers {
            for _ in 0..share * keys {
                watchers.told()?;
            }
        }
        let flushes = flush(&mut pingers, counted).await?;
        let mut last: Vec<Duration> = vec![Duration::ZERO; flushes.len()];
        for (watchers, share) in &watchers {
            let mut turns: HashMap<(usize, usize), usize> = HashMap::new();
            for _ in 0..share * flushes.len() {
                let told = watchers.told()?;
                // Each key has its turn once in a round, and is told once in it.
                let turn = turns.entry((told.client, told.key)).or_insert(told.key);
                let flush = flushes.get(*turn).filter(|flush| flush.alive == told.alive);
                let flush = flush.ok_or_else(|| format!("{told:?} is not what was flushed"))?;
                last[*turn] = last[*turn].max(told.at.saturating_sub(flush.acknowledged));
                *turn += keys;
            }
        }
        let mut late: Vec<f64> = last.iter().map(|late| late.as_secs_f64() * 1e3).collect();
        late.sort_by(f64::total_cmp);
        let at = |percent: usize| late[(late.len() * percent / 100).min(late.len() - 1)];
        writeln!(stderr(), "{clients} clients: p50 {:.1} ms, p99 {:.1} ms", at(50), at(99))?;
        Ok(at(99))
    })
}

/// One start or kill.
struct Flush {
    alive: bool,
    acknowledged: Duration,
}

/// Starts and kills keys in turn, ten times a second.
async fn flush(pingers: &mut [Pinger], count: usize) -> Result<Vec<Flush>, Box<dyn Error>> {
    let (keys, mut ticks) = (pingers.len(), interval(Duration::from_millis(100)));
    let mut flushes = Vec::new();
    for number in 0..count {
        ticks.tick().await;
        let pinger = &mut pingers[number % keys];
        let alive = !pinger.is_started();
        if alive {
            pinger.start().await?;
        } else {
            pinger.kill().await?;
        }
        flushes.push(Flush { alive, acknowledged: clock() });
    }
    Ok(flushes)
}

const PROCESSES: usize = 3;
const SLOT: Duration = Duration::from_secs(10);
