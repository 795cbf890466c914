//! How the layout is: whether Redis takes writes, as a trial finds out, and whether its notifications are heard.

use parking_lot::Mutex;
use presence_core::{Error, State};
use tokio::sync::watch;

use crate::connection::refusal;

/// What the tasks learnt last, as one state.
#[derive(Debug)]
pub(super) struct Health {
    known: Mutex<Known>,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Known {
    writes: Option<(State, Error)>,
    deaf: Option<State>,
    closed: bool,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { known: Mutex::default(), state: watch::Sender::new(State::Well) }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Notes what became of a write.
    pub(super) fn wrote(&self, result: Result<(), &Error>) {
        self.note(|known| {
            known.writes = result.err().map(|error| {
                let text = sentence(error);
                let state = if refusal(error).is_some() { State::read_only(text) } else { State::down(text) };
                (state, error.clone())
            });
        });
    }

    /// Notes whether notifications are heard.
    pub(super) fn heard(&self, result: Result<(), &Error>) {
        self.note(|known| {
            known.deaf = result.err().map(|error| {
                State::read_only(format!("nobody hears who comes and goes: {}", sentence(error)))
            });
        });
    }

    /// Returns why Redis takes no writes, if it does not.
    ///
    /// A key that nobody could renew is gone after its time, and says nothing about its id.
    pub(super) fn unwritable(&self) -> Option<Error> {
        self.known.lock().writes.as_ref().map(|(_, error)| error.clone())
    }

    pub(super) fn close(&self) {
        self.note(|known| known.closed = true);
    }

    fn note(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock();
        change(&mut known);
        let state = known.state();
        self.state.send_if_modified(|told| {
            let changed = *told != state;
            *told = state;
            changed
        });
    }
}

impl Known {
    fn state(&self) -> State {
        if self.closed {
            return State::closed();
        }
        let worst = self.writes.as_ref().map(|(state, _)| state).or(self.deaf.as_ref());
        worst.cloned().unwrap_or(State::Well)
    }
}

/// An error with what caused it.
fn sentence(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
