//! Publishes as fast as Redis takes it.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;

use test_support::Redis;

/// Messages of one size for some channels, which have one connection that subscribes to them.
#[derive(Debug)]
pub struct Flood {
    connection: TcpStream,
    /// What a command begins with, for each channel.
    heads: Vec<Vec<u8>>,
    /// What all end with. One for all: the caches are for those who receive.
    tail: Vec<u8>,
    state: u64,
}

impl Flood {
    /// Connects, and has Redis keep everything for whoever subscribes, however slowly they read.
    ///
    /// # Errors
    ///
    /// If Redis refuses.
    pub fn start(redis: &Redis, channels: usize, payload_bytes: usize) -> Result<Self, Box<dyn Error>> {
        let mut connection = TcpStream::connect(("127.0.0.1", redis.port()))?;
        connection.write_all(b"CONFIG SET client-output-buffer-limit \"pubsub 0 0 0\"\r\n")?;
        let mut answer = [0; 5];
        connection.read_exact(&mut answer)?;
        if answer != *b"+OK\r\n" {
            return Err("redis keeps its limit".into());
        }
        let payload = "x".repeat(payload_bytes);
        let head = |number| {
            let channel = channel(number);
            format!("*3\r\n$7\r\nPUBLISH\r\n${}\r\n{channel}\r\n", channel.len()).into_bytes()
        };
        let tail = format!("${payload_bytes}\r\n{payload}\r\n").into_bytes();
        Ok(Self { connection, heads: (0..channels).map(head).collect(), tail, state: 1 })
    }

    /// Publishes so many messages, to channels in no order, and returns when Redis has answered.
    ///
    /// # Errors
    ///
    /// If one of them does not go to exactly one connection.
    pub fn publish(&mut self, messages: usize) -> Result<(), Box<dyn Error>> {
        let mut bytes = Vec::new();
        for first in (0..messages).step_by(BATCH) {
            bytes.clear();
            let count = BATCH.min(messages - first);
            for _ in 0..count {
                // The same order in each run.
                self.state = self
                    .state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                let channel = usize::try_from(self.state >> 33)? % self.heads.len();
                bytes.extend_from_slice(&self.heads[channel]);
                bytes.extend_from_slice(&self.tail);
            }
            self.connection.write_all(&bytes)?;
            bytes.resize(count * ANSWER.len(), 0);
            self.connection.read_exact(&mut bytes)?;
            if !bytes.chunks(ANSWER.len()).all(|answer| answer == ANSWER) {
                return Err("a message did not go to one connection".into());
            }
        }
        Ok(())
    }
}

/// The name of a channel.
#[must_use]
pub fn channel(number: usize) -> String {
    format!("channel:{number:06}")
}

const ANSWER: &[u8] = b":1\r\n";
/// How many messages are on their way at once.
const BATCH: usize = 1_000;
