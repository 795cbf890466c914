//! A panic in a task, as an error.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use crate::error::Error;

/// Does the work of a task; a panic in it is a failure like any other.
///
/// A task that ended would leave the state as it was, or a feed silent for good.
pub(crate) async fn caught<T>(
    server: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    AssertUnwindSafe(work).catch_unwind().await.unwrap_or_else(|_panic| {
        let why = "is out of reach, as a task of this process panicked; it is started again";
        tracing::error!("mongodb at {server} {why}");
        Err(Error::unavailable(server, why))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn panic_is_a_failure_that_names_the_server() {
        let error = caught::<()>("db:1", async { panic!("the test wants it") }).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(
            error.to_string(),
            "mongodb at db:1 is out of reach, as a task of this process panicked; it is started again"
        );
    }
}
