//! The Python client of the examples, which was written from PROTOCOL.md alone, does what people
//! do.

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::{
    Admission, Answer, Auth, Config, Connection, Denied, Disconnect, Handler, Handshake, Hooks, Hub,
};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use test_support::{binary, skip};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_util::task::TaskTracker;

const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/python/client.py");
const FLOW: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/python_flow.py");
const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../conductor-protocol/vectors.json");

/// Ends connections and writes to channels as it is told to, and gives all else back.
#[derive(Default)]
struct Obedient {
    hub: OnceLock<Hub>,
    /// Whether Carol is not wanted any more.
    has_banned: AtomicBool,
}

#[async_trait::async_trait]
impl Auth for Obedient {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        let is_carol = handshake.request.uri.query() == Some("carol");
        if is_carol && self.has_banned.load(Ordering::Relaxed) {
            return Err(Denied::unauthorized());
        }
        Ok(Admission::default())
    }
}

impl Handler for Obedient {
    fn call(&self, connection: &Arc<Connection>, call: Message) -> Answer {
        let reason = match &call.body[..] {
            b"restart" => Disconnect::Restart,
            b"ban" => {
                self.has_banned.store(true, Ordering::Relaxed);
                Disconnect::Restart
            }
            b"kick" => Disconnect::Kicked,
            b"tell again" => {
                let hub = self.hub.get().expect("it was set at the start");
                let told = hub.publish("again", "told").expect("it is short");
                return Message::with_uuid(Opcode::SERVER, call.uuid, "", told.to_string()).into();
            }
            _ => return call.into(),
        };
        connection.close(reason);
        Answer::none()
    }
}

async fn serve() -> String {
    let program = Arc::new(Obedient::default());
    let hooks = Hooks::default().handler(Arc::clone(&program)).auth(Arc::clone(&program));
    let hub = Hub::start(Config::default(), hooks).expect("the settings are right");
    program.hub.set(hub.clone()).ok();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it has an address");
    let (tasks, connections) = (TaskTracker::new(), TaskTracker::new());
    tasks.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let hub = hub.clone();
            let service = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                let hub = hub.clone();
                async move { Ok::<_, Infallible>(hub.handle(request).await) }
            });
            connections.spawn(async move {
                let server = auto::Builder::new(TokioExecutor::new());
                server.serve_connection_with_upgrades(TokioIo::new(socket), service).await.ok();
            });
        }
    });
    format!("ws://{address}/ws")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_written_from_the_page_alone_runs_the_flow() {
    let Some(python) = binary(&["python-websockets"]) else {
        skip("no Python with websockets; run `cargo xtask setup`");
        return;
    };
    let url = serve().await;
    let mut flow = Command::new(python);
    flow.args(["-B", FLOW, CLIENT, VECTORS, &url]).env("no_proxy", "*").kill_on_drop(true);
    let ran = flow.output().await.expect("Python runs");
    let (told, wrong) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && told.ends_with("all is well\n"), "{told}{wrong}");
}
