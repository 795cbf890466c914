//! People whose sockets come and go.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

use crate::Failure;
use crate::random::Random;
use crate::sender::Shared;

/// How many there are; every other stays when all pause.
pub(crate) const PEOPLE: usize = 32;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// One of them.
pub(crate) struct Person {
    shared: Shared,
    number: usize,
    random: Random,
}

impl Person {
    pub(crate) fn new(shared: Shared, number: usize) -> Self {
        Self { shared, number, random: Random::new(1_000 + number as u64) }
    }

    pub(crate) async fn run(mut self) -> Result<(), Failure> {
        let quiet = Arc::clone(&self.shared.quiet);
        let mut go = self.shared.go.clone();
        quiet.send_modify(|quiet| *quiet += 1);
        while go.wait_for(|go| *go).await.is_ok() {
            quiet.send_modify(|quiet| *quiet -= 1);
            while *go.borrow() {
                // What fails now is what is meant to fail.
                if let Ok(mut socket) = self.come().await {
                    self.talk(&mut socket).await.ok();
                    socket.close(None).await.ok();
                }
                sleep(Duration::from_millis(100 + self.random.below(400) as u64)).await;
            }
            let staying = if stays(self.number) { Some(self.come_for_sure().await?) } else { None };
            quiet.send_modify(|quiet| *quiet += 1);
            if let Some(mut socket) = staying {
                self.stay(&mut socket).await?;
                socket.close(None).await.ok();
            }
        }
        Ok(())
    }

    async fn come(&self) -> Result<Socket, Failure> {
        let server = self.shared.server.replacen("http", "ws", 1);
        let connect = connect_async(format!("{server}/ws?user={}", name(self.number)));
        let (mut socket, _) = timeout(PATIENCE, connect).await??;
        send(&mut socket, &Message::new(Opcode::BIND, "soak", "")).await?;
        Ok(socket)
    }

    /// Says something and listens for a while.
    async fn talk(&mut self, socket: &mut Socket) -> Result<(), Failure> {
        send(socket, &Message::new(Opcode::WRITE, "soak", "x".repeat(100))).await?;
        let until = Instant::now() + Duration::from_millis(200 + self.random.below(600) as u64);
        while let Ok(next) = tokio::time::timeout_at(until, socket.next()).await {
            next.ok_or("the connection ended")??;
        }
        Ok(())
    }

    /// The server is well again, so this has to succeed.
    async fn come_for_sure(&self) -> Result<Socket, Failure> {
        let latest = Instant::now() + PATIENCE;
        loop {
            match self.come().await {
                Ok(socket) => return Ok(socket),
                Err(error) if Instant::now() > latest => {
                    return Err(format!(
                        "{} cannot connect although the server is ready: {error}",
                        name(self.number)
                    )
                    .into());
                }
                Err(_) => sleep(Duration::from_millis(100)).await,
            }
        }
    }

    async fn stay(&self, socket: &mut Socket) -> Result<(), Failure> {
        let mut go = self.shared.go.clone();
        loop {
            tokio::select! {
                going = go.wait_for(|go| *go) => return Ok(going.map(|_| ())?),
                next = socket.next() => match next {
                    Some(Ok(tungstenite::Message::Close(_)) | Err(_)) | None => {
                        return Err(format!("{} was disconnected while nothing was wrong: {next:?}", name(self.number)).into());
                    }
                    Some(Ok(_)) => {}
                },
            }
        }
    }
}

/// Waits until the server says of each whether it is there.
pub(crate) async fn compare(client: &reqwest::Client, server: &str) -> Result<(), Failure> {
    let ids: Vec<_> = (0..PEOPLE).map(|number| format!("id={}", name(number))).collect();
    let url = format!("{server}/presence?{}", ids.join("&"));
    let latest = Instant::now() + PATIENCE;
    loop {
        let answer: Value = client.get(&url).send().await?.error_for_status()?.json().await?;
        let statuses = answer["statuses"].as_array().ok_or("no statuses")?;
        let wrong = |(number, status): &(usize, &Value)| (status["status"] == "ONLINE") != stays(*number);
        match statuses.iter().enumerate().find(wrong) {
            None => return Ok(()),
            Some((_, status)) if Instant::now() > latest => {
                return Err(format!("presence is wrong: {status}").into());
            }
            Some(_) => sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn send(socket: &mut Socket, message: &Message) -> Result<(), Failure> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes)?;
    Ok(socket.send(tungstenite::Message::Binary(bytes.freeze())).await?)
}

fn stays(number: usize) -> bool {
    number.is_multiple_of(2)
}

fn name(number: usize) -> String {
    format!("person-{number}")
}

const PATIENCE: Duration = Duration::from_secs(15);
