//! Questions before the first subscription: who we are, which protocol we speak, how the cluster lies.

use std::io;

use redis::{ProtocolVersion, RedisConnectionInfo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Transport;
use crate::error::{Error, ErrorKind};
use crate::protocol::{Frame, Parsed, parse, write_command};

/// Says who we are, and which protocol we speak.
pub(super) async fn log_in(
    transport: &mut Box<dyn Transport>,
    who: &RedisConnectionInfo,
) -> Result<(), Error> {
    let (user, password) = (who.username(), who.password());
    let mut words: Vec<&[u8]> = Vec::new();
    let command: &[u8] = if who.protocol() == ProtocolVersion::RESP2 {
        let Some(password) = password else { return Ok(()) };
        words.extend(user.map(str::as_bytes));
        words.push(password.as_bytes());
        b"AUTH"
    } else {
        words.push(b"3");
        if let Some(password) = password {
            words.extend([b"AUTH", user.unwrap_or("default").as_bytes(), password.as_bytes()]);
        }
        b"HELLO"
    };
    ask(transport, command, &words).await.map(drop)
}

/// Asks one thing, and returns the answer as it came.
pub(crate) async fn ask(
    transport: &mut Box<dyn Transport>,
    command: &[u8],
    words: &[&[u8]],
) -> Result<Vec<u8>, Error> {
    let (mut question, mut answer) = (Vec::new(), Vec::new());
    write_command(&mut question, command, words.iter().copied());
    transport.write_all(&question).await.map_err(broken)?;
    transport.flush().await.map_err(broken)?;
    loop {
        if transport.read_buf(&mut answer).await.map_err(broken)? == 0 {
            return Err(Error::new(ErrorKind::Unavailable, "redis closed the connection"));
        }
        match parse(&answer, ANSWER_MAX) {
            Ok(Parsed::Frame(Frame::Refused(why), _)) => return Err(refused(command, why)),
            Ok(Parsed::Frame(_, length)) => {
                answer.truncate(length);
                return Ok(answer);
            }
            Ok(Parsed::Incomplete { .. }) if answer.len() < ANSWER_MAX => {}
            Ok(Parsed::Incomplete { .. }) | Err(_) => {
                let message = format!("{} was answered with something strange", command.escape_ascii());
                return Err(Error::new(ErrorKind::Protocol, message));
            }
        }
    }
}

fn refused(command: &[u8], why: &[u8]) -> Error {
    // Redis that is starting or full says so to everybody; the rest is about us.
    let passes = [&b"LOADING"[..], b"MASTERDOWN", b"CLUSTERDOWN", b"ERR max number of clients"];
    let kind = if passes.iter().any(|word| why.starts_with(word)) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Config
    };
    Error::new(kind, format!("redis refuses {}: {}", command.escape_ascii(), String::from_utf8_lossy(why)))
}

fn broken(error: io::Error) -> Error {
    Error::with_source(ErrorKind::Unavailable, "redis broke the connection off", error)
}

/// The map of a cluster of a thousand nodes is below this.
const ANSWER_MAX: usize = 16 * 1024 * 1024;
