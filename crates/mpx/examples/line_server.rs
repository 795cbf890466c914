//! A line server: every client hears the channels that it asks for, over one connection to Redis.
//!
//! ```text
//! cargo run -p redis-mpx --example line_server -- 127.0.0.1:7000 redis://127.0.0.1
//! nc 127.0.0.1 7000
//! ```
//!
//! | a client says | and sees |
//! |---|---|
//! | `+news` | `activated news` when Redis has confirmed it, then `news: text` for each message |
//! | `-news` | `removed news` |
//! | `?42` | `waiting answers:42`, then `? 42 text` of the first message there, or why there was none |
//!
//! `disconnected news: why` says that messages may be missed until the next `activated news`,
//! `lagged 3` that three were dropped, as the client did not read. What a client says wrong gets a
//! line that begins with `error:`.

use std::env;
use std::io::{self, Write};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use mpx::{ChannelSubscription, Config, Event, Multiplexer, Promise, PromiseSubscription, Unfulfilled};
use tokio::net::{TcpListener, TcpStream};
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::codec::{Framed, LinesCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a line of a client may be, in bytes.
const LINE_MAX: usize = 1_024;
/// How many channels a client may have.
const CHANNELS_MAX: usize = 100;
/// How many questions of a client may be open.
const QUESTIONS_MAX: usize = 16;
/// How many messages wait for a client that does not read.
const QUEUE_MAX: usize = 100;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let listen = arguments.next().unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let redis = arguments.next().unwrap_or_else(|| "redis://127.0.0.1".to_owned());
    if arguments.next().is_some() {
        bail!("usage: line_server [address to listen at] [address of a Redis]");
    }
    let listener = TcpListener::bind(&listen).await.with_context(|| format!("cannot listen at {listen}"))?;

    // Whether Redis is there or not: clients are told when it is.
    let config = Config::new(&redis).queue_max(QUEUE_MAX);
    let multiplexer = Multiplexer::start(config).with_context(|| format!("cannot use {redis}"))?;
    let answers = multiplexer.promises("answers:")?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt()).context("ctrl-c cannot be heard")?;
    writeln!(io::stdout(), "listening at {}", listener.local_addr()?)?;

    let (clients, stop) = (TaskTracker::new(), CancellationToken::new());
    let served = select! {
        served = accept(&listener, &multiplexer, &answers, &clients, &stop) => served,
        _ = interrupt.recv() => Ok(()),
    };
    // Also those that are in the middle of a line to somebody who does not read.
    stop.cancel();
    clients.close();
    clients.wait().await;
    if !multiplexer.shutdown(Duration::from_secs(5)).await {
        bail!("the multiplexer did not end in time");
    }
    served
}

async fn accept(
    listener: &TcpListener,
    multiplexer: &Multiplexer,
    answers: &PromiseSubscription,
    clients: &TaskTracker,
    stop: &CancellationToken,
) -> Result<()> {
    loop {
        let (socket, peer) = listener.accept().await.context("cannot accept clients")?;
        let client = serve(socket, multiplexer.clone(), answers.clone());
        let client = stop.clone().run_until_cancelled_owned(client);
        clients.spawn(async move {
            if let Some(Err(error)) = client.await {
                // Where this goes there is nobody left to tell if it fails.
                writeln!(io::stderr(), "{peer}: {error:#}").ok();
            }
        });
    }
}

/// Serves a client until it leaves. All that it had ends with the subscription, which is dropped
/// here.
async fn serve(socket: TcpStream, multiplexer: Multiplexer, answers: PromiseSubscription) -> Result<()> {
    let mut lines = Framed::new(socket, LinesCodec::new_with_max_length(LINE_MAX));
    let (channels, mut events) = multiplexer.channels()?;
    let mut questions = FuturesUnordered::new();
    loop {
        let line = select! {
            command = lines.next() => match command {
                Some(Ok(command)) => match obey(&command, &channels, &answers, questions.len()) {
                    Reply::Line(line) => line,
                    Reply::Later => continue,
                    Reply::Question(id, promise) => {
                        let line = format!("waiting {}", text(promise.channel()));
                        questions.push(async move { (id, promise.await) });
                        line
                    }
                },
                // Where the next line begins is anybody's guess.
                Some(Err(error)) => {
                    lines.send(format!("error: {error}")).await?;
                    return Ok(());
                }
                None => return Ok(()),
            },
            event = events.next() => match event {
                Some(Ok(event)) => told(event),
                Some(Err(error)) => match error.missed() {
                    Some(missed) => format!("lagged {missed}"),
                    None => return Err(error.into()),
                },
                None => return Ok(()),
            },
            Some((id, outcome)) = questions.next() => answered(&id, outcome),
        };
        // Nothing else is read before it is written: what a slow client misses piles up in its
        // queue, which is bounded.
        lines.send(line).await?;
    }
}

/// What a command is answered with.
enum Reply {
    Line(String),
    /// The answer is an event.
    Later,
    Question(String, Promise),
}

fn obey(command: &str, channels: &ChannelSubscription, answers: &PromiseSubscription, open: usize) -> Reply {
    let done = match command.split_at_checked(1) {
        Some(("+", _)) if channels.channels().len() >= CHANNELS_MAX => Err("too many channels".to_owned()),
        Some(("+", channel)) => match channels.add(channel) {
            Ok(()) => return Reply::Later,
            Err(error) => Err(error.to_string()),
        },
        Some(("-", channel)) if channels.remove(channel) > 0 => Ok(format!("removed {channel}")),
        Some(("-", channel)) => Err(format!("you are not subscribed to {channel}")),
        Some(("?", _)) if open >= QUESTIONS_MAX => Err("too many questions".to_owned()),
        Some(("?", id)) => match answers.promise(id, ANSWER_TIMEOUT) {
            Ok(promise) => return Reply::Question(id.to_owned(), promise),
            Err(error) => Ok(format!("? {id} unanswered: {error}")),
        },
        _ => Err("say +channel, -channel or ?question".to_owned()),
    };
    Reply::Line(done.unwrap_or_else(|why| format!("error: {why}")))
}

fn told(event: Event) -> String {
    match event {
        Event::Message(message) => format!("{}: {}", text(&message.channel), text(&message.payload)),
        Event::Activated { name } => format!("activated {}", text(&name)),
        Event::Disconnected { names, error } => {
            let names: Vec<String> = names.iter().map(text).collect();
            format!("disconnected {}: {error}", names.join(", "))
        }
        Event::Refused { name, error } => format!("refused {}: {error}", text(&name)),
        other => format!("{other:?}"),
    }
}

fn answered(id: &str, outcome: Result<Bytes, Unfulfilled>) -> String {
    match outcome {
        Ok(answer) => format!("? {id} {}", text(&answer)),
        Err(why) => format!("? {id} unanswered: {why}"),
    }
}

/// Anything may be published. It is one line here, and text.
fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).replace(['\r', '\n'], " ")
}
