use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Waker;
use std::time::Duration;

use bytes::BytesMut;
use socket2::SockRef;
use tokio::io::AsyncReadExt;

use super::*;
use crate::Disconnect;
use crate::frame::FRAME_COST;
use crate::handshake::{SharedSocket, connected};
use crate::outbox_memory::OutboxMemory;
use crate::websocket::close_frame;
use crate::writer::Writer;

const LIMIT: usize = 1024 * 1024;

/// How often the socket is filled until it has to have taken a part of a frame.
const FILLS_MAX: u64 = 200;

/// An outbox that may write to one end of a connection, and the other end.
struct Pair {
    outbox: Outbox,
    memory: Arc<OutboxMemory>,
    writer: Writer<SharedSocket>,
    far: TcpStream,
    /// The bytes of what was pushed, in order.
    pushed: Vec<u8>,
    number: u64,
}

impl Pair {
    /// Connects over sockets that take a lot.
    async fn connect() -> Self {
        let (near, far) = connected().await;
        let memory = Arc::new(OutboxMemory::new(LIMIT * 4, LIMIT));
        let outbox = Outbox::new(Arc::clone(&memory)).writing_to(Some(Arc::clone(&near)));
        let writer = Writer::new(SharedSocket::new(near));
        Self { outbox, memory, writer, far, pushed: Vec::new(), number: 0 }
    }

    /// Connects over sockets that take little.
    async fn narrow() -> Self {
        let pair = Self::connect().await;
        let near = pair.outbox.inner.lock().socket.clone().unwrap();
        SockRef::from(&*near).set_send_buffer_size(8 * 1024).unwrap();
        SockRef::from(&pair.far).set_recv_buffer_size(8 * 1024).unwrap();
        pair
    }

    /// Makes the next frame: of another length than those around it, and with other bytes at each
    /// place.
    fn frame(&mut self) -> Frame {
        self.number += 1;
        let length = 1_000 + self.number * 7_919 % 15_000;
        let bytes: BytesMut = (0..length / 8).flat_map(|at| (self.number << 32 | at).to_be_bytes()).collect();
        self.outbox.frame(bytes)
    }

    /// Delivers a frame; tells how it gets to the reader.
    fn deliver(&mut self) -> Delivered {
        let frame = self.frame();
        self.pushed.extend_from_slice(&frame);
        let delivered = self.outbox.write_of("chat", &frame).unwrap();
        self.memory.take_places(usize::from(delivered == Delivered::Queued));
        delivered
    }

    /// Delivers until the socket takes no more; tells whether it took a part of the last frame.
    fn fill(&mut self) -> bool {
        while self.deliver() == Delivered::Written {}
        self.outbox.inner.lock().begun > 0
    }

    /// Fills the socket until it has taken a part of a frame, and no more.
    async fn begin(&mut self) {
        for _ in 0..FILLS_MAX {
            if self.fill() {
                return;
            }
            self.drain().await;
        }
        panic!("the socket took each frame whole or not at all");
    }

    /// Has all written as the task of the connection does, and reads it.
    async fn drain(&mut self) {
        let mut received = vec![0; self.pushed.len()];
        let Self { outbox, writer, far, .. } = self;
        let write = poll_fn(|cx| {
            let taken = outbox.take(writer.queue(), cx.waker());
            writer.note_begun(taken.begun);
            writer.poll_write(cx, |bytes, frames| outbox.release(bytes, frames))
        });
        let (written, read) = tokio::join!(write, far.read_exact(&mut received));
        written.unwrap();
        read.unwrap();
        assert!(received == self.pushed, "the bytes came in another order, or not once");
        assert_eq!(self.outbox.pending(), 0);
        self.pushed.clear();
    }
}

#[tokio::test]
async fn what_was_begun_goes_on_where_it_stopped_and_before_all_that_is_queued() {
    let mut pair = Pair::narrow().await;
    for _ in 0..5 {
        pair.begin().await;
        for _ in 0..3 {
            assert_eq!(pair.deliver(), Delivered::Queued, "something is before it");
        }
        let frame = pair.frame();
        pair.pushed.extend_from_slice(&frame);
        pair.outbox.push(frame).unwrap();
        pair.drain().await;
    }
    assert_eq!(pair.memory.held(), 0, "each frame and each place was given back");
}

#[tokio::test]
async fn nothing_overtakes_what_is_queued() {
    let mut pair = Pair::connect().await;
    let frame = pair.frame();
    pair.pushed.extend_from_slice(&frame);
    pair.outbox.push(frame).unwrap();
    assert_eq!(pair.deliver(), Delivered::Queued, "the first one is queued");
    // The task has it in its hands, and has not written it.
    let mut in_hand = VecDeque::new();
    pair.outbox.take(&mut in_hand, Waker::noop());
    assert_eq!(pair.deliver(), Delivered::Queued, "the first two are not written");
    pair.writer.queue().append(&mut in_hand);
    pair.drain().await;
    assert_eq!(pair.deliver(), Delivered::Written, "nothing is before it");
    pair.drain().await;
}

#[tokio::test]
async fn a_long_frame_is_left_to_the_task() {
    let mut pair = Pair::connect().await;
    let frame = pair.outbox.frame(BytesMut::zeroed(FRAME_BYTES_MAX + 1));
    assert_eq!(pair.outbox.write_of("chat", &frame), Ok(Delivered::Queued));
    pair.memory.take_places(1);
    pair.pushed.extend_from_slice(&frame);
    drop(frame);
    pair.drain().await;
}

#[tokio::test]
async fn what_waits_counts_without_the_bytes_that_are_written() {
    let mut pair = Pair::narrow().await;
    pair.begin().await;
    let (queued, begun) = {
        let inner = pair.outbox.inner.lock();
        (inner.queue[0].len(), inner.begun)
    };
    assert_eq!(pair.outbox.pending(), queued - begun + FRAME_COST);
}

#[tokio::test]
async fn a_slow_reader_gets_the_rest_of_what_was_begun_before_the_close_frame() {
    let mut pair = Pair::narrow().await;
    pair.begin().await;
    let begun = pair.pushed.clone();
    pair.deliver();
    pair.outbox.close(Disconnect::SlowReader);
    let late = pair.frame();
    assert_eq!(pair.outbox.write_of("chat", &late), Err(Rejected::Closed));
    let rest = pair.outbox.clear(0).expect("a frame is begun");
    pair.writer.go_on_with(rest);
    let close: BytesMut = close_frame(Disconnect::SlowReader.code(), Disconnect::SlowReader.text()).into();
    let expected = [&begun[..], &close[..]].concat();
    let Pair { outbox, mut writer, mut far, .. } = pair;
    let goodbye = writer.goodbye(outbox.frame(close), Duration::from_secs(10));
    let read = async {
        let mut received = Vec::new();
        far.read_to_end(&mut received).await.unwrap();
        // Its end is what the goodbye waits for.
        drop(far);
        received
    };
    let ((), received) = tokio::join!(goodbye, read);
    assert!(received == expected, "the close frame comes behind whole frames");
}

#[tokio::test]
async fn a_closing_outbox_lets_go_of_the_socket() {
    let mut pair = Pair::connect().await;
    pair.outbox.close(Disconnect::Normal);
    drop(pair.writer);
    // The connection may be kept by the program for as long as it likes.
    assert_eq!(pair.far.read(&mut [0]).await.unwrap(), 0, "the socket is closed");
    assert!(pair.outbox.is_closing());
}
