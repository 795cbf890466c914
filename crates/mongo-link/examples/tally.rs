//! Counts in a document of MongoDB, whatever becomes of MongoDB meanwhile.
//!
//! ```text
//! cargo run -p mongo-link --example tally -- mongodb://127.0.0.1
//! cargo run -p mongo-link --example tally -- "mongodb://10.0.0.1,10.0.0.2/shop?replicaSet=rs"
//! ```
//!
//! It begins also while MongoDB is away. Then, and when another primary takes over, it says once
//! why it does not count, and it goes on by itself when MongoDB is back.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::time::Duration;

use mongo_link::{ErrorKind, Link, LinkConfig, WhenAway};
use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};

/// How often it counts.
const PERIOD: Duration = Duration::from_millis(200);
/// How long a count may take, so that a failure is told soon.
const PATIENCE: Duration = Duration::from_secs(4);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).unwrap_or_else(|| "mongodb://127.0.0.1".to_owned());
    let link = Link::start(LinkConfig::new(url).timeout(PATIENCE).when_away(WhenAway::Join)).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The address is displayed without user and password.
    writeln!(io::stdout(), "counting at {}", link.address())?;
    let counted = tokio::select! {
        counted = count(&link) => counted,
        _ = interrupt.recv() => Ok(()),
    };
    if !link.shutdown(Duration::from_secs(10)).await {
        return Err("a call did not end in time".into());
    }
    counted
}

/// Counts until something fails that does not mend itself.
async fn count(link: &Link) -> Result<(), Box<dyn Error>> {
    let (mut out, mut is_away) = (io::stdout(), false);
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let counted = link.call(|database| async move {
            let tallies = database.collection::<Document>("tallies");
            let one_more = doc! { "$inc": { "count": 1_i64 } };
            tallies
                .find_one_and_update(doc! { "_id": "example" }, one_more)
                .upsert(true)
                .return_document(ReturnDocument::After)
                .await
        });
        match counted.await {
            Ok(tally) => {
                is_away = false;
                let count = tally.unwrap_or_default().get_i64("count")?;
                writeln!(out, "{count}")?;
            }
            // It was counted or it was not, and the link connects again by itself.
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                if !is_away {
                    writeln!(out, "{error}")?;
                }
                is_away = true;
            }
            // The next call would fail in the same way.
            Err(error) => return Err(error.into()),
        }
    }
}
