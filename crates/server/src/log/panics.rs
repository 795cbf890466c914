//! A panic is a fault of this program; the log says where, and a metric counts it.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::panic;
use std::thread;

use tidings::join::restarts::panic_message;

/// Has panics told by the log instead of the standard library, which waits for whoever reads the
/// error output.
pub(super) fn hook() {
    panic::set_hook(Box::new(|panicked| {
        metrics::counter!("tidings_panics_total").increment(1);
        let place = panicked.location().map(ToString::to_string).unwrap_or_default();
        let thread = thread::current();
        let thread = thread.name().unwrap_or_default();
        let message = panic_message(panicked.payload());
        // It is captured only where RUST_BACKTRACE asks for it.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            tracing::error!(
                %message, place, thread, %backtrace,
                "the program panicked, which is a bug in it; please report this line"
            );
        } else {
            tracing::error!(
                %message, place, thread,
                "the program panicked, which is a bug in it; please report this line"
            );
        }
    }));
}
