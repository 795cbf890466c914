//! What Redis answers on one connection, in the order in which it was asked.
//!
//! This module is pure.

use bytes::Bytes;

use super::link::{Asked, Flight};
use super::name_state::Waiter;
use super::routes::slot;
use super::standing::Standing;
use super::{Activation, Registry};
use crate::protocol::{NameKind, Verb};

/// What Redis is to answer next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// A command about names.
    Names,
    /// A `PING`.
    Ping,
}

/// What a confirmation means.
#[derive(Debug)]
pub(crate) enum Confirmation {
    /// A name begins for these.
    Begins(Activation),
    /// Nothing changes for anybody.
    Noted,
    /// Redis was not asked.
    Unasked,
}

/// What became of a refused command.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Its names are asked for again, one at a time; or nobody wants them any more.
    Divided,
    /// It had one name, and these wait for it.
    Final(Bytes, Vec<Waiter>),
}

// What Redis says is about the first entry of `in_flight`; `redirect` tells of an exception.
//
//  Redis says                        | method          | what becomes of the names
//  ----------------------------------|-----------------|------------------------------------
//  a confirmation                    | `confirm`       | the next one of them is answered
//  a refusal, such as `NOPERM`       | `refuse`        | each is asked for alone, or `Refused`
//  `MOVED`, `CLUSTERDOWN`            | `redirect`      | `Moved`, until the next map
//  "not now", such as `LOADING`      | `postpone`      | asked for again, after a pause
//  that a name is too long           | `shorten`       | the longest is never asked for again
//  `PONG`, or a refusal of a `PING`  | `pong_received` | it was not about names
impl Registry {
    /// Takes a confirmation.
    pub(crate) fn confirm(&mut self, link: usize, verb: Verb, kind: NameKind, name: &[u8]) -> Confirmation {
        let in_flight = &mut self.links[link].in_flight;
        let Some(Asked::Names(flight)) = in_flight.front_mut() else { return Confirmation::Unasked };
        let is_next = flight.names.get(flight.answered).is_some_and(|next| next == name);
        if (flight.verb, flight.kind) != (verb, kind) || !is_next {
            return Confirmation::Unasked;
        }
        flight.answered += 1;
        if flight.answered == flight.names.len() {
            in_flight.pop_front();
        }
        let Some(state) = self.names[kind].get_mut(name).filter(|state| state.link == link) else {
            // The slot of the name has another master by now, and the answer of this one means
            // nothing.
            return Confirmation::Noted;
        };
        state.standing.answered();
        if state.is_live() {
            return self.activate(kind, name).map_or(Confirmation::Noted, Confirmation::Begins);
        }
        self.forget(kind, name);
        Confirmation::Noted
    }

    /// Redis was asked for a sign of life.
    pub(crate) fn ping_sent(&mut self, link: usize) {
        self.links[link].in_flight.push_back(Asked::Ping);
    }

    /// Takes the answer to that, if it is what comes next.
    pub(crate) fn pong_received(&mut self, link: usize) {
        if self.question(link) == Some(Question::Ping) {
            self.links[link].in_flight.pop_front();
        }
    }

    /// What Redis is to answer next.
    pub(crate) fn question(&self, link: usize) -> Option<Question> {
        self.links[link].in_flight.front().map(|asked| match asked {
            Asked::Names(_) => Question::Names,
            Asked::Ping => Question::Ping,
        })
    }

    /// Takes a refusal of the first command that is on its way.
    pub(crate) fn refuse(&mut self, link: usize) -> Refusal {
        let Some(flight) = self.take_flight(link) else { return Refusal::Divided };
        let is_alone = flight.names.len() == 1;
        for name in self.take_back(link, &flight) {
            let Some(state) = self.names[flight.kind].get_mut(&name) else { continue };
            if is_alone {
                return Refusal::Final(name, state.refuse());
            }
            // Redis does not say which name of the command it refuses, so each is asked for again
            // alone.
            state.alone = true;
            self.mark(flight.kind, name);
        }
        Refusal::Divided
    }

    /// Redis ends the connection, as a name of the first command that is on its way is too long for
    /// it: names as long as that are not asked for again.
    pub(crate) fn shorten(&mut self, link: usize) {
        let Some(flight) = self.take_flight(link) else { return };
        // Redis does not say which of the names is too long, but the longest is in any case.
        let longest = flight.names[flight.answered..].iter().map(Bytes::len).max();
        self.name_max = longest.map_or(self.name_max, |length| length - 1);
    }

    /// The first command that is on its way went to the wrong master: its names wait for the next
    /// map of the cluster.
    ///
    /// `moved` is the slot that has moved, if Redis says which. It may answer a command that was
    /// taken for answered, one to unsubscribe that crossed with what the master said when it gave
    /// the slot away.
    pub(crate) fn redirect(&mut self, link: usize, moved: Option<usize>) {
        let Some(Asked::Names(flight)) = self.links[link].in_flight.front() else { return };
        if moved.is_some_and(|moved| flight.names.first().is_none_or(|name| slot(name) != moved)) {
            return;
        }
        let Some(flight) = self.take_flight(link) else { return };
        for name in self.take_back(link, &flight) {
            if let Some(state) = self.names[flight.kind].get_mut(&name) {
                state.standing = Standing::Moved;
            }
        }
    }

    /// Redis does not do the first command that is on its way, for a reason that passes: it is to
    /// be written again.
    pub(crate) fn postpone(&mut self, link: usize) {
        let Some(flight) = self.take_flight(link) else { return };
        for name in &flight.names[flight.answered..] {
            let Some(state) = self.names[flight.kind].get_mut(name) else { continue };
            if state.link != link {
                continue;
            }
            if state.standing.undone(flight.verb) {
                self.mark(flight.kind, name.clone());
                self.forget(flight.kind, name);
            }
        }
    }

    fn take_flight(&mut self, link: usize) -> Option<Flight> {
        let in_flight = &mut self.links[link].in_flight;
        match in_flight.pop_front()? {
            Asked::Names(flight) => Some(flight),
            ping @ Asked::Ping => {
                in_flight.push_front(ping);
                None
            }
        }
    }

    /// Notes what became of a refused command, and returns the names that Redis was asked for and
    /// does not give.
    fn take_back(&mut self, link: usize, flight: &Flight) -> Vec<Bytes> {
        let mut open = Vec::new();
        for name in &flight.names[flight.answered..] {
            let Some(state) = self.names[flight.kind].get_mut(name) else { continue };
            if state.link != link {
                continue;
            }
            // A refusal to unsubscribe counts as done. A master without the slot has forgotten the
            // name; others do not refuse that, and if one did it would send what nobody hears.
            let is_open = match flight.verb {
                Verb::Subscribe => state.standing.undone(flight.verb),
                Verb::Unsubscribe => {
                    state.standing.answered();
                    false
                }
            };
            if is_open {
                if state.is_wanted() {
                    open.push(name.clone());
                } else {
                    self.names[flight.kind].remove(name);
                }
            } else {
                self.forget(flight.kind, name);
            }
        }
        open
    }
}
