//! The handshake of a WebSocket, as a client makes it that is independent of ours.

use tests::Tidings;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// What a handshake that succeeds leaves open.
pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects with a query and headers, or returns the status of the refusal.
pub(crate) async fn connect(
    server: &Tidings,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<Socket, u16> {
    let mut request = format!("ws://{}/ws{query}", server.http()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    match connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) => Err(answer.status().as_u16()),
        Err(error) => panic!("neither let in nor refused: {error}"),
    }
}

/// The status that a handshake is answered with.
pub(crate) async fn status(server: &Tidings, query: &str, headers: &[(&'static str, &str)]) -> u16 {
    connect(server, query, headers).await.err().unwrap_or(101)
}

/// Connects with a token in the header, as a program does, or returns the status of the refusal.
pub(crate) async fn connect_as(server: &Tidings, token: &str) -> Result<Socket, u16> {
    connect(server, "", &[("authorization", &format!("Bearer {token}"))]).await
}
