//! Calls of the driver: each in a task of its own, so many at once, within a time.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use mongodb::error::Result as DriverResult;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::error::Error;

/// The places for calls, and the calls that are under way.
///
/// ```text
///  caller ──waits for a place──► task: future of the driver, to its end ──► gives its place back
///     └──── waits for the task; gone when time is up, and the task goes on ────┘
/// ```
///
/// A future of the driver that is dropped half-way leaves a connection in the middle of an answer,
/// and cursors and sessions on the server. So nobody drops one: who gives up leaves it to its task.
/// As such a task keeps its place, no more calls are under way than there are places, also at a
/// server that answers nobody.
#[derive(Debug)]
pub(crate) struct Calls {
    runtime: Handle,
    places: Arc<Semaphore>,
    /// Callers and tasks; closed by a shutdown.
    under_way: TaskTracker,
}

impl Calls {
    /// The calls will run where this is called.
    pub(crate) fn here(calls_max: usize) -> Result<Self, Error> {
        let runtime = Handle::try_current()
            .map_err(|_| Error::config("a link to mongodb must be started inside a tokio runtime"))?;
        Ok(Self { runtime, places: Arc::new(Semaphore::new(calls_max)), under_way: TaskTracker::new() })
    }

    /// Does work of the driver, and returns what the driver says; `limit` is the time up to `end`.
    ///
    /// Work whose time is up is not begun: nobody would hear what became of it.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        server: &str,
        end: Instant,
        limit: Duration,
        work: impl Future<Output = DriverResult<T>> + Send + 'static,
    ) -> Result<DriverResult<T>, Error> {
        let _under_way = self.enter()?;
        if Instant::now() >= end {
            return Err(Error::spent(server));
        }
        let place = match timeout_at(end, Arc::clone(&self.places).acquire_owned()).await {
            Ok(place) => place.map_err(|_closed| Error::closed())?,
            Err(_elapsed) => return Err(Error::crowded(server, limit)),
        };
        // A busy runtime may come here late, with a place all the same.
        if Instant::now() >= end {
            return Err(Error::spent(server));
        }
        let call = self.spawn(async move {
            let answer = work.await;
            drop(place);
            answer
        });
        match timeout_at(end, joined(call)).await {
            Ok(Some(answer)) => Ok(answer),
            Ok(None) => Err(Error::closed()),
            Err(_elapsed) => Err(Error::late(server, limit)),
        }
    }

    /// Runs something of the driver without a place; nobody drops it half-way.
    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.under_way.spawn_on(work, &self.runtime)
    }

    pub(crate) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Refuses further calls; says whether this was the first to do so.
    pub(crate) fn close(&self) -> bool {
        self.under_way.close()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.under_way.is_closed()
    }

    /// Waits until no call is under way any more.
    pub(crate) async fn ended(&self) {
        self.under_way.wait().await;
    }

    /// Notes that a call is under way until what this returns is dropped.
    fn enter(&self) -> Result<TaskTrackerToken, Error> {
        // The order matters: the token is taken before the look. A shutdown in between then waits
        // for this call, or the call sees the shutdown.
        let under_way = self.under_way.token();
        if self.is_closed() { Err(Error::closed()) } else { Ok(under_way) }
    }
}

/// Waits for a task; `None` if its runtime ends. A panic in it goes on here.
pub(crate) async fn joined<T>(task: impl Future<Output = Result<T, JoinError>>) -> Option<T> {
    match task.await.map_err(JoinError::try_into_panic) {
        Ok(answer) => Some(answer),
        Err(Ok(panic)) => resume_unwind(panic),
        Err(Err(_cancelled)) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;
    use tokio::sync::oneshot;

    use super::*;
    use crate::error::ErrorKind;

    const PATIENCE: Duration = Duration::from_secs(60);

    async fn run<T: Send + 'static>(
        calls: &Calls,
        limit: Duration,
        work: impl Future<Output = DriverResult<T>> + Send + 'static,
    ) -> Result<T, Error> {
        let answer = calls.run("db:1", Instant::now() + limit, limit, work).await?;
        answer.map_err(|error| Error::of("db:1", error))
    }

    #[tokio::test(start_paused = true)]
    async fn call_that_nobody_answers_ends_in_time_and_keeps_its_place() {
        let calls = Calls::here(1).unwrap();
        let error = run(&calls, PATIENCE, pending::<DriverResult<()>>()).await.unwrap_err();
        assert_eq!(error.to_string(), "mongodb at db:1 did not answer within 60s");
        let error = run(&calls, PATIENCE, ready(Ok(1))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("has as many calls of this process under way"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn work_whose_time_is_up_is_not_begun() {
        let calls = Calls::here(1).unwrap();
        let (begun, mut begins) = oneshot::channel::<()>();
        let work = async move {
            begun.send(()).unwrap();
            Ok(())
        };
        let error = run(&calls, Duration::ZERO, work).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().starts_with("the time of the call was used up"), "{error}");
        tokio::task::yield_now().await;
        assert!(begins.try_recv().is_err());
        assert_eq!(run(&calls, PATIENCE, ready(Ok(1))).await.unwrap(), 1, "it took no place");
    }

    #[tokio::test(start_paused = true)]
    async fn work_of_a_caller_that_is_dropped_goes_on_to_its_end() {
        let calls = Calls::here(1).unwrap();
        let (go_on, told) = oneshot::channel::<()>();
        let (done, ended) = oneshot::channel::<()>();
        let work = async move {
            told.await.unwrap();
            done.send(()).unwrap();
            Ok(())
        };
        {
            let mut caller = std::pin::pin!(run(&calls, PATIENCE, work));
            assert!(caller.as_mut().now_or_never().is_none());
        }
        go_on.send(()).unwrap();
        ended.await.unwrap();
        assert_eq!(run(&calls, PATIENCE, ready(Ok(1))).await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn shutdown_refuses_calls_and_waits_for_those_under_way() {
        let calls = Calls::here(2).unwrap();
        let (go_on, told) = oneshot::channel::<()>();
        let work = async move {
            told.await.unwrap();
            Ok(7)
        };
        let mut caller = std::pin::pin!(run(&calls, PATIENCE, work));
        assert!(caller.as_mut().now_or_never().is_none());
        assert!(calls.close() && !calls.close());
        assert_eq!(run(&calls, PATIENCE, ready(Ok(1))).await.unwrap_err().kind(), ErrorKind::Closed);
        assert!(calls.ended().now_or_never().is_none());
        go_on.send(()).unwrap();
        assert_eq!(caller.await.unwrap(), 7);
        calls.ended().await;
    }

    async fn broken() -> DriverResult<()> {
        panic!("the work panics")
    }

    #[tokio::test]
    #[should_panic(expected = "the work panics")]
    async fn panic_of_the_work_is_a_panic_of_its_caller() {
        let calls = Calls::here(1).unwrap();
        run(&calls, PATIENCE, broken()).await.unwrap();
    }
}
