//! A panic in a task, as an error.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::error::{Error, ErrorKind};
use crate::server::Server;

/// Does the work of a task; a panic in it is a failure like any other.
///
/// Somebody else's code may panic: a function that makes connections, or a byte stream. If the task
/// ended by that, subscribers would wait for messages that nobody reads.
pub(crate) async fn caught<T>(
    server: &Server,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let mut work = pin!(work);
    poll_fn(|context| {
        let polled = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        polled.unwrap_or_else(|_panic| Poll::Ready(Err(panicked(server))))
    })
    .await
}

/// The error of what a panic cut short.
pub(crate) fn panicked(server: &Server) -> Error {
    let error =
        Error::new(ErrorKind::Unavailable, format!("the task of the connection to {server} panicked"));
    tracing::error!("{error}");
    error
}
