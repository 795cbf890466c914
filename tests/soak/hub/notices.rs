//! What nodes were told of other nodes, and which missing numbers that excuses; pure.
//!
//! A node tells which rows of an origin are missing, and each row has some of the numbers that one
//! client wrote. A gap is of rows in a row, so it lies in one run of missing numbers, and excuses
//! no more of them than its rows can have. So does the news that an origin was found again, with
//! the rows since the last notice.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::writer::NUMBERS_IN_A_ROW_MAX;

/// How much earlier or later than the numbers around it a gap may be told: it travels another way,
/// and a frozen process tells it when it goes on.
const SLACK: Duration = Duration::from_secs(3);

/// What a node was told, and when.
#[derive(Clone, Debug)]
pub(crate) struct Notice {
    /// Which node was told.
    pub(crate) node: usize,
    pub(crate) kind: NoticeKind,
    /// Of which node's life.
    pub(crate) origin: String,
    pub(crate) at: Instant,
}

/// With numbers of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoticeKind {
    /// What the origin writes is here from this row on.
    Found {
        first: u64,
    },
    /// These rows are missing.
    Gap {
        first: u64,
        last: u64,
    },
    Lost,
}

impl NoticeKind {
    /// Reads the words of a node, without those that name the origin.
    pub(crate) fn read(kind: &str, mut rows: impl Iterator<Item = u64>) -> Option<Self> {
        match kind {
            "found" => Some(Self::Found { first: rows.next()? }),
            "gap" => Some(Self::Gap { first: rows.next()?, last: rows.next()? }),
            "lost" => Some(Self::Lost),
            _ => None,
        }
    }
}

/// Numbers in a row that a member did not hear.
#[derive(Clone, Debug)]
pub(crate) struct MissingNumbers {
    pub(crate) node: usize,
    pub(crate) life: String,
    pub(crate) origin: String,
    pub(crate) numbers: (u64, u64),
    /// When the number before them was heard, and the one behind them.
    pub(crate) since: Instant,
    pub(crate) until: Instant,
}

/// Rows that one notice names, and that excuse one run of missing numbers.
#[derive(Debug)]
struct Excuse {
    first: u64,
    rows: u64,
    at: Instant,
    is_used: bool,
}

/// All that nodes were told, in the order in which they were.
#[derive(Default)]
pub(crate) struct Notices(Vec<Notice>);

impl Notices {
    pub(crate) fn note(&mut self, notice: Notice) {
        self.0.push(notice);
    }

    /// Returns how many numbers are missing, all of which were told; or some that were not.
    ///
    /// Of a member and an origin the runs come in their order.
    pub(crate) fn excuse(&self, missing: &[MissingNumbers]) -> Result<u64, String> {
        let mut excuses = self.excuses();
        let mut total = 0;
        for run in missing {
            let count = run.numbers.1 - run.numbers.0 + 1;
            let mut untold = count;
            let told = excuses.get_mut(&(run.node, &*run.origin)).into_iter().flatten();
            let near = |at: Instant| at + SLACK >= run.since && at <= run.until + SLACK;
            for excuse in told.filter(|excuse| !excuse.is_used && near(excuse.at)) {
                excuse.is_used = true;
                untold = untold.saturating_sub(excuse.rows * NUMBERS_IN_A_ROW_MAX);
                if untold == 0 {
                    break;
                }
            }
            if untold > 0 {
                return Err(format!(
                    "numbers {:?} of {} are missing at node {} ({}), and at least {untold} of them without a notice",
                    run.numbers, run.origin, run.node, run.life
                ));
            }
            total += count;
        }
        Ok(total)
    }

    pub(crate) fn gaps(&self) -> usize {
        self.0.iter().filter(|notice| matches!(notice.kind, NoticeKind::Gap { .. })).count()
    }

    /// Returns how many origins somebody has heard of.
    pub(crate) fn origins(&self) -> usize {
        self.0.iter().map(|notice| &notice.origin).collect::<HashSet<_>>().len()
    }

