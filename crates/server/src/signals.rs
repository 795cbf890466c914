//! The signals of the process, heard by a thread of their own.
//!
//! So a server whose every thread is busy can be ended all the same.
//!
//! | signal | does |
//! |---|---|
//! | SIGINT, SIGTERM, SIGQUIT | the first one stops cleanly; a second one, later than [`SAME`], ends the process at once |
//! | SIGHUP, SIGUSR1, SIGUSR2, SIGALRM | nothing; one line of the log says so |
//! | SIGXFSZ | nothing: the write that went beyond the limit of file sizes fails, and whoever wrote says so |

use std::io;
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::log;

/// A second signal within this time is the first one, sent twice: by a supervisor to the process
/// and to its group, or by a terminal too.
const SAME: Duration = Duration::from_millis(200);

/// The exit code of a process that was cut off.
const CUT_OFF: i32 = 1;

/// The signals, caught from the moment this exists.
#[derive(Debug)]
pub(crate) struct Signals {
    stop: watch::Receiver<Option<&'static str>>,
}

impl Signals {
    /// Catches the signals.
    pub(crate) fn install() -> io::Result<Self> {
        let (sender, stop) = watch::channel(None);
        let runtime = runtime::Builder::new_current_thread().enable_io().build()?;
        let caught = {
            let _entered = runtime.enter();
            Caught::install()?
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || runtime.block_on(caught.hear(&sender)))?;
        Ok(Self { stop })
    }

    /// The name of the first signal that asks to stop.
    pub(crate) async fn stop(&mut self) -> &'static str {
        let asked = self.stop.wait_for(Option::is_some).await;
        asked.ok().and_then(|signal| *signal).unwrap_or("the end of the thread that hears signals")
    }
}

/// Lets a write beyond the limit of file sizes fail instead of ending the process, from now on and
/// for good.
///
/// To be called within a runtime.
pub(crate) fn outlive_file_limits() -> io::Result<()> {
    // The handler stays in place when the listener is dropped, so the signal never ends the process
    // again.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

struct Caught {
    interrupt: Signal,
    terminate: Signal,
    quit: Signal,
    hangup: Signal,
    user_defined1: Signal,
    user_defined2: Signal,
    alarm: Signal,
}

enum Heard {
    Stop(&'static str),
    Nothing(&'static str),
}

impl Caught {
    fn install() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            quit: signal(SignalKind::quit())?,
            hangup: signal(SignalKind::hangup())?,
            user_defined1: signal(SignalKind::user_defined1())?,
            user_defined2: signal(SignalKind::user_defined2())?,
            alarm: signal(SignalKind::alarm())?,
        })
    }

    /// Acts first and logs then, here and in the server: a log must not be able to hold up a stop.
    async fn hear(mut self, stop: &watch::Sender<Option<&'static str>>) {
        let mut asked: Option<Instant> = None;
        loop {
            match (self.next().await, asked) {
                (Heard::Stop(signal), None) => {
                    asked = Some(Instant::now());
                    stop.send_replace(Some(signal));
                }
                (Heard::Stop(signal), Some(first)) if first.elapsed() > SAME => {
                    log::complain(format_args!(
                        "the server was cut off by a second {signal}; nothing that was acknowledged is lost"
                    ));
                    log::close();
                    end();
                }
                (Heard::Stop(_), Some(_)) => {}
                (Heard::Nothing(signal), _) => {
                    tracing::warn!(signal, "this signal does nothing here; SIGTERM stops the server");
                }
            }
        }
    }

    async fn next(&mut self) -> Heard {
        tokio::select! {
            _ = self.interrupt.recv() => Heard::Stop("SIGINT"),
            _ = self.terminate.recv() => Heard::Stop("SIGTERM"),
            _ = self.quit.recv() => Heard::Stop("SIGQUIT"),
            _ = self.hangup.recv() => Heard::Nothing("SIGHUP"),
            _ = self.user_defined1.recv() => Heard::Nothing("SIGUSR1"),
            _ = self.user_defined2.recv() => Heard::Nothing("SIGUSR2"),
            _ = self.alarm.recv() => Heard::Nothing("SIGALRM"),
        }
    }
}

#[expect(clippy::exit, reason = "the second signal waits for nobody, also if no other thread gets on")]
fn end() -> ! {
    process::exit(CUT_OFF)
}
