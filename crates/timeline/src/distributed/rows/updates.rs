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
    for round in statements.chunks(STATEMENTS_MAX * COMMANDS_MAX) {
        let updates: Vec<_> =
            round.chunks(STATEMENTS_MAX).map(|some| update_some(database, some, end)).collect();
        try_join_all(updates).await?;
    }
    Ok(())
}

async fn update_some(database: &Database, statements: &[Document], end: Instant) -> Result<()> {
    let mut statements = statements.to_vec();
    let mut backoff = Backoff::new(WAIT_FIRST, WAIT_MAX);
    loop {
        let error = match attempt(database, statements.clone()).await? {
            Outcome::Done => return Ok(()),
            Outcome::Unknown(error) => error,
            Outcome::Left(left, why) => {
                statements = left.into_iter().filter_map(|index| statements.get(index).cloned()).collect();
                unavailable(database, &format!("cannot write rows now: {why}"))
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
    Done,
    /// All may have been done, or taken back.
    Unknown(Error),
    /// These were not done, for this reason.
    Left(Vec<usize>, String),
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
            Answer::Done => Ok(Outcome::Done),
            Answer::Unconfirmed(why) => {
                let text = format!("did not confirm that a majority has the rows: {why}");
                Ok(Outcome::Unknown(unavailable(database, &text)))
            }
            Answer::Left(left, why) => Ok(Outcome::Left(left, why)),
            Answer::Refused(why) => Err(unavailable(database, &format!("refuses to write a row: {why}"))),
        },
        Err(error) if error.kind() == LinkErrorKind::Unavailable => Ok(Outcome::Unknown(of_link(error))),
        Err(error) => Err(of_link(error)),
    }
}

fn unavailable(database: &Database, what: &str) -> Error {
    Error::new(ErrorKind::Unavailable, format!("mongodb at {} {what}", database.link().address()))
}

/// What the server says of a command.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Done,
    /// No majority has the statements, and they may be taken back.
    Unconfirmed(String),
    /// These statements met others, or a primary that is none any more.
    Left(Vec<usize>, String),
    /// A statement is wrong.
    Refused(String),
}

impl Answer {
    /// Reads the answer to an update command, whose `ok` only says that it was understood.
    fn read(answer: &Document) -> Self {
        let (mut left, mut why) = (Vec::new(), String::new());
        for error in answer.get_array("writeErrors").into_iter().flatten().filter_map(Bson::as_document) {
            let index = number(error, "index").and_then(|index| usize::try_from(index).ok());
            why = said(error);
            match (index, number(error, "code")) {
                (Some(index), Some(code)) if PASSING.contains(&code) => left.push(index),
                _ => return Self::Refused(why),
            }
        }
        // The order matters: what is not confirmed is done again as a whole.
        if let Ok(concern) = answer.get_document("writeConcernError") {
            return Self::Unconfirmed(said(concern));
        }
        if left.is_empty() { Self::Done } else { Self::Left(left, why) }
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
        assert_eq!(Answer::read(&doc! { "n": 2, "nModified": 1, "ok": 1.0 }), Answer::Done);
        assert_eq!(Answer::read(&doc! { "n": 2, "writeErrors": [], "ok": 1.0 }), Answer::Done);
    }

    #[test]
    fn statements_that_met_others_are_left() {
        let answer = doc! { "n": 1, "writeErrors": [write_error(0, 11_000), write_error(2, 112)], "ok": 1.0 };
        assert_eq!(Answer::read(&answer), Answer::Left(vec![0, 2], "code 112".to_owned()));
    }

    #[test]
    fn a_statement_that_is_wrong_is_refused() {
        let answer = doc! { "writeErrors": [write_error(0, 11_000), write_error(1, 121)], "ok": 1.0 };
        assert_eq!(Answer::read(&answer), Answer::Refused("code 121".to_owned()));
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
