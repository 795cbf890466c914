//! What must have happened: for each id how it stands, and how many transitions it had since the
//! last count.

use std::collections::BTreeMap;

/// The shadow of all users.
#[derive(Debug, Default)]
pub(crate) struct Model {
    users: BTreeMap<String, User>,
    /// How often a worker was frozen since the last count.
    away: BTreeMap<String, usize>,
}

/// One id. A worker tries one thing at a time with it, again until it is done.
#[derive(Debug, Default, Clone)]
pub(crate) struct User {
    pub(crate) online: bool,
    /// Transitions that must have been told.
    pub(crate) told: usize,
    /// Pairs of transitions that may have been told on top.
    maybe_pairs: usize,
    trying: bool,
}

impl Model {
    /// Notes a line of a worker: `try + ID`, `done - ID`.
    pub(crate) fn note(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (what, sign, id) = (words.next(), words.next(), words.next().unwrap_or_default());
        let user = self.users.entry(id.to_owned()).or_default();
        user.trying = what == Some("try");
        if !user.trying {
            user.online = sign == Some("+");
            user.told += 1;
        }
    }

    /// A worker was killed: its users leave, once.
    pub(crate) fn killed(&mut self, worker: &str) {
        for user in self.of(worker) {
            if user.online {
                user.online = false;
                user.told += 1;
            } else if user.trying {
                user.maybe_pairs += 1;
            }
            user.trying = false;
        }
    }

    /// A worker was frozen for longer than its lease: each of its users may have left and come
    /// back, once; also those it is yet to tell of.
    pub(crate) fn was_away(&mut self, worker: &str) {
        *self.away.entry(worker.to_owned()).or_default() += 1;
    }

    /// How many pairs of transitions an id may have had on top of those told.
    pub(crate) fn maybe_pairs(&self, id: &str) -> usize {
        let worker = id.split(' ').next().unwrap_or_default();
        let of_user = self.users.get(id).map_or(0, |user| user.maybe_pairs);
        of_user + self.away.get(worker).copied().unwrap_or_default()
    }

    /// Everything told so far has been counted.
    pub(crate) fn reset(&mut self) {
        for user in self.users.values_mut() {
            (user.told, user.maybe_pairs) = (0, 0);
        }
        self.away.clear();
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = (&String, &User)> {
        self.users.iter()
    }

    pub(crate) fn online(&self) -> Vec<&str> {
        self.users.iter().filter(|(_, user)| user.online).map(|(id, _)| id.as_str()).collect()
    }

    fn of(&mut self, worker: &str) -> impl Iterator<Item = &mut User> {
        let prefix = format!("{worker} ");
        self.users.iter_mut().filter(move |(id, _)| id.starts_with(&prefix)).map(|(_, user)| user)
    }
}
