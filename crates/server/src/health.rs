//! Whether the server works: what each part says of itself, in one place.
//!
//! It is read by `/readyz`, gRPC health, the page, metrics and the log.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The parts, as they are called in `/readyz` and metrics.
pub(crate) const PRESENCE: &str = "presence";
/// See [`PRESENCE`].
pub(crate) const TIMELINES: &str = "timelines";
/// See [`PRESENCE`]. It is there with logins alone.
pub(crate) const REVOCATIONS: &str = "revocations";
/// See [`PRESENCE`]. It is there with a key set of tokens alone.
pub(crate) const KEYS: &str = "keys";
/// See [`PRESENCE`]. It is there with an etcd alone.
pub(crate) const REGISTRATION: &str = "registration";

/// The condition of a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// The part works.
    Well,
    /// The part can be read but takes no writes.
    ReadOnly(Arc<str>),
    /// The part answers nothing.
    Down(Arc<str>),
    /// The part does not do what it is for, and users can come all the same. It tells that itself.
    Impaired(Arc<str>),
}

/// All parts at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HealthReport {
    /// Whether users may come: from the end of the start to the beginning of the stop.
    open: bool,
    stopping: bool,
    parts: Vec<(&'static str, Condition)>,
}

/// What is known of all parts; clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Health {
    report: Arc<watch::Sender<HealthReport>>,
    /// Asks each part for its condition at this moment, so that nobody waits until a change was
    /// noticed.
    now: Arc<Mutex<Vec<(&'static str, Ask)>>>,
}

type Ask = Box<dyn Fn() -> Condition + Send>;

impl Health {
    /// Notes that the start is over.
    pub(crate) fn open(&self) {
        self.change(|report| report.open = true);
    }

    /// Notes that the stop begins.
    pub(crate) fn stop(&self) {
        self.change(|report| report.stopping = true);
    }

    /// Returns all parts at this moment.
    pub(crate) fn report(&self) -> HealthReport {
        // What was noted may be a moment old: the task that notes it is woken by the change. So
        // each part is asked once more. Each answers from memory, so the lock is held only shortly.
        let mut report = self.report.borrow().clone();
        for (name, ask) in self.now.lock().iter() {
            report.set(name, ask());
        }
        report
    }

    /// Returns all parts, again whenever one changes.
    pub(crate) fn reports(&self) -> watch::Receiver<HealthReport> {
        self.report.subscribe()
    }

    fn set(&self, part: &'static str, condition: Condition) {
        metrics::gauge!("tidings_part_up", "part" => part)
            .set(f64::from(u8::from(condition == Condition::Well)));
        self.change(|report| report.set(part, condition));
    }

    /// Changes the report, and wakes those who follow it only if it is another one then.
    fn change(&self, change: impl FnOnce(&mut HealthReport)) {
        self.report.send_if_modified(|report| {
            let before = report.clone();
            change(report);
            *report != before
        });
    }

    /// Notes what a part says of itself, and tells when it stops working and when it works again,
    /// until `stop` or until the part ends.
    ///
    /// The first word of it is noted at once, before the first poll: otherwise a part of which
    /// nothing is known yet would be taken for one that works.
    pub(crate) fn follow<S>(
        self,
        part: &'static str,
        state: watch::Receiver<S>,
        condition: fn(&S) -> Condition,
        stop: CancellationToken,
    ) -> impl Future<Output = ()> + Send
    where
        S: Send + Sync + 'static,
    {
        // The order matters: the part can be asked, and its first word is noted, before this
        // returns. Only after that does the server call `open`.
        let asked = state.clone();
        self.now.lock().push((part, Box::new(move || condition(&asked.borrow()))));
        self.set(part, condition(&state.borrow()));
        self.note_changes(part, state, condition, stop)
    }

    async fn note_changes<S: Send + Sync>(
        self,
        part: &'static str,
        mut state: watch::Receiver<S>,
        condition: fn(&S) -> Condition,
        stop: CancellationToken,
    ) {
        let mut since: Option<Instant> = None;
        loop {
            // The state counts as seen from here on, so one that changes while this is noted wakes
            // `changed` below at once.
            let now = condition(&state.borrow_and_update());
            match (&now, since) {
                (Condition::Well, None) => {}
                (Condition::Well, Some(began)) => {
                    since = None;
                    tracing::warn!(lasted = ?began.elapsed(), "{part}: well again");
                }
                (Condition::Impaired(reason), _) => tracing::debug!(%reason, "{part}: {}", now.name()),
                (Condition::ReadOnly(reason) | Condition::Down(reason), None) => {
                    since = Some(Instant::now());
                    tracing::error!(%reason, "{part}: {}; /readyz answers 503 until that is over", now.name());
                }
                (Condition::ReadOnly(reason) | Condition::Down(reason), Some(_)) => {
                    tracing::debug!(%reason, "{part}: {}", now.name());
                }
            }
            self.set(part, now);
            match stop.run_until_cancelled(state.changed()).await {
                Some(Ok(())) => {}
                // The part has ended without a last state. Health says so, and the supervisor hears
                // that this task has ended.
                Some(Err(_)) => {
                    self.now.lock().retain(|(name, _)| *name != part);
                    return self.set(part, Condition::Down("it has ended; restart the server".into()));
                }
                None => return,
            }
        }
    }
}

