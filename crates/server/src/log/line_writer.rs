//! Lines for a file descriptor that may be slow, full or gone.
//!
//! They are given away without waiting, and written by a thread.
//!
//! ```text
//! any thread ──push──► queue (bounded) ──► one thread ──write──► the descriptor
//!               │ full                        │ error
//!               └────────► counted ◄──────────┘      told as soon as a line can be written again
//! ```
//!
//! Whoever has a line to write never waits and never fails: a pipe that nobody reads holds up this
//! thread alone, and a line that cannot be written (a closed pipe, a full disk) is counted and
//! forgotten. The thread writes to the descriptor itself and holds no lock of the standard library,
//! so that nothing else in the process waits for it either.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _};
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

/// How many bytes may wait: some seconds of a log at its busiest.
const BYTES_MAX: usize = 1024 * 1024;

/// A queue of lines and the thread that writes them; clones share both.
#[derive(Debug, Clone)]
pub(crate) struct LineWriter {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<Locked>,
    /// A line was pushed.
    pushed: Condvar,
    /// Nothing waits and nothing is being written.
    idle: Condvar,
    /// All lines that were lost so far.
    lost: AtomicU64,
}

#[derive(Debug, Default)]
struct Locked {
    waiting: VecDeque<Box<[u8]>>,
    bytes: usize,
    writing: bool,
    /// Lines lost since somebody was told.
    untold: u64,
}

impl LineWriter {
    /// Starts the thread that writes to `descriptor`; `tell` hears, on that thread, how many lines
    /// were lost before one was written.
    ///
    /// The thread lives as long as the process: it may be stuck in a write that nobody can end.
    pub(crate) fn start(
        name: &str,
        descriptor: BorrowedFd<'static>,
        tell: impl Fn(u64) + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            pushed: Condvar::new(),
            idle: Condvar::new(),
            lost: AtomicU64::new(0),
        });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.work(descriptor, tell))?;
        Ok(Self { shared })
    }

    /// Queues a line to be written; one that finds no room is lost, and counted.
    pub(crate) fn push(&self, line: &[u8]) {
        let mut state = self.shared.state.lock();
        if state.bytes + line.len() > BYTES_MAX {
            state.untold += 1;
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.bytes += line.len();
        state.waiting.push_back(line.into());
        self.shared.pushed.notify_one();
    }

    /// Waits until everything is written, at most so long.
    pub(crate) fn flush(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.shared.state.lock();
        while !state.waiting.is_empty() || state.writing {
            if self.shared.idle.wait_until(&mut state, deadline).timed_out() {
                return;
            }
        }
    }

    /// How many lines were lost since the start.
    pub(crate) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }
}

impl Shared {
    fn work(&self, descriptor: BorrowedFd<'_>, tell: impl Fn(u64)) {
        // Whether what is written so far ends within a line.
        let mut torn = false;
        loop {
            // A write that fails in the middle leaves a part of its line there. The next line then
            // begins with an end of line, so that it does not stand behind that part.
            let line = self.next();
            let written = if torn { write_all(descriptor, b"\n") } else { Ok(()) };
            let written = written.and_then(|()| {
                torn = true;
                write_all(descriptor, &line)
            });
            if written.is_ok() {
                torn = false;
            }
            if let Some(untold) = self.done(written.is_ok()) {
                // No lock is held here, as `tell` may push a line.
                tell(untold);
            }
        }
    }

    fn next(&self) -> Box<[u8]> {
        let mut state = self.state.lock();
        loop {
            if let Some(line) = state.waiting.pop_front() {
                state.bytes -= line.len();
                // This is set in the same lock in which the line leaves the queue, so that `flush`
                // never finds both empty while a line is being written.
                state.writing = true;
                return line;
            }
            self.pushed.wait(&mut state);
        }
    }

