//! Two nodes of one store on MongoDB, with Redis or without: one sends, the other watches.
//!
//! ```text
//! cargo run -p message-timeline --example two_nodes -- mongodb://127.0.0.1:27017/chat redis://127.0.0.1
//! ```
//!
//! In a program each of them is a process of its own. Here they are in one, and share nothing but
//! the databases. Without the second address they need no Redis.

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use timeline::distributed::{self, DistributedStore};
use timeline::{Config, Count, MemberId, Message, NewMessage, Seq, State, Store, Timeline};
use tokio::time::timeout;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let mongo = arguments.next().unwrap_or_else(|| "mongodb://127.0.0.1:27017/chat".to_owned());
    let mut config = distributed::Config::new(mongo);
    if let Some(redis) = arguments.next() {
        config = config.redis(redis);
    }
    let (here, there) = (node(config.clone()).await?, node(config).await?);
    let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);

    // Bob is connected to the other node. He has read what is in his inbox.
    let mut known = Seq::ZERO;
    loop {
        let page = there.sync(&bob, known, Count::default()).await?;
        if page.entries.is_empty() {
            break;
        }
        known = page.entry_set_last_seq;
    }
    let mut watch = there.watch(&bob, known);

    // What Alice sends to this one comes to him at once, in order, and each message once.
    for text in ["hi", "are you there?", "see you at 8"] {
        let message = Message::new(format!("{{\"text\":\"{text}\"}}"))?;
        here.send(NewMessage::new(alice.clone(), bob.clone(), message)).await?;
    }
    let mut received = 0;
    while received < 3 {
        for entry in watch.next().await?.entries {
            received += 1;
            print(format_args!("bob gets {}", entry.message))?;
        }
    }

    // He has it on all his devices: whichever node they ask, the inbox is freed up to there.
    let floor = there.ack(&bob, watch.position().sequence).await?;
    let left = here.sync(&bob, floor, Count::default()).await?;
    print(format_args!("{} messages are left in his inbox", left.entries.len()))?;

    drop(watch);
    for node in [here, there] {
        if !node.shutdown(Duration::from_secs(10)).await {
            return Err("a node did not end within 10 s; what was acknowledged is safe".into());
        }
    }
    print("closed")?;
    Ok(())
}

/// Starts a node, and waits until the databases answer.
async fn node(config: distributed::Config) -> Result<Timeline, Box<dyn Error>> {
    let store = DistributedStore::start(config).await?;
    let mut state = store.state();
    let opened = timeout(Duration::from_secs(30), state.wait_for(State::is_well)).await;
    if !opened.is_ok_and(|state| state.is_ok()) {
        return Err(format!("the store does not open: {}", *state.borrow()).into());
    }
    Ok(Timeline::start(Config::default(), store)?)
}

fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
