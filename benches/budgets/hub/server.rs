//! The servers: the hub, and the floors it is compared with.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::{env, thread};

use conductor_hub::{Config, Hooks, Hub};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::client::Body;
use crate::{client, direct, http, secure, sister};

/// A server by its name on the command line.
pub(crate) struct Named {
    name: String,
    /// Where its certificate lies, if it speaks TLS.
    directory: PathBuf,
}

/// Returns the server that `serve NAME [DIRECTORY]` asks for.
pub(crate) fn named_on_the_command_line() -> Option<Named> {
    let mut arguments = env::args().skip(1);
    (arguments.next()? == "serve").then(|| Named {
        name: arguments.next().unwrap_or_default(),
        directory: arguments.next().unwrap_or_default().into(),
    })
}

impl Named {
    /// Serves until standard input ends.
    pub(crate) fn run(&self) -> ExitCode {
        let directory = &*self.directory;
        let started = match self.name.as_str() {
            "hub" => serve(|tasks, listener| hub(tasks, listener, Config::default())),
            "hub-deflate" => serve(|tasks, listener| {
                hub(tasks, listener, Config::default().compress_from(Config::COMPRESS_FROM_SUGGESTED))
            }),
            "sister" => serve(|tasks, listener| sister::node(tasks, listener, directory)),
            "waiting" => serve(waiting),
            "hub-tls" => serve_over_tls(directory),
            "waiting-tls" => serve(|tasks, listener| secure::waiting(tasks, listener, directory)),
            "direct" => serve(direct::relay),
            "bare" => bare(Body::Short),
            "bare-deflated" => bare(Body::Json),
            unknown => Err(format!("no server is named {unknown}").into()),
        };
        match started {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                drop(writeln!(io::stderr(), "{error}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// Prints where the server listens, then waits for the end of standard input.
fn until_input_ends(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    writeln!(io::stdout(), "{address}")?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn serve(
    accept: impl FnOnce(&TaskTracker, tokio::net::TcpListener) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))?;
    let address = listener.local_addr()?;
    let entered = runtime.enter();
    accept(&TaskTracker::new(), listener)?;
    drop(entered);
    until_input_ends(address)?;
    runtime.shutdown_background();
    Ok(())
}

/// Does the same by the hub's own listener.
fn serve_over_tls(directory: &Path) -> Result<(), Box<dyn Error>> {
    let runtime = Runtime::new()?;
    let server = runtime.block_on(secure::hub(directory))?;
    until_input_ends(server.local_addr())?;
    runtime.shutdown_background();
    Ok(())
}

fn hub(tasks: &TaskTracker, listener: tokio::net::TcpListener, config: Config) -> Result<(), Box<dyn Error>> {
    let hub = Hub::start(config, Hooks::default())?;
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((socket, _peer)) = listener.accept().await {
            let hub = hub.clone();
            connections.spawn(http::serve(hub, socket));
        }
    });
    Ok(())
}

/// The floor of idle memory: a task for each connection that holds nothing but its socket.
fn waiting(tasks: &TaskTracker, listener: tokio::net::TcpListener) -> Result<(), Box<dyn Error>> {
    let connections = tasks.clone();
    tasks.spawn(async move {
        while let Ok((socket, _peer)) = listener.accept().await {
            connections.spawn(async move {
                let mut scratch = [0; 512];
                // To the handshake, then to the ping behind the bind.
                let mut answers = [client::ACCEPTED, &client::PONG].into_iter();
                while socket.readable().await.is_ok() {
                    match socket.try_read(&mut scratch) {
                        Ok(0) => return,
                        Ok(_) => drop(answers.next().map(|answer| socket.try_write(answer))),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_lost) => return,
                    }
                }
            });
        }
    });
    Ok(())
}

/// The floor of a delivery: one thread, blocking sockets, frames made, and compressed, before the
/// start.
///
/// For each read from the publisher, as many frames as it brought are written to each
/// receiver with one call: the hub cannot do less.
fn bare(body: Body) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let receivers = Arc::new(Mutex::new(Vec::new()));
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            drop(greet(socket, &receivers, body));
        }
    });
    until_input_ends(address)
}

fn greet(socket: TcpStream, receivers: &Arc<Mutex<Vec<TcpStream>>>, body: Body) -> io::Result<()> {
    let mut head = BufReader::new(socket);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let publishes = line.contains(client::PUBLISHER_PATH);
    while line != "\r\n" {
        line.clear();
        head.read_line(&mut line)?;
    }
    head.get_mut().set_nodelay(true)?;
    head.get_mut().write_all(client::ACCEPTED)?;
    // Publisher and receivers greet alike, but for the name of the channel.
    head.read_exact(&mut client::greeting())?;
    let mut socket = head.into_inner();
    if publishes {
        socket.write_all(&client::PONG)?;
        let receivers = Arc::clone(receivers);
        thread::spawn(move || drop(relay(&mut socket, &receivers, body)));
    } else if let Ok(mut receivers) = receivers.lock() {
        // The order matters: who has the pong is sent what the publisher writes from then on.
        socket.write_all(&client::PONG)?;
        receivers.push(socket);
    }
    Ok(())
}

fn relay(publisher: &mut TcpStream, receivers: &Mutex<Vec<TcpStream>>, body: Body) -> io::Result<()> {
    let frame = client::outgoing_frame(body);
    let frames = frame.repeat(1_000);
    let (mut buffer, mut read) = (vec![0; 64 * 1024], 0);
    let incoming_len = client::incoming_frame(body, 0).len();
    loop {
        let more = publisher.read(&mut buffer)?;
        if more == 0 {
            return Ok(());
        }
        read += more;
        let complete = read / incoming_len;
        read %= incoming_len;
        if let Ok(receivers) = receivers.lock() {
            for mut receiver in receivers.iter() {
                receiver.write_all(&frames[..complete * frame.len()])?;
            }
        }
    }
}
