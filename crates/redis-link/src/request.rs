//! What is sent, and what an error says about where it has to go.

use redis::aio::MultiplexedConnection;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, ServerErrorKind, Value};

/// One command, or several for keys of one slot.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Request<'a> {
    One(&'a Cmd),
    /// The answers are the items of an array.
    Many(&'a Pipeline),
}

impl Request<'_> {
    /// Sends it; `asking` tells a server to do it for a slot that is on its way there.
    pub(crate) async fn send(
        self,
        connection: &mut MultiplexedConnection,
        asking: bool,
    ) -> RedisResult<Value> {
        match (self, asking) {
            (Self::One(command), false) => command.query_async(connection).await,
            (Self::One(command), true) => {
                let mut pipeline = redis::pipe();
                pipeline.cmd("ASKING").ignore().add_command(command.clone());
                let answers = pipeline.query_async::<Vec<Value>>(connection).await?;
                Ok(answers.into_iter().next_back().unwrap_or(Value::Nil))
            }
            (Self::Many(pipeline), false) => {
                pipeline.query_async::<Vec<Value>>(connection).await.map(Value::Array)
            }
            (Self::Many(pipeline), true) => {
                // The server takes `ASKING` for the next command only, so each command has its own.
                let mut asking = redis::pipe();
                for command in pipeline.cmd_iter() {
                    asking.cmd("ASKING").ignore().add_command(command.clone());
                }
                asking.query_async::<Vec<Value>>(connection).await.map(Value::Array)
            }
        }
    }
}

/// What an error says about where a request has to go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The slot is another server's from now on.
    Moved(String, u16),
    /// The slot is on its way to another server, and this key has arrived there.
    Ask(String, u16),
    /// Nobody can do it now; soon somebody can.
    Later,
    /// The connection is gone, or half gone.
    Lost,
    /// The server is not what it was taken for.
    Demoted,
    /// It is the answer.
    Final,
}

impl Verdict {
    pub(crate) fn of(error: &RedisError) -> Self {
        use ServerErrorKind::{Ask, ClusterDown, Moved, ReadOnly, TryAgain};
        match error.kind() {
            ErrorKind::Server(kind @ (Moved | Ask)) => match redirection(error) {
                Some((host, port)) if kind == Moved => Self::Moved(host, port),
                Some((host, port)) => Self::Ask(host, port),
                None => Self::Later,
            },
            ErrorKind::Server(TryAgain | ClusterDown) => Self::Later,
            ErrorKind::Server(ReadOnly) => Self::Demoted,
            // Whether the command was heard is open, so it is not sent again.
            _ if error.is_timeout() || error.is_unrecoverable_error() => Self::Lost,
            _ => Self::Final,
        }
    }
}

/// The server that an error points to; without a host it is that of the server which said so.
fn redirection(error: &RedisError) -> Option<(String, u16)> {
    // `3999 127.0.0.1:6381`, of a pipeline in that of its first command that has one.
    let errors = error.clone().into_server_errors()?;
    let mut words = errors.first()?.1.details()?.split_ascii_whitespace().skip(1);
    let (host, port) = words.next()?.rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}
