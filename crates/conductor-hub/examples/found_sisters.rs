//! Hubs that find each other by a file, which is read again and again.
//!
//! ```text
//! cargo run -p conductor-hub --features server,sisters --example found_sisters -- \
//!     127.0.0.1:8000 sisters secret
//! ```
//!
//! `secret` is a file with random bytes that all nodes have. `sisters` has a line for each node to
//! which this one links, with a name and an address, such as `blue ws://127.0.0.1:8001/`. It stands
//! for whatever else knows the nodes: a service registry, a database, the interface of a cloud.
//!
//! | somebody | and the program |
//! |---|---|
//! | adds a line to `sisters` | links to the node within a second, and again whenever the link is lost |
//! | changes the address in it | ends the link, and links to where the node is now |
//! | takes it away | ends the link |
//! | writes to a channel here | passes it on to the members at the other nodes |

use std::collections::BTreeMap;
use std::env;
use std::error::Error as StdError;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use conductor_hub::federation::{
    Sister, SisterClient, SisterConfig, SisterDialler, SisterEnd, SisterManager, SisterServer, SisterSocket,
};
use conductor_hub::server::{self, Server};
use conductor_hub::{Config, Error, ErrorKind, Hooks, Hub};
use http::HeaderMap;
use tokio::fs;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::interval;

/// How often the file is read.
const READ_AGAIN: Duration = Duration::from_millis(500);

/// Links to the nodes that the file has now.
struct FoundSisters {
    file: PathBuf,
}

/// A node as a line of the file tells it.
#[derive(Clone, PartialEq, Eq)]
struct FoundSister {
    name: String,
    address: String,
}

impl FoundSisters {
    /// Returns the nodes of the file; none of a line that has no name and address.
    async fn read(&self) -> io::Result<BTreeMap<String, FoundSister>> {
        let text = fs::read_to_string(&self.file).await?;
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines
            .map(|(name, address)| FoundSister { name: name.to_owned(), address: address.trim().to_owned() });
        Ok(found.map(|sister| (sister.name.clone(), sister)).collect())
    }
}

#[async_trait]
impl SisterManager for FoundSisters {
    /// It has no end of its own: the hub drops it when it ends.
    async fn start(&self, dialler: &SisterDialler) {
        let mut linked: BTreeMap<String, FoundSister> = BTreeMap::new();
        let mut ticks = interval(READ_AGAIN);
        loop {
            ticks.tick().await;
            // A file that cannot be read changes nothing. One that is written anew is best renamed
            // into its place, so that it is never read in half.
            let Ok(found) = self.read().await else { continue };
            let sisters = dialler.sisters();
            let link = |name: &str| sisters.iter().find(|sister| sister.name() == Some(name));
            linked.retain(|name, sister| {
                let Some(link) = link(name) else { return false };
                if found.get(name) != Some(&*sister) {
                    link.close();
                    return false;
                }
                true
            });
            for (name, sister) in &found {
                // One whose link is still ending has her turn at the next tick.
                if link(name).is_some() {
                    continue;
                }
                match dialler.dial(sister).await {
                    Ok(_) => {
                        linked.insert(name.clone(), sister.clone());
                    }
                    // She has dialled us, and one link is enough; or there are as many as may be.
                    Err(error) if error.kind() == ErrorKind::Full => {}
                    // Such as one who has enough sisters. With many nodes a program would wait
                    // longer after each.
                    Err(error) => say(&format!("{name} is no sister: {error:#}")),
                }
            }
        }
    }

    fn connected(&self, sister: &Arc<Sister>) {
        say(&format!("linked to {}", sister.name().unwrap_or("a node that dialled")));
    }

    fn disconnected(&self, sister: &Arc<Sister>, _reason: SisterEnd) {
        say(&format!("no longer linked to {}", sister.name().unwrap_or("a node that dialled")));
    }
}

#[async_trait]
impl SisterClient for FoundSister {
    fn name(&self) -> &str {
        &self.name
    }

    /// The bytes go over a WebSocket here; a program may bring its own two halves instead.
    async fn connect(&self) -> Result<SisterSocket, Error> {
        if self.address.is_empty() {
            let text = format!("{} has no address in the file; write it behind the name", self.name);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        SisterServer::new(&self.address, HeaderMap::new())?.connect().await
    }
}

/// Prints a line. Hooks must not wait, and this does where nobody reads; a program would log.
fn say(line: &str) {
    // Nobody may be there to read it.
    writeln!(io::stdout(), "{line}").ok();
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let mut arguments = env::args().skip(1);
    let (Some(address), Some(file), Some(secret)) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(
            "give an address to listen at, the file with the sisters, and that with the secret".into()
        );
    };
    let config = SisterConfig::new(fs::read(secret).await?);
    let hooks = Hooks::default().sisters(config, FoundSisters { file: file.into() });
    let hub = Hub::start(Config::default(), hooks)?;
    let listener = server::Config::default().address(address.parse::<SocketAddr>()?);
    let server = Server::start(listener, &hub).await?;
    // Before the line below is printed: whoever reads it may interrupt the program at once.
    let mut interrupt = signal(SignalKind::interrupt())?;
    say(&format!("listening at ws://{}/", server.local_addr()));
    interrupt.recv().await;
    if !(server.shutdown(Duration::from_secs(1)).await && hub.shutdown(Duration::from_secs(10)).await) {
        return Err("some connections did not end within 10 s".into());
    }
    Ok(())
}
