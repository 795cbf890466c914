//! A small HTTP server that answers as it is told to.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

/// What the next request gets.
#[derive(Clone)]
pub(super) enum Answer {
    /// 200 with this body.
    Body(String),
    /// The same, when the test lets it go.
    Held(String, CancellationToken),
    /// Another status, with a place to go to.
    Status(&'static str, String),
    /// A body that goes on until nobody reads it.
    Endless,
    /// Nothing, for as long as the test lasts.
    Silence,
    /// A part of what was promised.
    Cut,
    /// The same, and then nothing for as long as the test lasts.
    Stalled,
}

/// Listens at the loopback address until it is dropped.
pub(super) struct Server {
    address: String,
    answer: Arc<Mutex<Answer>>,
    asked: watch::Receiver<usize>,
    _stop: DropGuard,
}

impl Server {
    pub(super) async fn start(first: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/keys?hidden=1", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new(first));
        let (count, asked) = watch::channel(0);
        let stop = CancellationToken::new();
        let (tasks, answers, stopped) = (TaskTracker::new(), Arc::clone(&answer), stop.clone());
        let connections = tasks.clone();
        let accept = async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answers, count, stopped) = (Arc::clone(&answers), count.clone(), stopped.clone());
                connections.spawn(async move {
                    // What becomes of a connection is for the client to say.
                    stopped.run_until_cancelled(serve(stream, &answers, &count)).await;
                });
            }
        };
        let stopped = stop.clone();
        tasks.spawn(async move { stopped.run_until_cancelled(accept).await });
        Self { address, answer, asked, _stop: stop.drop_guard() }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How many requests have come.
    pub(super) fn asked(&self) -> usize {
        *self.asked.borrow()
    }

    /// Waits until so many requests have come.
    pub(super) async fn is_asked(&self, count: usize) {
        self.asked.clone().wait_for(|asked| *asked >= count).await.unwrap();
    }
}

async fn serve(mut stream: TcpStream, answers: &Mutex<Answer>, count: &watch::Sender<usize>) -> Option<()> {
    let (mut request, mut byte) = (Vec::new(), [0]);
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).await.ok()?;
        request.push(byte[0]);
    }
    let answer = answers.lock().unwrap().clone();
    count.send_modify(|count| *count += 1);
    match answer {
        Answer::Body(body) => send(&mut stream, &body).await,
        Answer::Held(body, release) => {
            release.cancelled().await;
            send(&mut stream, &body).await
        }
        Answer::Status(status, location) => {
            let text = format!(
                "HTTP/1.1 {status}\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(text.as_bytes()).await.ok()
        }
        Answer::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await.ok()?;
            loop {
                stream.write_all(&[b' '; 64 * 1024]).await.ok()?;
            }
        }
        Answer::Silence => std::future::pending().await,
        Answer::Cut => {
            let text = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n{\"keys\":[";
            stream.write_all(text.as_bytes()).await.ok()
        }
        Answer::Stalled => {
            let text = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"keys\":[";
            stream.write_all(text.as_bytes()).await.ok()?;
            std::future::pending().await
        }
    }
}

async fn send(stream: &mut TcpStream, body: &str) -> Option<()> {
    let length = body.len();
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).await.ok()
}