    /// Returns what each node was told of each origin, in the order of rows: a row may be told
    /// behind later ones.
    fn excuses(&self) -> HashMap<(usize, &str), Vec<Excuse>> {
        let mut excuses: HashMap<(usize, &str), Vec<Excuse>> = HashMap::new();
        // From which row on nothing was told yet.
        let mut untold: HashMap<(usize, &str), u64> = HashMap::new();
        for notice in &self.0 {
            let key = (notice.node, &*notice.origin);
            let next = untold.entry(key).or_insert(1);
            let (first, behind) = match notice.kind {
                NoticeKind::Found { first } => (*next, first),
                NoticeKind::Gap { first, last } => (first, last + 1),
                NoticeKind::Lost => continue,
            };
            *next = behind.max(*next);
            let rows = behind.saturating_sub(first);
            excuses.entry(key).or_default().push(Excuse { first, rows, at: notice.at, is_used: false });
        }
        excuses.values_mut().for_each(|told| told.sort_by_key(|excuse| excuse.first));
        excuses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(begun: Instant, kinds: &[(u64, NoticeKind)]) -> Notices {
        let notice = |(second, kind): &(u64, NoticeKind)| {
            let at = begun + Duration::from_secs(*second);
            Notice { node: 1, kind: *kind, origin: "a".to_owned(), at }
        };
        Notices(kinds.iter().map(notice).collect())
    }

    /// Numbers that were missing in this second.
    fn run(begun: Instant, second: u64, numbers: (u64, u64)) -> MissingNumbers {
        let since = begun + Duration::from_secs(second);
        let (life, origin) = ("b".to_owned(), "a".to_owned());
        MissingNumbers { node: 1, life, origin, numbers, since, until: since + Duration::from_secs(1) }
    }

    #[test]
    fn a_gap_excuses_as_many_numbers_as_its_rows_have_and_no_more() {
        let begun = Instant::now();
        let told = notices(begun, &[(10, NoticeKind::Gap { first: 7, last: 9 })]);
        assert_eq!(told.excuse(&[run(begun, 10, (21, 26))]), Ok(6));
        let error = told.excuse(&[run(begun, 10, (21, 27))]).unwrap_err();
        assert!(error.contains("at least 1 of them"), "{error}");
    }

    #[test]
    fn a_gap_excuses_one_run_and_one_that_is_near() {
        let begun = Instant::now();
        let told = notices(begun, &[(10, NoticeKind::Gap { first: 1, last: 50 })]);
        assert!(told.excuse(&[run(begun, 10, (5, 6)), run(begun, 11, (9, 9))]).is_err());
        assert!(told.excuse(&[run(begun, 14, (5, 6))]).is_err());
        assert!(notices(begun, &[(10, NoticeKind::Lost)]).excuse(&[run(begun, 10, (5, 5))]).is_err());
    }

    #[test]
    fn several_gaps_excuse_one_run_and_rows_that_are_told_late_come_first() {
        let begun = Instant::now();
        let gap = |first, last| NoticeKind::Gap { first, last };
        let told = notices(begun, &[(10, gap(20, 21)), (11, gap(3, 3)), (12, gap(5, 5))]);
        assert_eq!(told.excuse(&[run(begun, 10, (4, 7)), run(begun, 11, (30, 33))]), Ok(8));
    }

    #[test]
    fn an_origin_that_is_found_again_excuses_the_rows_since_the_last_notice() {
        let begun = Instant::now();
        let found = |first| NoticeKind::Found { first };
        let told =
            notices(begun, &[(0, found(1)), (5, NoticeKind::Gap { first: 8, last: 9 }), (20, found(12))]);
        assert_eq!(told.excuse(&[run(begun, 20, (40, 43))]), Ok(4));
        assert!(told.excuse(&[run(begun, 20, (40, 44))]).is_err(), "two rows have four numbers at most");
    }
}
