//! What a message costs others.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Write;
use std::hint::black_box;

use benches::budget::Effort;
use benches::flood::channel;
use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::flow::Flow;

/// The stream of redis-rs. Who has many channels finds the one of a message in a map, so that is a
/// part of it.
pub(crate) fn redis_rs<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    let flow = Flow::start(CHANNELS, BYTES)?;
    let names: Vec<String> = (0..CHANNELS).map(channel).collect();
    let mut messages = flow.prepare(async |redis| {
        let mut pubsub = redis::Client::open(redis.url())?.get_async_pubsub().await?;
        pubsub.subscribe(&names).await?;
        Ok(pubsub.into_on_message())
    })?;
    let mut counters: HashMap<String, usize> = names.into_iter().map(|name| (name, 0)).collect();
    flow.per_message(effort, async |count| {
        for _ in 0..count {
            let message = messages.next().await.ok_or("the stream ended")?;
            black_box(message.get_payload_bytes());
            if CHANNELS > 1 {
                *counters.get_mut(message.get_channel_name()).ok_or("a message of another channel")? += 1;
            }
        }
        Ok(())
    })
}

/// Reads into a buffer of 64 KiB, as we do, and finds where frames end.
pub(crate) fn floor<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    frames::<BYTES, CHANNELS>(effort, |_| Ok(()))
}

/// The same, and finds the counter of each channel in a map: what anybody has to do who has many
/// channels.
pub(crate) fn lookup<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
) -> Result<f64, Box<dyn Error>> {
    let names = (0..CHANNELS).map(|number| (channel(number).into_bytes(), 0_usize));
    let mut counters: hashbrown::HashMap<Vec<u8>, usize> = names.collect();
    let length = channel(0).len();
    frames::<BYTES, CHANNELS>(effort, move |frame| {
        // All names are as long as the first, and so lie where that does.
        let name = &frame[CHANNEL_AT..CHANNEL_AT + length];
        *counters.get_mut(name).ok_or("a message of another channel")? += 1;
        Ok(())
    })
}

fn frames<const BYTES: usize, const CHANNELS: usize>(
    effort: Effort,
    mut each: impl FnMut(&[u8]) -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let flow = Flow::start(CHANNELS, BYTES)?;
    let mut socket = flow.prepare(async |redis| {
        let mut socket = TcpStream::connect(("127.0.0.1", redis.port())).await?;
        let mut command = format!("*{}\r\n$9\r\nSUBSCRIBE\r\n", CHANNELS + 1);
        let mut answer = String::new();
        for number in 0..CHANNELS {
            let name = channel(number);
            write!(command, "${}\r\n{name}\r\n", name.len())?;
            write!(answer, "*3\r\n$9\r\nsubscribe\r\n${}\r\n{name}\r\n:{}\r\n", name.len(), number + 1)?;
        }
        socket.write_all(command.as_bytes()).await?;
        let mut answered = vec![0; answer.len()];
        socket.read_exact(&mut answered).await?;
        if answered == answer.as_bytes() { Ok(socket) } else { Err("redis does not subscribe".into()) }
    })?;
    let mut buffer = vec![0; READ];
    let mut filled = 0;
    flow.per_message(effort, async |messages| {
        let mut left = messages;
        while left > 0 {
            match socket.read(&mut buffer[filled..]).await? {
                0 => return Err("redis closed the connection".into()),
                count => filled += count,
            }
            let mut start = 0;
            while let Some(length) = frame(&buffer[start..filled]) {
                each(&buffer[start..start + length])?;
                start += length;
                left -= 1;
            }
            buffer.copy_within(start..filled, 0);
            filled -= start;
        }
        Ok(())
    })
}

/// How long the frame of a message is: `*3`, then a word, the channel and the payload, each behind
/// its length.
#[inline]
fn frame(bytes: &[u8]) -> Option<usize> {
    let mut at = 4;
    for _ in 0..3 {
        at += 1;
        let mut length = 0;
        loop {
            match *bytes.get(at)? {
                b'\r' => break,
                digit => length = 10 * length + usize::from(digit - b'0'),
            }
            at += 1;
        }
        at += 2 + length + 2;
    }
    (at <= bytes.len()).then_some(at)
}

/// Behind `*3`, `$7`, `message` and `$14`, each with its line end.
const CHANNEL_AT: usize = 4 + 4 + 9 + 5;
const READ: usize = 64 * 1024;
