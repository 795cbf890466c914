//! A hub that does what a test tells it to, for the tests of programs.
//!
//! It has a port of its own on the loopback, and no task: it accepts, refuses, sends and closes
//! when the test says so, and does nothing in between. All that waits gives up after 60 s, with a
//! panic.
//!
//! # Examples
//!
//! ```
//! use conductor_client::protocol::{Message, Opcode};
//! use conductor_client::test_util::ScriptedHub;
//! use conductor_client::{Client, Config};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let hub = ScriptedHub::listen().await?;
//! let client = Client::start(Config::new(hub.url()))?;
//! client.bind("news").await?;
//!
//! let mut visitor = hub.accept().await;
//! visitor.expect(Opcode::BIND, "news").await;
//! visitor.send(&Message::new(Opcode::WRITE, "news", "tea is ready")).await;
//! visitor.close_with(1012, "service restart").await;
//!
//! // The client comes back by itself, and binds again.
//! hub.accept().await.expect(Opcode::BIND, "news").await;
//! # Ok(())
//! # }
//! ```

mod visitor;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub use self::visitor::Visitor;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request for a handshake has at most so many bytes.
const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// A hub that does what a test tells it to.
#[derive(Debug)]
pub struct ScriptedHub {
    listener: TcpListener,
    address: SocketAddr,
}

impl ScriptedHub {
    /// Listens at a free port of the loopback.
    ///
    /// # Errors
    ///
    /// Those of the operating system.
    pub async fn listen() -> io::Result<Self> {
        let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// Returns its address, for the settings of a client.
    #[must_use]
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Waits for the next client, and takes it in.
    ///
    /// # Panics
    ///
    /// If none comes, or it does not shake hands.
    pub async fn accept(&self) -> Visitor {
        Visitor::welcome(self.hang().await).await
    }

    /// Waits for the next client, and answers its handshake with a status.
    ///
    /// # Panics
    ///
    /// If none comes, or it goes before it has asked.
    pub async fn refuse(&self, status: u16) {
        self.refuse_with(status, &[]).await;
    }

    /// Waits for the next client, and answers its handshake with a status and headers.
    ///
    /// # Panics
    ///
    /// If none comes, or it goes before it has asked.
    pub async fn refuse_with(&self, status: u16, headers: &[(&str, &str)]) {
        let mut stream = self.hang().await;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let read = timeout(PATIENCE, stream.read_buf(&mut request)).await;
            let read = read.expect("the client asks in time").expect("the client is there");
            assert!(read > 0 && request.len() < REQUEST_BYTES_MAX, "the request has no end");
        }
        let mut answer = format!("HTTP/1.1 {status} refused\r\nContent-Length: 0\r\nConnection: close\r\n");
        for &(name, value) in headers {
            answer.extend([name, ": ", value, "\r\n"]);
        }
        answer.push_str("\r\n");
        stream.write_all(answer.as_bytes()).await.expect("the client reads");
    }

    /// Waits for the next client, and says nothing to it.
    ///
    /// The client waits until what is returned is dropped.
    ///
    /// # Panics
    ///
    /// If none comes.
    pub async fn hang(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.listener.accept()).await;
        accepted.expect("a client comes in time").expect("the port is open").0
    }
}
