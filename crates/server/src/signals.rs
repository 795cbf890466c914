//! The signals of the process, heard by a thread of their own.
//!
//! So a server whose every thread is busy can be ended all the same.
//!
//! | signal | does |
//! |---|---|
//! | SIGINT, SIGTERM, SIGQUIT, SIGPWR | the first one stops cleanly; a second one, later than [`SAME`], ends the process at once |
//! | all others that would end the process, in [`CAUGHT`] and [`REAL_TIME`] | nothing; one line of the log says so, at most every [`QUIET`] |
//! | SIGXFSZ | nothing: the write that went beyond the limit of file sizes fails, and whoever wrote says so |
//! | SIGPIPE | nothing, as Rust has it: the write to a closed pipe fails |
//! | SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS | what the system does: they tell of a fault of the process itself |

use std::future::poll_fn;
use std::io;
use std::ops::Range;
use std::process;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal as SignalNumber;
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use crate::log;

/// A second signal within this time is the first one, sent twice: by a supervisor to the process
/// and to its group, or by a terminal too.
const SAME: Duration = Duration::from_millis(200);

/// How long the log says no more of a signal that does nothing: some come again every second.
const QUIET: Duration = Duration::from_secs(60);

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
    signal(SignalKind::from_raw(SignalNumber::XFSZ.as_raw())).map(drop)
}

/// What a signal does.
#[derive(Debug, Clone, Copy)]
enum Effect {
    Stop,
    Nothing,
}

/// The signals with a name that would end the process, those that stop it first.
const CAUGHT: &[(&str, SignalNumber, Effect)] = &[
    ("SIGINT", SignalNumber::INT, Effect::Stop),
    ("SIGTERM", SignalNumber::TERM, Effect::Stop),
    ("SIGQUIT", SignalNumber::QUIT, Effect::Stop),
    // The power fails; `lxc-stop` sends it, too.
    #[cfg(target_os = "linux")]
    ("SIGPWR", SignalNumber::POWER, Effect::Stop),
    ("SIGHUP", SignalNumber::HUP, Effect::Nothing),
    ("SIGUSR1", SignalNumber::USR1, Effect::Nothing),
    ("SIGUSR2", SignalNumber::USR2, Effect::Nothing),
    ("SIGALRM", SignalNumber::ALARM, Effect::Nothing),
    ("SIGVTALRM", SignalNumber::VTALARM, Effect::Nothing),
    ("SIGPROF", SignalNumber::PROF, Effect::Nothing),
    // The limit of processor time, of which the system warns every second.
    ("SIGXCPU", SignalNumber::XCPU, Effect::Nothing),
    ("SIGIO", SignalNumber::IO, Effect::Nothing),
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    ("SIGSTKFLT", SignalNumber::STKFLT, Effect::Nothing),
];

/// The numbers of the real-time signals, each of which would end the process as well. Supervisors
/// send some, as to a systemd in a container.
const REAL_TIME: Range<i32> = 32..if cfg!(target_os = "linux") { 65 } else { 32 };

struct Caught(Vec<CaughtSignal>);

struct CaughtSignal {
    name: &'static str,
    effect: Effect,
    signal: Signal,
    /// When the log was told of it last.
    told: Option<Instant>,
}

impl Caught {
    fn install() -> io::Result<Self> {
        let catch = |number| signal(SignalKind::from_raw(number));
        let mut caught = Vec::new();
        for &(name, number, effect) in CAUGHT {
            caught.push(CaughtSignal::new(name, effect, catch(number.as_raw())?));
        }
        // The first few cannot be caught: the C library has them for itself, and sends them itself.
        let real_time = REAL_TIME.filter_map(|number| catch(number).ok());
        let new = |signal| CaughtSignal::new("a real-time signal", Effect::Nothing, signal);
        caught.extend(real_time.map(new));
        Ok(Self(caught))
    }

    /// Acts first and logs then, here and in the server: a log must not be able to hold up a stop.
    async fn hear(mut self, stop: &watch::Sender<Option<&'static str>>) {
        let mut asked: Option<Instant> = None;
        loop {
            let number = self.next().await;
            let caught = &mut self.0[number];
            match (caught.effect, asked) {
                (Effect::Stop, None) => {
                    asked = Some(Instant::now());
                    stop.send_replace(Some(caught.name));
                }
                (Effect::Stop, Some(first)) if first.elapsed() > SAME => {
                    log::complain(format_args!(
                        "the server was cut off by a second {}; nothing that was acknowledged is lost",
                        caught.name
                    ));
                    log::close();
                    end();
                }
                (Effect::Stop, Some(_)) => {}
                (Effect::Nothing, _) => caught.tell(Instant::now()),
            }
        }
    }

    /// Waits for the next signal, and returns its index.
    async fn next(&mut self) -> usize {
        poll_fn(|context| {
            // The order matters: those that stop the server are looked for first, so that no flood
            // of others hides one.
            let heard = self.0.iter_mut().position(|caught| caught.signal.poll_recv(context).is_ready());
            heard.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl CaughtSignal {
    fn new(name: &'static str, effect: Effect, signal: Signal) -> Self {
        Self { name, effect, signal, told: None }
    }

    /// Says in the log that the signal does nothing, unless that was said of late.
    fn tell(&mut self, now: Instant) {
        if self.told.is_some_and(|told| now.duration_since(told) < QUIET) {
            return;
        }
        self.told = Some(now);
        tracing::warn!(signal = self.name, "this signal does nothing here; SIGTERM stops the server");
    }
}

#[expect(clippy::exit, reason = "the second signal waits for nobody, also if no other thread gets on")]
fn end() -> ! {
    process::exit(CUT_OFF)
}
