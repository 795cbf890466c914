//! What a heartbeat and an id cost in this process.

use std::error::Error;

use benches::budget::Effort;
use benches::process;
use presence_core::Id;
use tokio::runtime::Builder;

use crate::store::{BATCH, DAY, Layout, Store, ids};

/// Processor time of one heartbeat of an id that is online, in nanoseconds: in random order, a
/// batch at a time.
pub(crate) fn heartbeat(layout: Layout, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut ids = ids(effort.pick(1_000_000, 10_000));
        let store = Store::start(layout, DAY).await?;
        come(&store, &ids).await?;
        shuffle(&mut ids);
        let mut best = f64::INFINITY;
        for _ in 0..3 {
            let before = process::cpu_ns("self")?;
            for batch in ids.chunks(BATCH) {
                store.presence.online(batch).await?;
            }
            best = best.min((process::cpu_ns("self")? - before) / ids.len() as f64);
        }
        Ok(best)
    })
}

/// Resident memory that an id takes.
pub(crate) fn bytes(layout: Layout, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let count = effort.pick(1_000_000, 10_000);
        let store = Store::start(layout, DAY).await?;
        let before = process::resident_bytes("self")?;
        for first in (0..count).step_by(BATCH) {
            let names = (first..first + BATCH).map(|number| format!("user:{number:011}"));
            store.presence.online(names.collect::<Vec<_>>()).await?;
        }
        Ok((process::resident_bytes("self")? - before) / count as f64)
    })
}

pub(crate) async fn come(store: &Store, ids: &[Id]) -> Result<(), Box<dyn Error>> {
    for batch in ids.chunks(BATCH) {
        store.presence.online(batch).await?;
    }
    Ok(())
}

/// The same order in each run, without any to speak of.
fn shuffle(ids: &mut [Id]) {
    let mut state = 1_u64;
    for place in (1..ids.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ids.swap(place, (state >> 33) as usize % (place + 1));
    }
}
