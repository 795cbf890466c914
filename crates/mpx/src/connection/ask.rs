//! Asks a question on a connection that does nothing else yet.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Transport;
use crate::error::{Error, ErrorKind};
use crate::protocol::{Frame, Parsed, parse, write_command};
use crate::server::Server;

/// Asks a server one thing, and returns the answer as it came.
pub(crate) async fn ask(
    transport: &mut Box<dyn Transport>,
    server: &Server,
    command: &[u8],
    words: &[&[u8]],
) -> Result<Vec<u8>, Error> {
    let broken = |error: io::Error| {
        let message = format!("the connection to {server} broke");
        Error::with_source(ErrorKind::Unavailable, message, error)
    };
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    write_command(&mut question, command, words.iter().copied());
    transport.write_all(&question).await.map_err(broken)?;
    transport.flush().await.map_err(broken)?;
    loop {
        if transport.read_buf(&mut answer).await.map_err(broken)? == 0 {
            let message =
                format!("{server} closed the connection instead of answering {}", command.escape_ascii());
            return Err(Error::new(ErrorKind::Unavailable, message));
        }
        match parse(&answer, ANSWER_MAX) {
            Ok(Parsed::Frame(Frame::Refused(why), _)) => return Err(refused(server, command, why)),
            Ok(Parsed::Frame(_, length)) => {
                answer.truncate(length);
                return Ok(answer);
            }
            Ok(Parsed::Incomplete { .. }) if answer.len() < ANSWER_MAX => {}
            Ok(Parsed::Incomplete { .. }) | Err(_) => {
                let message =
                    format!("{server} sent an answer to {} that cannot be read", command.escape_ascii());
                return Err(Error::new(ErrorKind::Protocol, message));
            }
        }
    }
}

fn refused(server: &Server, command: &[u8], why: &[u8]) -> Error {
    let error = Error::of_reply(server, why);
    // A refusal that does not come from the state of the server comes from our settings.
    let kind = if error.kind() == ErrorKind::Unavailable { error.kind() } else { ErrorKind::Config };
    Error::new(kind, format!("{} failed: {error}", command.escape_ascii()))
}

/// The map of a cluster of a thousand nodes is below this.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
