//! The little of MongoDB's wire protocol that asks a server how it is.
//!
//! ```text
//! u32 length of the whole | u32 request id | u32 in reply to | u32 opcode 2013 (OP_MSG)
//! u32 flags 0 | u8 section kind 0 | one BSON document
//! ```
//!
//! Source: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>

use std::io;

use bson::Document;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::address::Address;
use crate::error::Result;

/// The length, the ids, the opcode, the flags and the section's kind.
const HEAD_BYTES: usize = 21;
const OPCODE: u32 = 2013;

/// Far more than any answer to our questions.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// One connection to a server.
#[derive(Debug)]
pub(super) struct Connection {
    socket: TcpStream,
    address: Address,
}

impl Connection {
    pub(super) async fn open(address: &Address) -> Result<Self> {
        let socket = address.within(TcpStream::connect((&*address.host, address.port))).await?;
        Ok(Self { socket, address: address.clone() })
    }

    /// Runs a command and returns the server's answer, which may say that it refused.
    pub(super) async fn run(&mut self, command: &Document) -> Result<Document> {
        let Self { socket, address } = self;
        address.within(Self::exchange(socket, command)).await
    }

    async fn exchange(socket: &mut TcpStream, command: &Document) -> io::Result<Document> {
        let body = command.to_vec().map_err(io::Error::other)?;
        let length = u32::try_from(HEAD_BYTES + body.len()).map_err(io::Error::other)?;
        let mut message = Vec::with_capacity(HEAD_BYTES + body.len());
        for word in [length, 1, 0, OPCODE, 0] {
            message.extend_from_slice(&word.to_le_bytes());
        }
        message.push(0);
        message.extend_from_slice(&body);
        socket.write_all(&message).await?;

        let length = usize::try_from(socket.read_u32_le().await?).map_err(io::Error::other)?;
        if !(HEAD_BYTES..ANSWER_BYTES_MAX).contains(&length) {
            return Err(io::Error::other(format!("an answer of {length} bytes is not from MongoDB")));
        }
        // The length that was read counts its own 4 bytes.
        let mut answer = vec![0; length - 4];
        socket.read_exact(&mut answer).await?;
        Document::from_reader(&answer[HEAD_BYTES - 4..]).map_err(io::Error::other)
    }
}
