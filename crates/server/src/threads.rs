//! Whether the system gives the server its threads is tried before any is needed.
//!
//! A runtime that is refused its first thread panics. One that is refused a later one goes on with
//! those it has, and whatever waits for a file waits for ever.

use std::io;
use std::num::NonZero;
use std::thread;

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

/// What the user is told who cannot have so many.
pub(crate) const TOO_FEW: &str = "the system gives fewer threads than are needed at the start; raise the \
    limit of processes (ulimit -u), or that of the container (pids.max)";

/// The threads besides those that run tasks: for signals, for output, of the store, and the first
/// that wait for files.
const OTHERS: usize = 16;

/// Makes the runtime, if there are threads for it and for all else.
pub(crate) fn runtime() -> anyhow::Result<Runtime> {
    let count = thread::available_parallelism().map_or(1, NonZero::get) + OTHERS;
    try_out(count).context(TOO_FEW)?;
    Builder::new_multi_thread().enable_all().build().context(TOO_FEW)
}

/// Starts so many threads, all there at the same time, and ends them.
fn try_out(count: usize) -> io::Result<()> {
    let gate = Mutex::new(());
    thread::scope(|scope| {
        // All threads wait at this gate, so that they are there at the same time. An early return
        // opens it as well, by dropping `closed`; otherwise the scope would wait for them for ever.
        let closed = gate.lock();
        for _ in 0..count {
            thread::Builder::new().spawn_scoped(scope, || drop(gate.lock()))?;
        }
        drop(closed);
        Ok(())
    })
}
