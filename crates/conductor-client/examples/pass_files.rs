//! Passes files of any size through a channel of a hub, from one program to any number of others.
//!
//! ```text
//! cargo run -p conductor-client --example pass_files -- ws://127.0.0.1:8000/ws files into /tmp/inbox
//! cargo run -p conductor-client --example pass_files -- ws://127.0.0.1:8000/ws files from photo.jpg
//! ```
//!
//! The first stays, and stores each file under the uuid of its stream; what was cut short, it
//! removes again. The name of a file is not passed on: a stream has none.

use std::env;
use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use conductor_client::{Client, Config, IncomingStream};
use tokio::fs::{self, File};
use tokio_util::task::TaskTracker;

/// How long what was sent may take to be on its way when the program ends.
const GRACE: Duration = Duration::from_secs(60);

fn say(line: &str) {
    // Where this goes there is nobody left to tell if it fails.
    writeln!(io::stdout(), "{line}").ok();
}

/// Sends a file to whoever is bound to the channel.
async fn send(client: &Client, channel: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let sent = client.write_stream(channel, File::open(path).await?).await?;
    say(&format!("sent {sent} bytes"));
    Ok(())
}

/// Stores every file that comes, several at a time.
async fn receive(client: &Client, folder: PathBuf) -> Result<(), Box<dyn Error>> {
    let (mut streams, tasks) = (client.streams(), TaskTracker::new());
    while let Some(stream) = streams.next().await {
        match stream {
            Ok(stream) => {
                tasks.spawn(store(stream, folder.clone()));
            }
            // Some were left out since so many came at once; the next ones are not.
            Err(lagged) => say(&format!("{lagged:#}")),
        }
    }
    tasks.close();
    tasks.wait().await;
    Ok(())
}

async fn store(mut stream: IncomingStream, folder: PathBuf) {
    // A sender chooses the uuid, so it may be no name of a file.
    let letters = stream.uuid().chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-');
    let path = folder.join(letters.collect::<String>());
    let copied = async {
        let mut file = File::create_new(&path).await?;
        let bytes = tokio::io::copy(&mut stream, &mut file).await?;
        file.sync_all().await.map(|()| bytes)
    };
    match copied.await {
        Ok(bytes) => say(&format!("stored {bytes} bytes as {}", path.display())),
        Err(error) => {
            say(&format!("{} did not come whole: {error}", path.display()));
            fs::remove_file(&path).await.ok();
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [url, channel, direction, path] = &arguments[..] else {
        return Err("give the address of a hub, a channel, and `into` a folder or `from` a file".into());
    };
    let client = Client::connect(Config::new(url)).await?;
    client.bind(channel).await?;
    client.settle().await?;
    match direction.as_str() {
        "from" => send(&client, channel, Path::new(path)).await?,
        "into" => {
            say("waiting for files");
            tokio::select! {
                done = receive(&client, PathBuf::from(path)) => done?,
                interrupted = tokio::signal::ctrl_c() => interrupted?,
            }
        }
        other => return Err(format!("`{other}` is neither `into` nor `from`").into()),
    }
    if client.shutdown(GRACE).await { Ok(()) } else { Err("the hub did not take all of it".into()) }
}
