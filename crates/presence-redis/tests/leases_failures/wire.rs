//! A wire between a process and Redis.

use std::io;

use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A wire to Redis that can be cut: no more bytes pass, and nobody is told.
pub(crate) struct Wire {
    pub(crate) url: String,
    state: watch::Sender<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Whoever is connected stays so, and others wait until it is mended.
    Full,
    /// What the process says arrives, and no answer comes back.
    Deaf,
    Cut,
}

impl Wire {
    pub(crate) async fn start(url: &str) -> Self {
        let target = url.trim_start_matches("redis://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (state, states) = watch::channel(State::Open);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let clients = stream::unfold(listener, |listener| async {
                let client = listener.accept().await.ok()?.0;
                Some((client, listener))
            });
            clients.for_each_concurrent(None, |client| pass(client, &target, states.clone())).await;
        });
        Self { url: format!("redis://{address}"), state, _tasks: tasks }
    }

    pub(crate) fn fill(&self) {
        self.state.send_replace(State::Full);
    }

    pub(crate) fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    pub(crate) fn deafen(&self) {
        self.state.send_replace(State::Deaf);
    }

    pub(crate) fn mend(&self) {
        self.state.send_replace(State::Open);
    }
}

/// Passes bytes until the wire is cut; then the connection hangs until it is mended, and is gone.
async fn pass(mut client: TcpStream, target: &str, mut state: watch::Receiver<State>) {
    open(&mut state).await;
    let mut server = TcpStream::connect(target).await.expect("redis is there");
    let (mut questions, mut answers) = (client.split(), server.split());
    let replies = state.clone();
    tokio::select! {
        // Either side may leave.
        _ = copy(&mut questions.0, &mut answers.1) => {}
        _ = reply(&mut answers.0, &mut questions.1, &replies) => {}
        _ = state.wait_for(|state| *state == State::Cut) => {}
    }
    open(&mut state).await;
}

async fn reply(
    server: &mut ReadHalf<'_>,
    client: &mut WriteHalf<'_>,
    state: &watch::Receiver<State>,
) -> io::Result<()> {
    let mut answer = vec![0; 1 << 16];
    loop {
        let length = server.read(&mut answer).await?;
        if length == 0 {
            return Ok(());
        }
        let deaf = *state.borrow() == State::Deaf;
        if !deaf {
            client.write_all(&answer[..length]).await?;
        }
    }
}

async fn open(state: &mut watch::Receiver<State>) {
    state.wait_for(|state| *state == State::Open).await.expect("the wire outlives its connections");
}