impl Condition {
    /// Returns the condition in one word, for programs.
    fn name(&self) -> &'static str {
        match self {
            Self::Well => "well",
            Self::ReadOnly(_) => "read-only",
            Self::Down(_) => "down",
            Self::Impaired(_) => "impaired",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::ReadOnly(reason) | Self::Down(reason) | Self::Impaired(reason) => Some(reason),
        }
    }
}

impl HealthReport {
    fn set(&mut self, part: &'static str, condition: Condition) {
        match self.parts.iter_mut().find(|(name, _)| *name == part) {
            Some((_, known)) => *known = condition,
            None => self.parts.push((part, condition)),
        }
    }

    /// Whether new users are welcome.
    pub(crate) fn is_ready(&self) -> bool {
        let lets_come = |condition: &Condition| matches!(condition, Condition::Well | Condition::Impaired(_));
        self.open && !self.stopping && self.parts.iter().all(|(_, condition)| lets_come(condition))
    }

    /// Whether a part works and the server goes on.
    pub(crate) fn serves(&self, part: &str) -> bool {
        let well = |(name, condition): &(&str, Condition)| *name == part && *condition == Condition::Well;
        self.open && !self.stopping && self.parts.iter().any(well)
    }

    /// Returns the report as JSON, for programs.
    pub(crate) fn to_json(&self) -> Value {
        let parts = self.parts.iter().map(|(name, condition)| {
            let mut part = json!({ "name": name, "state": condition.name() });
            if let Some(reason) = condition.reason() {
                part["reason"] = reason.into();
            }
            part
        });
        json!({ "ready": self.is_ready(), "stopping": self.stopping, "parts": parts.collect::<Vec<_>>() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_is_known_before_its_task_runs_and_nobody_is_woken_without_a_change() {
        let health = Health::default();
        let (_say, state) = watch::channel(Condition::Down("redis is away".into()));
        let follow = health.clone().follow("presence", state, Clone::clone, CancellationToken::new());
        health.open();
        assert!(!health.report().is_ready() && !health.reports().borrow().is_ready());
        let reports = health.reports();
        health.open();
        health.set("presence", Condition::Down("redis is away".into()));
        assert!(!reports.has_changed().unwrap());
        drop(follow);
    }

    #[tokio::test]
    async fn an_impaired_part_is_shown_and_keeps_nobody_out() {
        let health = Health::default();
        let (_say, state) = watch::channel(Condition::Impaired("etcd is away".into()));
        let follow = health.clone().follow(REGISTRATION, state, Clone::clone, CancellationToken::new());
        health.open();
        let report = health.report();
        assert!(report.is_ready() && !report.serves(REGISTRATION));
        assert_eq!(report.to_json()["parts"][0]["state"], "impaired");
        assert_eq!(report.to_json()["parts"][0]["reason"], "etcd is away");
        drop(follow);
    }

    #[tokio::test]
    async fn a_part_that_fails_and_mends_is_seen_and_one_that_ends_too() {
        let health = Health::default();
        let (say, state) = watch::channel(Condition::Well);
        let mut reports = health.reports();
        let follow = health.clone().follow("presence", state, Clone::clone, CancellationToken::new());
        let told = async {
            reports.wait_for(|report| report.parts.len() == 1).await.unwrap();
            assert!(!health.report().is_ready());
            health.open();
            assert!(health.report().is_ready() && health.report().serves("presence"));
            say.send_replace(Condition::ReadOnly("the disk is full".into()));
            reports.wait_for(|report| !report.is_ready()).await.unwrap();
            assert_eq!(
                health.report().to_json(),
                json!({ "ready": false, "stopping": false,
                    "parts": [{ "name": "presence", "state": "read-only", "reason": "the disk is full" }] })
            );
            say.send_replace(Condition::Well);
            reports.wait_for(HealthReport::is_ready).await.unwrap();
            drop(say);
            let ended = |report: &HealthReport| {
                report.to_json()["parts"][0]["reason"] == "it has ended; restart the server"
            };
            reports.wait_for(ended).await.unwrap();
            health.stop();
            assert_eq!(health.report().to_json()["stopping"], true);
        };
        tokio::join!(follow, told);
    }
}
