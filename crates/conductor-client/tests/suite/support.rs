//! What the tests of the client share.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use conductor_client::protocol::Message;
use conductor_client::test_util::{ScriptedHub, Visitor};
use conductor_client::{Client, Config, Disconnected, Event, Messages};
use conductor_hub::{Hooks, Hub};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_util::task::TaskTracker;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// How long a message is that no buffer holds, in bytes.
pub(crate) const LONG: usize = 32 << 20;

/// Starts a real hub at a port of its own, and returns it with its address.
pub(crate) async fn serve(hooks: Hooks) -> (Hub, String) {
    serve_with(conductor_hub::Config::default(), hooks).await
}

pub(crate) async fn serve_with(config: conductor_hub::Config, hooks: Hooks) -> (Hub, String) {
    let hub = Hub::start(config, hooks).expect("the settings are right");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address: SocketAddr = listener.local_addr().expect("it has an address");
    let app = Router::new().route_service("/ws", hub.clone());
    TaskTracker::new().spawn(async move { axum::serve(listener, app.into_make_service()).await });
    (hub, format!("ws://{address}/ws"))
}

/// Settings with which a client comes back in an instant.
pub(crate) fn quick(url: impl Into<String>) -> Config {
    let delay = Duration::from_millis(1);
    Config::new(url).reconnect_delay_min(delay).reconnect_delay_max(delay)
}

/// Connects a client to a real hub.
pub(crate) async fn connect(url: &str) -> Client {
    Client::connect(quick(url)).await.expect("the hub is there")
}

/// Connects a client that is bound to a channel, and waits until the hub knows.
pub(crate) async fn bound(url: &str, channel: &str) -> (Client, Messages) {
    let client = connect(url).await;
    let messages = client.messages();
    client.bind(channel).await.expect("the name is short");
    client.settle().await.expect("the hub answers");
    (client, messages)
}

/// Starts a client of a scripted hub, and takes it in.
pub(crate) async fn visited(config: impl FnOnce(Config) -> Config) -> (ScriptedHub, Client, Visitor) {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let client = Client::start(config(quick(hub.url()))).expect("the settings are right");
    let visitor = hub.accept().await;
    client.connected().await.expect("the hub has taken it in");
    (hub, client, visitor)
}

/// Starts a client of a hub whose end of the connection the test reads by itself, frame by frame.
pub(crate) async fn by_hand(
    config: impl FnOnce(Config) -> Config,
) -> (ScriptedHub, Client, WebSocketStream<TcpStream>) {
    let hub = ScriptedHub::listen().await.expect("a port is free");
    let client = Client::start(config(quick(hub.url()))).expect("the settings are right");
    let socket = tokio_tungstenite::accept_async(hub.hang().await).await;
    let socket = socket.expect("the handshake is right");
    client.connected().await.expect("the hub has taken it in");
    (hub, client, socket)
}

/// Starts a client whose first message, a very long one, stays half written.
///
/// The hub has seen its first byte, and reads no more.
pub(crate) async fn stuck(
    config: impl FnOnce(Config) -> Config,
) -> (ScriptedHub, Client, WebSocketStream<TcpStream>) {
    let long = |settings: Config| settings.message_bytes_max(LONG + 1_000).unsent_bytes_max(2 * LONG);
    let (hub, client, mut socket) = by_hand(|settings| long(config(settings))).await;
    // More than all buffers of the system hold.
    client.write("news", vec![0; LONG]).await.expect("there is room");
    socket.get_mut().read_u8().await.expect("a byte of it comes");
    (hub, client, socket)
}

/// Returns the next event, which must come and be none of loss.
pub(crate) async fn next(messages: &mut Messages) -> Event {
    let next = timeout(PATIENCE, messages.next()).await.expect("an event comes in time");
    next.expect("the client is there").expect("nothing was dropped")
}

/// Returns the next message, past whatever else comes.
pub(crate) async fn next_message(messages: &mut Messages) -> Message {
    loop {
        if let Event::Message(message) = next(messages).await {
            return message;
        }
    }
}

/// Returns how the connection ended, past whatever else comes.
pub(crate) async fn next_end(messages: &mut Messages) -> Disconnected {
    loop {
        if let Event::Disconnected(how) = next(messages).await {
            return how;
        }
    }
}
