//! Updates of many rows with one command, whose answer is read here.
//!
//! Below server 8 the driver has no update of several statements, and it repeats no command that it
//! does not know. Each statement has to have the same effect when it is done twice.

use std::time::Duration;

use futures_util::future::try_join_all;
use mongo_link::{Backoff, ErrorKind as LinkErrorKind};
use mongodb::bson::{Bson, Document, doc};
use tokio::time::{Instant, sleep};

use super::super::call_end;
use super::super::database::{Database, of_link};
use crate::{Error, ErrorKind, Result};

/// How many statements one command has.
///
/// As names have up to 512 bytes, none is larger than 4 KiB: all of them are far from the 16 MiB of
/// a command.
const STATEMENTS_MAX: usize = 1_000;

/// How many commands of one call are under way at once.
const COMMANDS_MAX: usize = 4;

/// How long the waits between two attempts are: the first, and any.
const WAIT_FIRST: Duration = Duration::from_millis(16);
const WAIT_MAX: Duration = Duration::from_millis(512);

/// Codes of single statements that another attempt may find mended.
///
/// Two upserts that met, and a primary that is none any more.
const PASSING: &[i64] =
    &[11_000, 6, 7, 24, 50, 64, 89, 91, 112, 189, 262, 9_001, 10_107, 11_600, 11_602, 13_435];

/// Does update statements to rows, and returns when a majority has all of them.
///
/// A statement is `{q: …, u: …, upsert: …}`. They are repeated until `end`.
///
/// # Errors
///
/// [`Unavailable`](ErrorKind::Unavailable): some may have been done, and may be done later.
pub(in crate::distributed) async fn update(
    database: &Database,
    statements: &[Document],
    end: Instant,
) -> Result<()> {
    let refused = update_each(database, statements, end).await?;
    refused.into_iter().next().map_or(Ok(()), |refused| Err(refused.error))
}

/// A statement that the server refuses, whenever it is tried.
#[derive(Debug)]
pub(super) struct RefusedStatement {
    pub(super) index: usize,
    pub(super) error: Error,
}

/// Does the same, and returns the statements that are refused: all others are done.
///
/// # Errors
///
/// As [`update`].
pub(super) async fn update_each(
    database: &Database,
    statements: &[Document],
    end: Instant,
) -> Result<Vec<RefusedStatement>> {
    let numbered: Vec<_> = statements.iter().enumerate().collect();
    let mut refused = Vec::new();
    for round in numbered.chunks(STATEMENTS_MAX * COMMANDS_MAX) {
        let updates: Vec<_> =
            round.chunks(STATEMENTS_MAX).map(|some| update_some(database, some, end)).collect();
        refused.extend(try_join_all(updates).await?.into_iter().flatten());
    }
    Ok(refused)
}

async fn update_some(
    database: &Database,
    statements: &[(usize, &Document)],
    end: Instant,
) -> Result<Vec<RefusedStatement>> {
    let (mut open, mut refused) = (statements.to_vec(), Vec::new());
    let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
    loop {
        let statements = open.iter().map(|(_, statement)| (*statement).clone()).collect();
        let error = match attempt(database, statements).await? {
            Outcome::Unknown(error) => error,
            Outcome::Known(not_done) => {
                let wrong = not_done.refused.into_iter();
                refused.extend(wrong.filter_map(|(index, why)| {
                    let (index, _) = open.get(index)?;
                    Some(RefusedStatement { index: *index, error: refusal(database, &why) })
                }));
                open = not_done.left.into_iter().filter_map(|index| open.get(index).copied()).collect();
                if open.is_empty() {
                    return Ok(refused);
                }
                unavailable(database, &format!("cannot write rows now: {}", not_done.why))
            }
        };
        let wait = backoff.failed();
        if Instant::now() + wait >= end {
            return Err(error);
        }
        tracing::debug!("rows are written once more: {error}");
        sleep(wait).await;
    }
}

/// What became of an attempt.
#[derive(Debug)]
enum Outcome {
    /// All were done but these.
    Known(NotDone),
    /// All may have been done, or taken back.
    Unknown(Error),
}