    /// Notes what became of a line. Returns how many were lost before, when it is time to tell.
    fn done(&self, written: bool) -> Option<u64> {
        let mut state = self.state.lock();
        state.writing = false;
        if !written {
            state.untold += 1;
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        if state.waiting.is_empty() {
            self.idle.notify_all();
        }
        // The line that tells of lost lines needs room in the queue, too.
        let tell = written && state.untold > 0 && state.bytes < BYTES_MAX / 2;
        tell.then(|| std::mem::take(&mut state.untold))
    }
}

/// Writes it all, waiting for a reader where there is one.
fn write_all(descriptor: BorrowedFd<'_>, mut bytes: &[u8]) -> rustix::io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(descriptor, bytes) {
            Ok(0) => return Err(Errno::IO),
            Ok(length) => bytes = bytes.get(length..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // Another process that shares the descriptor has set it to non-blocking.
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            },
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes a line without a thread, for when there is none. It waits for a slow reader for at most
/// `limit` in all, however long the line is, and what has not been written by then is lost.
pub(super) fn write_now(descriptor: BorrowedFd<'_>, line: &[u8], limit: Duration) {
    let reopened = reopen_unblocking(descriptor);
    let descriptor = reopened.as_ref().map_or(descriptor, AsFd::as_fd);
    let deadline = Instant::now() + limit;
    let mut rest = line;
    while !rest.is_empty() {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(wait) = Timespec::try_from(left) else { return };
        match poll(&mut [PollFd::new(&descriptor, PollFlags::OUT)], Some(&wait)) {
            Ok(ready) if ready > 0 && !left.is_zero() => {}
            Err(Errno::INTR) => continue,
            Ok(_) | Err(_) => return,
        }
        match rustix::io::write(descriptor, &rest[..rest.len().min(PIPE_BYTES)]) {
            Ok(0) => return,
            Ok(length) => rest = rest.get(length..).unwrap_or_default(),
            Err(Errno::INTR) => {}
            // A terminal can have room for a byte and not for a line break, which takes two.
            Err(Errno::AGAIN) => thread::sleep(AGAIN_PAUSE.min(left)),
            Err(_) => return,
        }
    }
}

/// Opens a terminal or a pipe once more, in a mode in which no write waits. The mode of the
/// descriptor itself stays, as other processes share it.
///
/// A terminal that nobody reads would hold up a write even right after `poll` has said that there
/// is room: that says nothing of how much. Where there is no other descriptor to be had, a pipe
/// still takes [`PIPE_BYTES`] at once, unless another process fills it in that moment. A file is
/// not opened again, as it would be written to from its beginning; it never waits for a reader.
fn reopen_unblocking(descriptor: BorrowedFd<'_>) -> Option<OwnedFd> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(descriptor).ok()?.st_mode);
    if kind != FileType::Fifo && !descriptor.is_terminal() {
        return None;
    }
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).ok()
}

/// How long a descriptor is left alone that took nothing although it had room.
const AGAIN_PAUSE: Duration = Duration::from_millis(1);

/// How many bytes every pipe takes at once if it can be written to: the least `PIPE_BUF` there is.
///
/// Source: <https://pubs.opengroup.org/onlinepubs/9799919799/basedefs/limits.h.html>, section
/// "Minimum Values".
const PIPE_BYTES: usize = 512;

/// Writes a result that was asked for, such as the help, and waits for its reader. A reader who
/// left has read enough.
pub(crate) fn print(text: &str) -> io::Result<()> {
    match write_all(rustix::stdio::stdout(), text.as_bytes()) {
        Ok(()) | Err(Errno::PIPE) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    /// An outlet into a descriptor of the test, and what it tells. Like standard output, it stays
    /// open for good.
    fn outlet(descriptor: impl Into<OwnedFd>) -> (LineWriter, mpsc::Receiver<u64>) {
        let descriptor: &'static OwnedFd = Box::leak(Box::new(descriptor.into()));
        let (told, tells) = mpsc::channel();
        let outlet = LineWriter::start("outlet", descriptor.as_fd(), move |lost| told.send(lost).unwrap());
        (outlet.unwrap(), tells)
    }

    fn read(pipe: &mut File, length: usize) -> String {
        let mut bytes = vec![0; length];
        pipe.read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_lost_is_told() {
        let (reader, writer) = io::pipe().unwrap();
        let (outlet, tells) = outlet(writer);
        let line = [[b'x'; 1_023].as_slice(), b"\n"].concat();
        for _ in 0..3_000 {
            outlet.push(&line);
        }
        // The queue holds 1,024 of them, the pipe 64, and one is on its way.
        let lost = outlet.lost();
        assert!((1_500..2_500).contains(&lost), "{lost}");
        outlet.flush(Duration::from_millis(1));
        let mut reader = File::from(OwnedFd::from(reader));
        let rest = 3_000 - usize::try_from(lost).unwrap();
        assert!(read(&mut reader, rest * line.len()).lines().all(|line| line.len() == 1_023));
        assert_eq!(tells.recv_timeout(LIMIT).unwrap(), lost);
        outlet.push(b"well\n");
        assert_eq!(read(&mut reader, 5), "well\n");
        outlet.flush(LIMIT);
        assert_eq!(outlet.lost(), lost);
    }

    #[test]
    fn a_closed_pipe_loses_lines_and_nothing_else() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let (outlet, tells) = outlet(writer);
        for _ in 0..3 {
            outlet.push(b"nobody hears this\n");
            outlet.flush(LIMIT);
        }
        assert_eq!(outlet.lost(), 3);
        assert!(tells.try_recv().is_err());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_loses_lines_and_nothing_else() {
        let (outlet, _tells) = outlet(File::options().write(true).open("/dev/full").unwrap());
        outlet.push(b"there is no place for this\n");
        outlet.flush(LIMIT);
        assert_eq!(outlet.lost(), 1);
    }

    #[test]
    fn a_descriptor_that_does_not_block_is_waited_for() {
        let (reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let (outlet, _tells) = outlet(writer);
        let line = [[b'x'; 1_023].as_slice(), b"\n"].concat();
        for _ in 0..200 {
            outlet.push(&line);
        }
        let mut reader = File::from(OwnedFd::from(reader));
        assert_eq!(read(&mut reader, 200 * line.len()).lines().count(), 200);
        assert_eq!(outlet.lost(), 0);
    }

    #[test]
    fn long_line_without_a_thread_waits_no_longer_than_it_may_for_a_reader() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (told, tells) = mpsc::channel();
        thread::spawn(move || {
            write_now(writer.as_fd(), &vec![b'x'; 200_000], Duration::from_millis(100));
            told.send(()).unwrap();
        });
        tells.recv_timeout(LIMIT).expect("it gives up");
        let mut written = Vec::new();
        reader.read_to_end(&mut written).unwrap();
        assert!(written.len() < 200_000, "{} bytes in a pipe", written.len());

        let (mut reader, writer) = io::pipe().unwrap();
        thread::spawn(move || write_now(writer.as_fd(), &vec![b'x'; 200_000], LIMIT));
        let mut written = Vec::new();
        reader.read_to_end(&mut written).unwrap();
        assert_eq!(written.len(), 200_000);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn terminal_that_nobody_reads_is_waited_for_no_longer_than_a_line_may_take() {
        use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};

        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).unwrap();
        unlockpt(&terminal).unwrap();
        let output = ioctl_tiocgptpeer(&terminal, flags).unwrap();
        let (told, tells) = mpsc::channel();
        thread::spawn(move || {
            // Each becomes two bytes, so at the end there is room for less than one write.
            write_now(output.as_fd(), &vec![b'\n'; 200_000], Duration::from_millis(100));
            told.send(()).unwrap();
        });
        tells.recv_timeout(LIMIT).expect("it gives up");
    }
}
