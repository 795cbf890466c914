//! What the tasks of a multiplexer are to do, and how they hear of it.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// What the tasks are to do.
///
/// ```text
///            stop
///  Running ────────► Stopped
///     │    ◄──────── │
///     │     restart  │ end
///     └── end ──► Ended   for good
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Running,
    Stopped,
    Ended,
}

/// Holds the mode. A watch channel would do, but wakes its receivers in random order, and a
/// simulation is to repeat.
#[derive(Debug)]
pub(crate) struct Switch {
    /// With how often it was turned.
    mode: Mutex<(Mode, u64)>,
    turned: Notify,
}

/// What one task has seen of a [`Switch`].
#[derive(Debug, Clone)]
pub(crate) struct ModeWatcher {
    switch: Arc<Switch>,
    seen: u64,
}

impl Switch {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { mode: Mutex::new((Mode::Running, 0)), turned: Notify::new() })
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode.lock().0
    }

    pub(crate) fn stop(&self) {
        self.turn(|mode| mode == Mode::Running, Mode::Stopped);
    }

    pub(crate) fn restart(&self) {
        self.turn(|mode| mode == Mode::Stopped, Mode::Running);
    }

    pub(crate) fn end(&self) {
        self.turn(|_| true, Mode::Ended);
    }

    /// A follower who has seen the present mode.
    pub(crate) fn follow(self: &Arc<Self>) -> ModeWatcher {
        ModeWatcher { seen: self.mode.lock().1, switch: Arc::clone(self) }
    }

    fn turn(&self, turns: impl FnOnce(Mode) -> bool, to: Mode) {
        let mut mode = self.mode.lock();
        if turns(mode.0) {
            *mode = (to, mode.1 + 1);
            drop(mode);
            self.turned.notify_waiters();
        }
    }
}

impl ModeWatcher {
    /// The present mode, which is seen by that.
    pub(crate) fn mode(&mut self) -> Mode {
        let (mode, turns) = *self.switch.mode.lock();
        self.seen = turns;
        mode
    }

    /// Waits for a turn that was not seen, there and back again is one too; sees it.
    ///
    /// # Cancel safety
    ///
    /// No turn is missed.
    pub(crate) async fn turned(&mut self) {
        loop {
            let mut turned = std::pin::pin!(self.switch.turned.notified());
            // The order matters: it listens first and looks then, so that a turn between the two is
            // not missed.
            turned.as_mut().enable();
            let turns = self.switch.mode.lock().1;
            if turns != self.seen {
                self.seen = turns;
                return;
            }
            turned.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_turn_is_seen_once_and_none_is_missed() {
        let switch = Switch::new();
        let mut follower = switch.follow();
        assert!(follower.turned().now_or_never().is_none());
        switch.restart();
        assert!(follower.turned().now_or_never().is_none(), "it runs already");
        switch.stop();
        switch.restart();
        assert!(follower.turned().now_or_never().is_some());
        assert!(follower.turned().now_or_never().is_none());
        switch.end();
        switch.restart();
        assert_eq!(follower.mode(), Mode::Ended);
        assert!(follower.turned().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let switch = Switch::new();
        let mut follower = switch.follow();
        tokio::join!(biased; follower.turned(), async { switch.stop() });
        assert_eq!(follower.mode(), Mode::Stopped);
    }
}
