//! What the server or the driver says, in a few words.

use std::io;

use mongodb::error::{Error as DriverError, ErrorKind as DriverErrorKind, WriteFailure};

/// Returns what the server or the driver says, without the shape of the driver's types.
///
/// Of the server's own words it has the name of the code, too.
pub(crate) fn said(error: &DriverError) -> String {
    match error.kind.as_ref() {
        DriverErrorKind::Command(command) => coded(&command.message, Some(&command.code_name), command.code),
        DriverErrorKind::Write(WriteFailure::WriteError(write)) => {
            coded(&write.message, write.code_name.as_deref(), write.code)
        }
        DriverErrorKind::Write(WriteFailure::WriteConcernError(concern)) => {
            coded(&concern.message, Some(&concern.code_name), concern.code)
        }
        DriverErrorKind::InsertMany(many) => {
            let first = many.write_errors.iter().flatten().next();
            let first = first.map(|write| coded(&write.message, write.code_name.as_deref(), write.code));
            let concern = many.write_concern_error.as_ref();
            let concern =
                || concern.map(|concern| coded(&concern.message, Some(&concern.code_name), concern.code));
            first.or_else(concern).unwrap_or_default()
        }
        DriverErrorKind::Io(cause) => of_connection(cause),
        DriverErrorKind::ServerSelection { .. } => "no server that can do it was found".to_owned(),
        kind => short(&kind.to_string()),
    }
}

/// The words of the server with the name of their code, which manuals and search engines know.
fn coded(message: &str, name: Option<&str>, code: i32) -> String {
    let message = short(message);
    match name.filter(|name| !name.is_empty() && !message.contains(name)) {
        Some(name) => format!("{message} ({name}, code {code})"),
        None if message.contains(&code.to_string()) => message,
        None => format!("{message} (code {code})"),
    }
}

fn of_connection(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::ConnectionRefused => "nobody listens there (connection refused)".to_owned(),
        io::ErrorKind::TimedOut => "it did not answer in time".to_owned(),
        io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe => {
            "the connection was cut".to_owned()
        }
        _ => {
            let text = cause.to_string();
            short(text.split(" (os error").next().unwrap_or_default())
        }
    }
}

/// Takes out what the driver writes for its own developers, and what nobody reads to its end.
///
/// The driver repeats causes as `Kind: what, labels: {}, source: None, server response: None`; the
/// server repeats commands with all of their fields.
fn short(text: &str) -> String {
    let text = text.split(", labels: {").next().unwrap_or_default();
    let text = text.replace("failed with: Kind: I/O error: ", "failed: ").replace("Kind: ", "");
    let text = match text.split_once(", lsid: {") {
        Some((before, _)) => format!("{before}, … }}"),
        None => text,
    };
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((end, _)) = line.char_indices().nth(CHARACTERS_MAX) {
        line.truncate(end);
        line.push('…');
    }
    line
}

/// How long the words of somebody else are at most.
const CHARACTERS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    fn io(kind: io::ErrorKind) -> DriverError {
        DriverError::from(io::Error::from(kind))
    }

    #[test]
    fn words_of_others_are_short_and_in_one_line() {
        for (text, expected) in [
            ("plain", "plain"),
            (
                "Connection pool for a:1 cleared because another operation failed with: Kind: I/O error: refused, \
                 labels: {\"x\"}, source: None, server response: None",
                "Connection pool for a:1 cleared because another operation failed: refused",
            ),
            ("two\n  lines", "two lines"),
            ("no { insert: \"a\", lsid: { id: UUID(\"1\") }, $db: \"b\" }", "no { insert: \"a\", … }"),
        ] {
            assert_eq!(short(text), expected);
        }
        assert_eq!(short(&"ß".repeat(1_000)).chars().count(), CHARACTERS_MAX + 1);
    }

    #[test]
    fn name_of_the_code_is_said_once() {
        for (message, name, code, expected) in [
            (
                "stepping down",
                Some("NotWritablePrimary"),
                10107,
                "stepping down (NotWritablePrimary, code 10107)",
            ),
            (
                "NotWritablePrimary now",
                Some("NotWritablePrimary"),
                10107,
                "NotWritablePrimary now (code 10107)",
            ),
            ("E11000 duplicate key", None, 11000, "E11000 duplicate key"),
            ("it is so", Some(""), 5, "it is so (code 5)"),
        ] {
            assert_eq!(coded(message, name, code), expected);
        }
    }

    #[test]
    fn connections_are_told_in_plain_words() {
        assert_eq!(said(&io(io::ErrorKind::ConnectionRefused)), "nobody listens there (connection refused)");
        assert_eq!(said(&io(io::ErrorKind::UnexpectedEof)), "the connection was cut");
        let other =
            DriverError::from(io::Error::other("failed to lookup address information: Name not known"));
        assert_eq!(said(&other), "failed to lookup address information: Name not known");
    }
}
