//! An address where nobody answers, not even that there is nobody.

use std::net::IpAddr;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::net::TcpSocket;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Listens at an address where no connection is accepted any more, nor refused.
///
/// Port 0 is any that is free. Those that fill its queue go with what is returned beside it.
///
/// # Panics
///
/// If the address is taken, or its queue cannot be filled.
pub async fn black_hole(host: &str, port: u16) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().expect("there are sockets");
    let host: IpAddr = host.parse().expect("it is an address");
    socket.bind(SocketAddr::new(host, port)).expect("the port is free");
    let listener = socket.listen(1).expect("it may listen");
    let address = listener.local_addr().expect("it has an address");
    let mut waiting = Vec::new();
    // A machine that stalls is not to be taken for a queue that is full.
    while let Ok(connected) = timeout(Duration::from_secs(2), TcpStream::connect(address)).await {
        waiting.push(connected.expect("nobody refuses it"));
        assert!(waiting.len() < 1_000, "its queue has no end");
    }
    (listener, waiting)
}
