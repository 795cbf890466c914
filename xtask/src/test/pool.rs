//! Runs test programs side by side.

use std::process::Command;
use std::sync::{Condvar, Mutex, PoisonError, mpsc};
use std::thread;

use anyhow::Result;

use super::program::{self, Program};

/// How one program ended: its name, what it wrote, and whether its tests passed.
pub(super) struct Ended<'a> {
    pub(super) name: &'a str,
    pub(super) output: Vec<u8>,
    pub(super) well: bool,
}

/// Runs programs in their order, and hands over how each ended as soon as it has.
///
/// Most tests wait for a server or for time to pass; one program after the other would leave the
/// machine idle. Those that compute take a core each, and two of those that wait share one.
pub(super) fn run(
    programs: &[Program],
    cores: usize,
    command: impl Fn(&Program) -> Command + Sync,
    mut ended: impl FnMut(Ended<'_>),
) -> Result<()> {
    // As many threads as halves: one that takes a whole core leaves another thread asleep in
    // `take`. All of them end with the queue, or when nobody wants results any more.
    let queue = &Queue::new(programs, cores);
    thread::scope(|scope| {
        let (results, all) = mpsc::channel();
        for _ in 0..queue.halves {
            let (results, command) = (results.clone(), &command);
            scope.spawn(move || {
                while let Some(program) = queue.take() {
                    let result = program::run(&mut command(program)).map(|(output, well)| Ended {
                        name: &program.name,
                        output,
                        well,
                    });
                    queue.give_back(program);
                    if results.send(result).is_err() {
                        // Another program could not even be run.
                        return;
                    }
                }
            });
        }
        drop(results);
        all.into_iter().try_for_each(|result| result.map(&mut ended))
    })
}

/// The programs that are to be run, and what there is for them to run on.
struct Queue<'a> {
    programs: &'a [Program],
    /// Twice the cores.
    halves: usize,
    state: Mutex<State>,
    freed: Condvar,
}

struct State {
    /// Where in the list the next one stands.
    next: usize,
    /// How many halves of a core nobody has.
    free: usize,
}

impl<'a> Queue<'a> {
    fn new(programs: &'a [Program], cores: usize) -> Self {
        let halves = 2 * cores;
        Self { programs, halves, state: Mutex::new(State { next: 0, free: halves }), freed: Condvar::new() }
    }

    /// Waits until there is room for the next program, and takes it; `None` after the last one.
    fn take(&self) -> Option<&'a Program> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // The order of the list is kept. A program that computes waits until two halves are
            // free, and those behind it wait with it; otherwise short ones would go before it for
            // ever.
            let program = self.programs.get(state.next)?;
            if halves(program) <= state.free {
                state.next += 1;
                state.free -= halves(program);
                return Some(program);
            }
            state = self.freed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, program: &Program) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).free += halves(program);
        self.freed.notify_all();
    }
}

/// How many halves of a core a program takes.
fn halves(program: &Program) -> usize {
    if program.computes() { 2 } else { 1 }
}
