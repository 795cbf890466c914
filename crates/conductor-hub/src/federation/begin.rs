//! The three tasks that a federation has besides its links.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::dialler::SisterDialler;
use super::sister_manager::SisterManager;
use crate::guard::guarded_hook;

/// How often a node says that it is there.
const BEAT: Duration = Duration::from_secs(1);

/// Begins the tasks; they end with the hub.
pub(crate) fn begin(dialler: &SisterDialler, manager: Arc<dyn SisterManager>) {
    let ticking = dialler.clone();
    dialler.tasks.spawn(async move {
        tokio::select! {
            () = ticking.closing().cancelled() => {}
            () = tick(&ticking) => {}
        }
    });
    let pacing = dialler.clone();
    dialler.tasks.spawn(async move {
        tokio::select! {
            () = pacing.closing().cancelled() => {}
            () = pace(&pacing) => {}
        }
    });
    let managed = dialler.clone();
    dialler.tasks.spawn(async move {
        let managing = guarded_hook(manager.start(&managed));
        tokio::select! {
            () = managed.closing().cancelled() => {}
            ended = managing => {
                if ended.is_err() {
                    tracing::error!("the sister manager panicked, so this node dials no more sisters");
                }
            }
        }
    });
}

/// Says each second that this node is there, and tells gaps when it is time.
async fn tick(dialler: &SisterDialler) {
    let federation = &dialler.federation;
    let mut beat_at = Instant::now() + BEAT;
    loop {
        let now = Instant::now();
        let beats = now >= beat_at;
        if beats {
            beat_at = now + BEAT;
        }
        let gap_at = federation.tick(now, beats, &*dialler.host);
        tokio::select! {
            () = sleep_until(gap_at.unwrap_or(beat_at).min(beat_at)) => {}
            () = federation.gap.notified(), if gap_at.is_none() => {}
        }
    }
}

/// Tells sisters when members who were behind have caught up, and each second who has not.
async fn pace(dialler: &SisterDialler) {
    let (federation, host) = (&dialler.federation, &*dialler.host);
    let mut again_at = Instant::now() + BEAT;
    loop {
        tokio::select! {
            () = federation.pace_bell() => federation.look_at_paces(host).await,
            () = sleep_until(again_at) => {
                let now = Instant::now();
                federation.pace_again(now, host).await;
                again_at = now + BEAT;
            }
        }
    }
}
