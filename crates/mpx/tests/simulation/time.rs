//! Time that passes when nobody has anything to do.

use tokio::runtime::Builder;

pub(crate) fn in_no_time<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}
