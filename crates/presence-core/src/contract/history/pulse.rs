//! How long the machine let a thread wait that was ready to run.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A thread that wakes up all the time, and measures how late.
pub(super) struct Pulse {
    stop: Sender<()>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    pub(super) fn start() -> Self {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let mut worst = Duration::ZERO;
            loop {
                let slept = Instant::now();
                if stopped.recv_timeout(BEAT) != Err(RecvTimeoutError::Timeout) {
                    return worst;
                }
                worst = worst.max(slept.elapsed().saturating_sub(BEAT));
            }
        });
        Self { stop, thread }
    }

    /// Ends it, and says whether it was late by so much that a promise in time proves nothing.
    pub(super) fn was_late(self) -> bool {
        drop(self.stop);
        self.thread.join().expect("it only sleeps") >= LATE
    }
}

const BEAT: Duration = Duration::from_millis(5);

/// On a machine that has a core to spare nobody waits for so long.
const LATE: Duration = Duration::from_millis(30);
