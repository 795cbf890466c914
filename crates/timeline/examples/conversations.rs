//! Two people talk: unread messages, an edit, a list of conversations, and how far was read.
//!
//! ```text
//! cargo run -p message-timeline --example conversations -- data
//! ```

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use timeline::embedded::{self, EmbeddedStore};
use timeline::{
    Config, Conversation, Count, EntryKind, MemberId, Message, NewMessage, PageRequest, Seq, Timeline,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let directory = env::args().nth(1).unwrap_or_else(|| "data".to_owned());
    let store = EmbeddedStore::start(embedded::Config::new(directory)).await?;
    let timeline = Timeline::start(Config::default(), store)?;
    let (alice, bob) = (MemberId::new("alice")?, MemberId::new("bob")?);
    let both = Conversation::single(alice.clone(), bob.clone());

    // Alice writes twice, and corrects herself: the text changes wherever it lies.
    let send =
        |text: &str| Ok::<_, timeline::Error>(NewMessage::new(alice.clone(), bob.clone(), said(text)?));
    let first = timeline.send(send("see you at 8")?).await?;
    let second = timeline.send(send("bring tea")?).await?;
    timeline.edit(&both, first.place, Some(alice.clone()), said("see you at 9")?).await?;

    // What a program shows of Bob's conversations, the most recent one first.
    for listed in timeline.conversations(&bob, None, Count::default()).await?.conversations {
        let last = listed.last.as_ref().map_or("nothing", |entry| entry.message.as_str());
        print(format_args!("bob has {} unread, the last is {last}", listed.view.unread))?;
    }
    for entry in timeline.history(&both, PageRequest::after(Seq::ZERO, Count::default())).await?.entries {
        // The entry that tells of the edit is for those who have read the message before.
        if entry.kind == EntryKind::Message {
            print(format_args!("{} {:?} {}", entry.place, entry.status, entry.message))?;
        }
    }

    // Alice watches her inbox. She has read what is in it, so what comes is that Bob reads.
    let known = timeline.sync(&alice, Seq::ZERO, Count::default()).await?.latest_seq;
    let mut watch = timeline.watch(&alice, known);
    timeline.read(&bob, &both, second.place).await?;
    for cursor in watch.next().await?.cursors {
        print(format_args!("{} has read up to {}", cursor.member, cursor.read))?;
    }

    // She takes the second message back: nobody reads it any more, and it stays counted as read.
    timeline.recall(&both, second.place, Some(alice)).await?;
    let inbox = timeline.sync(&bob, Seq::ZERO, Count::default()).await?;
    for entry in inbox.entries.iter().filter(|entry| entry.place == second.place) {
        print(format_args!("{} is {:?}, and bob reads {}", entry.place, entry.status, entry.message))?;
    }
    print(format_args!("bob has {} unread", timeline.unread(&bob, &both).await?))?;

    drop(watch);
    if !timeline.shutdown(Duration::from_secs(10)).await {
        return Err("the store did not end cleanly within 10 s; what was acknowledged is safe".into());
    }
    print("closed")?;
    Ok(())
}

/// A message of a chat; which fields it has is the program's own matter.
fn said(text: &str) -> timeline::Result<Message> {
    Message::new(format!("{{\"text\":\"{text}\"}}"))
}

fn print(line: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
