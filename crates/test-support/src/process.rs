//! A server's process: started, listened to, and gone with its handle.

use std::collections::VecDeque;
use std::io;
use std::io::BufRead;
use std::io::BufReader;
use std::io::PipeReader;
use std::os::unix::process::CommandExt;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::Pid;
use rustix::process::Signal;
use rustix::process::WaitId;
use rustix::process::WaitIdOptions;
use tokio::sync::oneshot;

use crate::address::ANSWER_LIMIT;
use crate::binary::binary;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// How many of a server's last lines are kept for errors, and how many characters of each.
const LOG_LINES: usize = 25;
const LOG_CHARACTERS: usize = 300;

/// A running server.
///
/// # Lifetime
///
/// Dropping it kills the process and all of its process group, and waits for it; a panic drops it
/// too. If the whole test process is killed, the kernel kills the server: it runs under
/// util-linux's `setpriv --pdeathsig KILL`, which asks for that on our behalf, because to ask from
/// here takes an unsafe block. The signal is sent when the *thread* that started the process ends,
/// which is why a thread of its own starts the server and listens to it until its end. Without
/// `setpriv` (other systems than Linux) a killed test process leaves its servers behind.
#[derive(Debug)]
pub(crate) struct Process {
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// `None` before the start and after the end. Never waited for while it may be killed by id.
    child: Mutex<Option<Child>>,
    log: Mutex<VecDeque<String>>,
}

impl Process {
    /// Starts the command and returns once `ready` has found what it looks for in a line of output.
    ///
    /// # Errors
    ///
    /// `Unavailable` if it does not start or ends before that, `Timeout` if it takes longer than
    /// `limit`; both with the server's last lines.
    pub(crate) async fn start<T: Send + 'static>(
        name: &'static str,
        command: Command,
        limit: Duration,
        ready: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> Result<(Self, T)> {
        let shared = Arc::new(Shared::default());
        let (found, answer) = oneshot::channel();
        let listener = thread::Builder::new().name(format!("{name} of a test")).spawn({
            let shared = Arc::clone(&shared);
            move || shared.run(command, ready, found)
        });
        let listener = listener
            .map_err(|error| Error::because(ErrorKind::Unavailable, "cannot start a thread", error))?;
        let process = Self { shared, listener: Mutex::new(Some(listener)) };
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(Ok(found))) => Ok((process, found)),
            Ok(Ok(Err(error))) => {
                Err(Error::because(ErrorKind::Unavailable, format!("{name} cannot be started"), error))
            }
            Ok(Err(_ended)) => {
                let message = format!("{name} ended before it was ready");
                Err(Error::new(ErrorKind::Unavailable, message).with_log(&process.log()))
            }
            Err(_elapsed) => {
                let message = format!("{name} was not ready within {limit:?}");
                Err(Error::new(ErrorKind::Timeout, message).with_log(&process.log()))
            }
        }
    }

    /// Returns the last lines that the server printed.
    pub(crate) fn log(&self) -> String {
        let log = self.shared.log.lock().unwrap_or_else(PoisonError::into_inner);
        log.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
    }

    /// Returns the process id, `None` once it has ended.
    pub(crate) fn id(&self) -> Option<u32> {
        self.shared.child.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Child::id)
    }

    /// Stops the server where it is, all of its threads; what is returned waits until it stands.
    pub(crate) fn freeze(&self) -> Result<impl Future<Output = Result<()>> + Send + use<>> {
        let pid = self.signal(Signal::STOP)?;
        // A call that was under way in the kernel is finished first.
        let stands = tokio::task::spawn_blocking(move || {
            let options = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
            rustix::process::waitid(WaitId::Pid(pid), options)
        });
        Ok(async {
            match tokio::time::timeout(ANSWER_LIMIT, stands).await {
                Ok(Ok(Ok(Some(status)))) if status.stopped() => Ok(()),
                Ok(_ended) => {
                    Err(Error::new(ErrorKind::Unavailable, "the server ended instead of standing still"))
                }
                Err(_elapsed) => {
                    Err(Error::new(ErrorKind::Timeout, "the server did not stand still in time"))
                }
            }
        })
    }

    /// Lets a frozen server go on.
    pub(crate) fn go_on(&self) -> Result<()> {
        self.signal(Signal::CONT).map(drop)
    }

    fn signal(&self, signal: Signal) -> Result<Pid> {
        let child = self.shared.child.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(child) = child.as_ref() else {
            return Err(Error::new(ErrorKind::Unavailable, "the server was killed"));
        };
        let pid = Pid::from_child(child);
        rustix::process::kill_process_group(pid, signal).map_err(|error| {
            Error::because(ErrorKind::Unavailable, format!("the server took no {signal:?}"), error)
        })?;
        Ok(pid)
    }

    /// Kills the server with signal 9 and waits until it is gone. Killing it again does nothing.
    pub(crate) fn kill(&self) {
        let child = self.shared.child.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut child) = child {
            // The id is still ours: nobody has waited for the child. Errors mean that it is gone
            // already.
            let group = rustix::process::kill_process_group(Pid::from_child(&child), Signal::KILL);
            let waited = group.map_err(io::Error::from).or_else(|_| child.kill()).and_then(|()| child.wait());
            drop(waited);
        }
        let listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(listener) = listener {
            // Its pipe has no writer left. If the thread panicked, the test has failed by itself.
            drop(listener.join());
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Shared {
    /// Starts the server and reads what it prints until it ends; this is the listener thread.
    fn run<T>(
        &self,
        command: Command,
        ready: impl Fn(&str) -> Option<T>,
        found: oneshot::Sender<io::Result<T>>,
    ) {
        let mut found = Some(found);
        let output = match self.spawn(command) {
            Ok(output) => output,
            Err(error) => {
                // The starter may have given up waiting; then nobody needs the answer.
                drop(found.take().map(|found| found.send(Err(error))));
                return;
            }
        };
        for line in BufReader::new(output).split(b'\n').map_while(io::Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let answer = found.is_some().then(|| ready(&line)).flatten();
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            if log.len() == LOG_LINES {
                log.pop_front();
            }
            log.push_back(line.chars().take(LOG_CHARACTERS).collect());
            drop(log);
            if let Some(answer) = answer {
                drop(found.take().map(|found| found.send(Ok(answer))));
            }
        }
    }

    fn spawn(&self, command: Command) -> io::Result<PipeReader> {
        let (output, input) = io::pipe()?;
        let mut command = dying_with_us(command);
        command.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0);
        let mut place = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        *place = Some(command.spawn()?);
        // `command` holds the pipe's writing ends: it is dropped here, so that the end of the
        // server is seen.
        Ok(output)
    }
}

/// Returns the same command, run so that the kernel kills it when the thread that starts it ends.
fn dying_with_us(command: Command) -> Command {
    let Some(setpriv) = binary(&["setpriv"]) else { return command };
    let mut outer = Command::new(setpriv);
    outer.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => outer.env(name, value),
            None => outer.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        outer.current_dir(folder);
    }
    outer
}
