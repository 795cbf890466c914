//! Calls to hooks, which may panic, and what does them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::{ConnectionId, Disconnect};

/// A hook panicked.
#[derive(Debug)]
pub(crate) struct Panicked;

/// Makes a call in which a hook, or the hub itself, may panic.
///
/// Uncaught, a panic would end the connection's task and with it the close frame. What the hook
/// left half done is its own; of the hub, it has nothing in its hands but this connection.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|_panic| Panicked)
}

/// Waits for a hook that may panic.
pub(crate) async fn guarded_hook<T>(hook: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut hook = pin!(hook);
    std::future::poll_fn(|cx| match guarded(|| hook.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

/// Notes in the log that the task of a connection panicked, and returns how the connection ends.
pub(crate) fn report(connection: ConnectionId) -> Disconnect {
    tracing::error!(
        %connection,
        "a hook of the hub panicked, or the hub itself, so the connection is closed with code 1011"
    );
    Disconnect::InternalError
}
