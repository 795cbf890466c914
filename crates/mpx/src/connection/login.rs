//! Says who we are, and which protocol we speak.

use redis::{ProtocolVersion, RedisConnectionInfo};

use super::Transport;
use super::ask::ask;
use crate::error::Error;
use crate::server::Server;

/// Says who we are, and which protocol we speak.
pub(super) async fn log_in(
    transport: &mut Box<dyn Transport>,
    server: &Server,
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
    ask(transport, server, command, &words).await.map(drop)
}
