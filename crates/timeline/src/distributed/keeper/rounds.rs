//! The task of the keeper.

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep, timeout};

use super::census::Census;
use super::guard::guard;
use super::lease;
use super::looks::look;
use super::registry::{self, DueBox};
use crate::distributed::shared::Shared;
use crate::{Result, State};

/// How long the keeper waits between two rounds at most.
const PERIOD: Duration = Duration::from_secs(1);

/// How long it waits at least.
const PERIOD_MIN: Duration = Duration::from_millis(25);

/// How long the other nodes wait before they ask for the lease again.
const PERIOD_OTHERS: Duration = Duration::from_secs(3);

/// How many boxes are looked at in one round, and how many of them at once.
const BOXES: i64 = 256;
const AT_ONCE: usize = 8;

/// How long a box waits that could not be looked at.
const POSTPONED: Duration = Duration::from_secs(60);

/// How long the end of the store waits for the lease to be given back.
const RELEASE: Duration = Duration::from_secs(1);

/// Keeps the boxes of the store while this node is the keeper, until the store is stopped.
pub(in crate::distributed) async fn run(shared: Arc<Shared>) {
    let mut state = shared.state.subscribe();
    tokio::select! {
        _ = state.wait_for(State::is_well) => {}
        () = shared.stop.cancelled() => return,
    }
    let mut keeper = Keeper { is_keeper: false, census: None, is_told: false, guarded: None };
    let mut unsure = shared.database.safety().subscribe();
    loop {
        let pause = keeper.round(&shared).await;
        tokio::select! {
            () = sleep(pause) => {}
            // What is missing is made again at once, the first time.
            Ok(()) = unsure.changed() => {}
            () = shared.stop.cancelled() => break,
        }
    }
    if keeper.is_keeper && matches!(timeout(RELEASE, lease::release(&shared)).await, Err(_) | Ok(Err(_))) {
        tracing::debug!("another node keeps the store once the lease of this one is over");
    }
}

/// What this node does as the keeper.
struct Keeper {
    is_keeper: bool,
    /// What is left of the census with which each keeper begins.
    census: Option<Census>,
    /// Whether the log was told that it fails.
    is_told: bool,
    /// When the indexes were there last.
    guarded: Option<Instant>,
}

impl Keeper {
    /// Does what is due, and returns how long to wait.
    async fn round(&mut self, shared: &Shared) -> Duration {
        match self.keep(shared).await {
            Ok(pause) => {
                if mem::take(&mut self.is_told) {
                    tracing::info!("the boxes of the timeline store are kept again");
                }
                pause
            }
            Err(error) => {
                // Of a MongoDB that is away the link tells.
                let is_outage = !shared.database.link().state().borrow().is_well();
                if is_outage || self.is_told {
                    tracing::debug!("the boxes of the timeline store are not kept: {error:#}");
                } else {
                    self.is_told = true;
                    tracing::warn!(
                        "the boxes of the timeline store are not kept, which is tried again: {error:#}"
                    );
                }
                PERIOD
            }
        }
    }

    /// Looks whether the indexes are there, once in a period at most while they are.
    async fn guard(&mut self, shared: &Shared) -> Result<()> {
        let is_safe = shared.database.safety().why_not().is_none();
        if is_safe && self.guarded.is_some_and(|guarded| guarded.elapsed() < PERIOD) {
            return Ok(());
        }
        self.guarded = None;
        guard(shared).await?;
        self.guarded = Some(Instant::now());
        Ok(())
    }

    async fn keep(&mut self, shared: &Shared) -> Result<Duration> {
        self.guard(shared).await?;
        let Some(now_ms) = lease::take(shared).await? else {
            self.is_keeper = false;
            return Ok(PERIOD_OTHERS.mul_f64(0.75 + fastrand::f64() / 2.0));
        };
        if !self.is_keeper {
            self.is_keeper = true;
            self.census = Census::begin(shared);
        }
        if let Some(census) = self.census.clone() {
            self.census = census.step(shared, now_ms).await?;
        }
        let due = registry::due(shared, now_ms, BOXES).await?;
        let is_busy = due.len() >= AT_ONCE || self.census.is_some();
        let looks = stream::iter(due).for_each_concurrent(AT_ONCE, move |due| async move {
            look_at(shared, &due, now_ms).await;
        });
        looks.await;
        Ok(if is_busy { PERIOD_MIN } else { period(shared) })
    }
}

/// Looks at a box, and later again if that fails; no box keeps the others back.
async fn look_at(shared: &Shared, due: &DueBox, now_ms: i64) {
    if shared.stop.is_cancelled() {
        return;
    }
    let Err(error) = look(shared, due, now_ms).await else { return };
    tracing::debug!("the box {} is kept later: {error:#}", due.boxed);
    if let Err(error) = registry::postpone(shared, due, POSTPONED).await {
        tracing::debug!("the box {} stays due: {error:#}", due.boxed);
    }
}

/// Returns how long to wait for boxes that are due: what is too old stays a tenth longer at most.
fn period(shared: &Shared) -> Duration {
    let age = shared.config.retention.age_min();
    age.map_or(PERIOD, |age| (age / 20).clamp(PERIOD_MIN, PERIOD))
}
