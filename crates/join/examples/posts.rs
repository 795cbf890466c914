//! Posts who comes and goes to another program, by a webhook.
//!
//! ```text
//! cargo run -p tidings-join --features webhook --example posts -- http://127.0.0.1:9000/presence
//! ```
//!
//! A line of the standard input is somebody: `alice` is online from then on, `-alice` is not. The
//! secret that signs the posts is the environment variable `WEBHOOK_SECRET`, if there is one.

use std::env;
use std::error::Error;
use std::time::Duration;

use presence_core::Presence;
use presence_core::memory::Memory;
use tidings_join::webhook::{Config, Secret, Webhook};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// How long each part may take to end.
const GRACE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = env::args().nth(1).ok_or("give the address to post to")?;
    let mut config = Config::new(url);
    if let Ok(secret) = env::var("WEBHOOK_SECRET") {
        config = config.secret(Secret::new(&secret)?);
    }
    let presence = Presence::new(Memory::start(Default::default())?);
    let webhook = Webhook::start(config, presence.clone()).await?;

    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        match line.strip_prefix('-') {
            Some(who) => presence.offline([who]).await?,
            None => presence.hold_device(line.as_str(), "here").await?,
        }
    }

    // The webhook first: it posts what has happened by now.
    if webhook.shutdown(GRACE).await && presence.shutdown(GRACE).await {
        Ok(())
    } else {
        Err("not all ended within 5 s".into())
    }
}
