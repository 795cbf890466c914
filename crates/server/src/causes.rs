//! Why something failed, in one line that says each thing once.

/// The error and its causes, without those that another has already said.
///
/// Many errors name their cause, as they are often shown without it.
pub(crate) fn in_one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if line.contains(&cause) {
            continue;
        }
        if !line.is_empty() {
            line.push_str(": ");
        }
        line.push_str(&cause);
    }
    line
}

#[cfg(test)]
mod tests {
    use std::io;

    use tidings::timeline::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_cause_that_its_error_names_is_not_said_again() {
        let denied = io::Error::from(io::ErrorKind::PermissionDenied);
        let text = format!("the data directory /srv cannot be opened: {denied}");
        let error = Error::with_source(ErrorKind::Config, text, denied);
        let error = anyhow::Error::new(error).context("--data-dir");
        assert_eq!(
            in_one_line(&error),
            "--data-dir: the data directory /srv cannot be opened: permission denied"
        );
    }

    #[test]
    fn a_cause_that_nobody_names_is_said() {
        let error = anyhow::anyhow!("taken").context("--http 127.0.0.1:80");
        assert_eq!(in_one_line(&error), "--http 127.0.0.1:80: taken");
    }
}
