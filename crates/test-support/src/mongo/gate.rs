//! A gate in front of a member, which is shut for the clients of one name.

use std::io;
use std::net::Ipv4Addr;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio::net::TcpStream;
use tokio::net::tcp::ReadHalf;
use tokio::net::tcp::WriteHalf;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// The way to a member of a [`MongoSet`](crate::MongoSet), for drivers and for the other members.
///
/// A part of the network is lost by shutting it: to the clients that have a name, by `appName` in
/// their address, and to nobody else. Their connections stay, and new ones are taken; nothing
/// passes until it is opened again.
#[derive(Debug)]
pub struct MongoGate {
    port: u16,
    shut_to: watch::Sender<Option<String>>,
    _task: JoinSet<()>,
}

impl MongoGate {
    /// Begins to pass connections on to a port of this machine.
    pub(super) async fn start(target: u16) -> Result<Self> {
        let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let bound = bound.and_then(|listener| Ok((listener.local_addr()?.port(), listener)));
        let (port, listener) = bound.map_err(|error| {
            Error::because(ErrorKind::Unavailable, "no port for the gate of a mongod can be had", error)
        })?;
        let (shut_to, names) = watch::channel(None);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let clients = stream::unfold(listener, |listener| async {
                let client = listener.accept().await.ok()?.0;
                Some((client, listener))
            });
            clients.for_each_concurrent(None, |client| pass(client, target, names.clone())).await;
        });
        Ok(Self { port, shut_to, _task: task })
    }

    /// Returns the port, which stands for the member's own.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Lets nothing pass to and from the clients of a name.
    pub fn shut(&self, name: &str) {
        self.shut_to.send_replace(Some(name.to_owned()));
    }

    /// Lets all pass again, and first what has waited.
    pub fn open(&self) {
        self.shut_to.send_replace(None);
    }
}

async fn pass(client: TcpStream, target: u16, shut_to: watch::Receiver<Option<String>>) {
    // Both ends see by themselves that a connection is over.
    drop(talk(client, target, shut_to).await);
}

/// Passes what a client and the member say to each other, until one of them ends that.
async fn talk(
    mut client: TcpStream,
    target: u16,
    mut shut_to: watch::Receiver<Option<String>>,
) -> io::Result<()> {
    let first = first_message(&mut client).await?;
    opened(&mut shut_to, &first).await?;
    let mut member = TcpStream::connect((Ipv4Addr::LOCALHOST, target)).await?;
    member.write_all(&first).await?;
    let (mut questions, mut answers) = (client.split(), member.split());
    let mut other = shut_to.clone();
    tokio::select! {
        ended = carry(&mut questions.0, &mut answers.1, &mut shut_to, &first) => ended,
        ended = carry(&mut answers.0, &mut questions.1, &mut other, &first) => ended,
    }
}

async fn carry(
    from: &mut ReadHalf<'_>,
    to: &mut WriteHalf<'_>,
    shut_to: &mut watch::Receiver<Option<String>>,
    first: &[u8],
) -> io::Result<()> {
    let mut bytes = vec![0; 1 << 16];
    loop {
        let length = from.read(&mut bytes).await?;
        // The end waits as well: nobody hears of it through a network that is lost.
        opened(shut_to, first).await?;
        if length == 0 {
            return Ok(());
        }
        to.write_all(&bytes[..length]).await?;
    }
}

/// Waits until the gate is open for whoever said this first.
async fn opened(shut_to: &mut watch::Receiver<Option<String>>, first: &[u8]) -> io::Result<()> {
    let open = shut_to.wait_for(|name| name.as_deref().is_none_or(|name| !has(first, name))).await;
    open.map(drop).map_err(io::Error::other)
}

/// Reads the first message of a client, in which a driver says the name of its program.
async fn first_message(client: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut message: Vec<u8> = vec![0; LENGTH_BYTES];
    client.read_exact(&mut message).await?;
    let length = message.iter().rev().fold(0, |length, byte| (length << 8) | usize::from(*byte));
    if !(LENGTH_BYTES..=MESSAGE_MAX).contains(&length) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "no message of MongoDB"));
    }
    message.resize(length, 0);
    client.read_exact(&mut message[LENGTH_BYTES..]).await?;
    Ok(message)
}

fn has(message: &[u8], name: &str) -> bool {
    message.windows(name.len()).any(|part| part == name.as_bytes())
}

/// A message begins with its length, the lowest byte first.
///
/// Source: <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>
const LENGTH_BYTES: usize = 4;

/// More than the first message of any client has.
const MESSAGE_MAX: usize = 1 << 20;