async fn attempt(database: &Database, statements: Vec<Document>) -> Result<Outcome> {
    // Less than the call has left, so that the server says why it is late; 0 would be for ever.
    let confirmed_within = call_end::left(database.link().timeout()).mul_f64(0.75).as_millis();
    let confirmed_within = i64::try_from(confirmed_within).unwrap_or(i64::MAX).max(1);
    let answer = database
        .call_raw(move |collections| async move {
            let command = doc! {
                "update": collections.rows.name(),
                "updates": statements,
                "ordered": false,
                "writeConcern": { "w": "majority", "j": true, "wtimeout": confirmed_within },
            };
            collections.database.run_command(command).await
        })
        .await;
    match answer {
        Ok(answer) => match Answer::read(&answer) {
            Answer::Known(not_done) => Ok(Outcome::Known(not_done)),
            Answer::Unconfirmed(why) => {
                let text = format!("did not confirm that a majority has the rows: {why}");
                Ok(Outcome::Unknown(unavailable(database, &text)))
            }
            Answer::Refused(why) => Err(refusal(database, &why)),
        },
        Err(error) if error.kind() == LinkErrorKind::Unavailable => Ok(Outcome::Unknown(of_link(error))),
        Err(error) => Err(of_link(error)),
    }
}

fn unavailable(database: &Database, what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("mongodb at {} {what}", database.link().address()))
}

fn refusal(database: &Database, why: &str) -> Error {
    unavailable(database, &format!("refuses to write a row: {why}"))
}

/// The statements of a command that were not done, by their numbers.
#[derive(Debug, Default, PartialEq, Eq)]
struct NotDone {
    /// They met others, or a primary that is none any more.
    left: Vec<usize>,
    /// Why the last of those was not done.
    why: String,
    /// They are wrong, with what the server says of each.
    refused: Vec<(usize, String)>,
}

/// What the server says of a command.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// All statements were done but these, and a majority has them.
    Known(NotDone),
    /// No majority has the statements, and they may be taken back.
    Unconfirmed(String),
    /// It is not known which statement is wrong.
    Refused(String),
}

impl Answer {
    /// Reads the answer to an update command, whose `ok` only says that it was understood.
    fn read(answer: &Document) -> Self {
        let mut not_done = NotDone::default();
        for error in answer.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
            let index = number(error, "index").and_then(|index| usize::try_from(index).ok());
            match (index, number(error, "code")) {
                (Some(index), Some(code)) if PASSING.contains(&code) => {
                    not_done.left.push(index);
                    not_done.why = said(error);
                }
                (Some(index), _) => not_done.refused.push((index, said(error))),
                (None, _) => return Self::Refused(said(error)),
            }
        }
        // The order matters: what is not confirmed is done again as a whole.
        if let Ok(concern) = answer.get_document("writeConcernError") {
            return Self::Unconfirmed(said(concern));
        }
        Self::Known(not_done)
    }
}

fn number(document: &Document, name: &str) -> Option<i64> {
    match document.get(name)? {
        Bson::Int32(number) => Some((*number).into()),
        Bson::Int64(number) => Some(*number),
        _ => None,
    }
}

fn said(error: &Document) -> String {
    error.get_str("errmsg").unwrap_or("it does not say why").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write_error(index: i32, code: i32) -> Document {
        doc! { "index": index, "code": code, "errmsg": format!("code {code}") }
    }

    #[test]
    fn an_answer_without_errors_is_done() {
        let done = Answer::Known(NotDone::default());
        assert_eq!(Answer::read(&doc! { "n": 2, "nModified": 1, "ok": 1.0 }), done);
        assert_eq!(Answer::read(&doc! { "n": 2, "writeErrors": [], "ok": 1.0 }), done);
    }

    #[test]
    fn statements_that_met_others_are_left() {
        let answer = doc! { "n": 1, "writeErrors": [write_error(0, 11_000), write_error(2, 112)], "ok": 1.0 };
        let not_done = NotDone { left: vec![0, 2], why: "code 112".to_owned(), refused: Vec::new() };
        assert_eq!(Answer::read(&answer), Answer::Known(not_done));
    }

    #[test]
    fn a_statement_that_is_wrong_is_refused_and_no_other() {
        let errors = [write_error(0, 121), write_error(1, 11_000), write_error(3, 2)];
        let answer = doc! { "writeErrors": errors.to_vec(), "ok": 1.0 };
        let refused = [(0, "code 121"), (3, "code 2")].map(|(index, why)| (index, why.to_owned()));
        let not_done = NotDone { left: vec![1], why: "code 11000".to_owned(), refused: refused.into() };
        assert_eq!(Answer::read(&answer), Answer::Known(not_done));
        let answer = doc! { "writeErrors": [{ "code": 11_000 }], "ok": 1.0 };
        assert_eq!(Answer::read(&answer), Answer::Refused("it does not say why".to_owned()));
    }

    #[test]
    fn what_no_majority_has_is_done_again_as_a_whole() {
        let concern = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
        let answer = doc! { "n": 1, "writeErrors": [write_error(0, 11_000)], "writeConcernError": concern };
        let why = "waiting for replication timed out".to_owned();
        assert_eq!(Answer::read(&answer), Answer::Unconfirmed(why));
    }
}
