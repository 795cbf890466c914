//! Runs test programs side by side.

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use anyhow::Result;

use super::program::{self, Program};

/// How one program ended: its name, what it wrote, and whether its tests passed.
pub(super) struct Ended<'a> {
    pub(super) name: &'a str,
    pub(super) output: Vec<u8>,
    pub(super) well: bool,
}

/// Runs programs, `at_once` at a time, and hands over how each ended as soon as it has.
///
/// Most tests wait for a server or for time to pass; one program after the other would leave the
/// machine idle.
pub(super) fn run(
    programs: &[Program],
    at_once: usize,
    command: impl Fn(&Program) -> Command + Sync,
    mut ended: impl FnMut(Ended<'_>),
) -> Result<()> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (results, all) = mpsc::channel();
        for _ in 0..at_once {
            let (results, next, command) = (results.clone(), &next, &command);
            scope.spawn(move || {
                while let Some(program) = programs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = program::run(&mut command(program)).map(|(output, well)| Ended {
                        name: &program.name,
                        output,
                        well,
                    });
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
