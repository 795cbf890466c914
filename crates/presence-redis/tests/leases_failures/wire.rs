//! A wire between a process and Redis.

use futures_util::{StreamExt, stream};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A wire to Redis that can be cut: no more bytes pass, and nobody is told.
pub(crate) struct Wire {
    pub(crate) url: String,
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    pub(crate) async fn start(url: &str) -> Self {
        let target = url.trim_start_matches("redis://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (open, state) = watch::channel(true);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let clients = stream::unfold(listener, |listener| async {
                let client = listener.accept().await.ok()?.0;
                Some((client, listener))
            });
            clients.for_each_concurrent(None, |client| pass(client, &target, state.clone())).await;
        });
        Self { url: format!("redis://{address}"), open, _tasks: tasks }
    }

    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    pub(crate) fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// Passes bytes until the wire is cut; then the connection hangs until it is mended, and is gone.
async fn pass(mut client: TcpStream, target: &str, mut open: watch::Receiver<bool>) {
    open.wait_for(|open| *open).await.expect("the wire outlives its connections");
    let mut server = TcpStream::connect(target).await.expect("redis is there");
    tokio::select! {
        // Either side may leave.
        _ = copy_bidirectional(&mut client, &mut server) => {}
        () = cut(&mut open) => {}
    }
    open.wait_for(|open| *open).await.expect("the wire outlives its connections");
}

async fn cut(open: &mut watch::Receiver<bool>) {
    open.wait_for(|open| !*open).await.expect("the wire outlives its connections");
}
