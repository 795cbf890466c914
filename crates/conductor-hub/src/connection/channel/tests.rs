use std::time::Duration;

use bytes::BytesMut;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::advance;

use super::*;
use crate::Admission;
use crate::handshake::connected;

/// Longer than any gap of a burst.
const PAUSE: Duration = Duration::from_secs(1);

/// Adds a member with a socket; returns it and what it reads from.
async fn join(channel: &Channel, id: u64, memory: &Arc<OutboxMemory>) -> (Arc<Connection>, TcpStream) {
    let (near, far) = connected().await;
    let connection = Connection::new(ConnectionId(id), Admission::default(), Arc::clone(memory), false);
    let connection = Arc::new(connection.writing_to(Some(near)));
    assert!(channel.join(&connection));
    (connection, far)
}

#[tokio::test(start_paused = true)]
async fn a_message_alone_is_written_and_one_of_a_burst_is_queued() {
    let memory = Arc::new(OutboxMemory::new(1024 * 1024, 64 * 1024));
    let channel = Channel::new("chat");
    let (sender, _) = join(&channel, 1, &memory).await;
    let (reader, mut far) = join(&channel, 2, &memory).await;
    let frame = Frame::new(BytesMut::from(&b"hello"[..]), &memory);
    let alone = memory.held();
    let deliver = || {
        let mut receivers = Vec::new();
        let taken = channel.deliver(&frame, Some(sender.id()), &memory, Some(&mut receivers));
        assert_eq!((taken, receivers.len()), (1, 1), "whichever way it takes, it has one receiver");
        reader.outbox.pending()
    };
    assert_eq!((deliver(), memory.held()), (0, alone), "it is with the socket, and has no place");
    let mut received = [0; 5];
    far.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"hello");
    assert_eq!(deliver(), frame.cost(), "another was just before it");
    advance(PAUSE).await;
    assert_eq!(deliver(), frame.cost() * 2, "the one before it is queued");
    // The client gets it from the task of its connection, which there is none of here.
    reader.outbox.close(crate::Disconnect::Normal);
    reader.outbox.clear(0);
    assert_eq!(memory.held(), alone);
}
