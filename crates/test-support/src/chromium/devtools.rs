//! One connection to the browser's `DevTools` port: calls, answers, events.
//!
//! ```text
//! call    {"id":7,"sessionId":"…","method":"Page.navigate","params":{…}}
//! answer  {"id":7,"sessionId":"…","result":{…}}  or  {"id":7,"error":{"code":…,"message":"…"}}
//! event   {"sessionId":"…","method":"Page.lifecycleEvent","params":{…}}
//! ```
//!
//! Source: <https://chromedevtools.github.io/devtools-protocol/>

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use futures_util::SinkExt;
use futures_util::StreamExt;
use serde_json::Value;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::broadcast;
use tokio::sync::mpsc;
use tokio::sync::oneshot;
use tokio_tungstenite::MaybeTlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::sync::CancellationToken;
use tokio_util::sync::DropGuard;
use tokio_util::task::TaskTracker;

use super::page_log::PageLog;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;

/// How long one call may take. Those that wait for a page have their own, shorter limits.
const CALL_LIMIT: Duration = Duration::from_secs(90);

/// Calls that wait for the socket, and events that wait for their readers.
const QUEUE: usize = 64;
const EVENTS: usize = 4096;

/// A handle on the connection; the last one closes it.
#[derive(Debug, Clone)]
pub(super) struct DevTools {
    calls: mpsc::Sender<Call>,
    events: broadcast::Sender<Arc<Event>>,
    records: Records,
    _owner: Arc<Owner>,
}

/// What the browser reports about one page.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) session: String,
    pub(super) method: String,
    pub(super) parameters: Value,
}

type Records = Arc<Mutex<HashMap<String, Arc<PageLog>>>>;

#[derive(Debug)]
struct Owner {
    _stop: DropGuard,
    _tasks: TaskTracker,
}

#[derive(Debug)]
struct Call {
    session: Option<String>,
    method: &'static str,
    parameters: Value,
    reply: oneshot::Sender<Result<Value>>,
}

impl DevTools {
    pub(super) async fn connect(address: &str) -> Result<Self> {
        let (socket, _response) = tokio_tungstenite::connect_async(address).await.map_err(|error| {
            Error::because(ErrorKind::Unavailable, format!("cannot connect to {address}"), error)
        })?;
        let (calls, queue) = mpsc::channel(QUEUE);
        let (events, _) = broadcast::channel(EVENTS);
        let records = Records::default();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let connection = Connection {
            socket,
            calls: queue,
            events: events.clone(),
            records: Arc::clone(&records),
            waiting: HashMap::new(),
            next: 1,
        };
        let stopped = stop.clone().cancelled_owned();
        tasks.spawn(async move {
            tokio::select! { () = connection.run() => (), () = stopped => () }
        });
        let owner = Arc::new(Owner { _stop: stop.drop_guard(), _tasks: tasks });
        Ok(Self { calls, events, records, _owner: owner })
    }

    /// Calls a method of the browser, or of one page's session.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &'static str,
        parameters: Value,
    ) -> Result<Value> {
        let (reply, answer) = oneshot::channel();
        let call = Call { session: session.map(str::to_owned), method, parameters, reply };
        let gone = || Error::new(ErrorKind::Unavailable, format!("the browser is gone, during {method}"));
        self.calls.send(call).await.map_err(|_| gone())?;
        match tokio::time::timeout(CALL_LIMIT, answer).await {
            Ok(answer) => answer.map_err(|_| gone())?,
            // The entry in `waiting` stays until the answer comes after all, or the connection
            // ends.
            Err(_elapsed) => {
                Err(Error::new(ErrorKind::Timeout, format!("no answer to {method} in {CALL_LIMIT:?}")))
            }
        }
    }

    /// Returns the events from here on.
    pub(super) fn events(&self) -> broadcast::Receiver<Arc<Event>> {
        self.events.subscribe()
    }

    /// Keeps what the page with this session logs, asks and requests in `record`.
    pub(super) fn record(&self, session: &str, record: Arc<PageLog>) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).insert(session.to_owned(), record);
    }

    pub(super) fn forget(&self, session: &str) {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }
}

/// The actor that owns the socket.
struct Connection {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    calls: mpsc::Receiver<Call>,
    events: broadcast::Sender<Arc<Event>>,
    records: Records,
    waiting: HashMap<u64, (&'static str, oneshot::Sender<Result<Value>>)>,
    next: u64,
}

impl Connection {
    /// Ends when the browser closes the connection or the last handle is gone; open calls then
    /// fail.
    async fn run(mut self) {
        loop {
            // Whichever is not ready loses nothing when the other one is: a call stays in its
            // queue, and what was read of a message stays in the socket.
            let text = tokio::select! {
                call = self.calls.recv() => match call {
                    Some(call) => self.send(call),
                    None => return,
                },
                message = self.socket.next() => match message {
                    Some(Ok(Message::Text(text))) => self.received(&text),
                    Some(Ok(_other)) => None,
                    Some(Err(_)) | None => return,
                },
            };
            if let Some(text) = text
                && self.socket.send(Message::text(text)).await.is_err()
            {
                return;
            }
        }
    }

    fn send(&mut self, call: Call) -> Option<String> {
        let Call { session, method, parameters, reply } = call;
        let text = self.encode(session.as_deref(), method, parameters);
        // The order matters: the call is known here before it is sent, so no answer comes too
        // early.
        self.waiting.insert(self.next, (method, reply));
        Some(text)
    }

    fn encode(&mut self, session: Option<&str>, method: &str, parameters: Value) -> String {
        self.next += 1;
        let mut call = json!({ "id": self.next, "method": method });
        call["params"] = parameters;
        if let Some(session) = session {
            call["sessionId"] = session.into();
        }
        call.to_string()
    }

    /// Passes on an answer or an event; returns what is to be sent in reply.
    fn received(&mut self, text: &str) -> Option<String> {
        let mut message: Value = serde_json::from_str(text).ok()?;
        if let Some(id) = message["id"].as_u64() {
            // Nobody waits for the answers to our own calls, nor for those that were given up.
            let (method, reply) = self.waiting.remove(&id)?;
            let answer = match message.get("error") {
                Some(error) => Err(Error::new(ErrorKind::Protocol, format!("{method}: {error}"))),
                None => Ok(message["result"].take()),
            };
            drop(reply.send(answer));
            return None;
        }
        let session = message["sessionId"].as_str().unwrap_or_default().to_owned();
        let method = message["method"].as_str()?.to_owned();
        let parameters = message["params"].take();
        let record =
            self.records.lock().unwrap_or_else(PoisonError::into_inner).get(&session).map(Arc::clone);
        if let Some(record) = record {
            record.add(&method, &parameters);
        }
        // An open dialog would stop the page, and with it the test.
        let reply = (method == "Page.javascriptDialogOpening")
            .then(|| self.encode(Some(&session), "Page.handleJavaScriptDialog", json!({ "accept": false })));
        // Without a reader nobody waits for an event now.
        drop(self.events.send(Arc::new(Event { session, method, parameters })));
        reply
    }
}
