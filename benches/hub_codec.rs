//! What does one message cost the codec, from the bytes of a client to a frame for the others?
//!
//! The largest is a piece of a stream, the compressed ones are JSON of 1 KiB.

use std::hint::black_box;

use benches::{frame, json};
use bytes::BytesMut;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::websocket::{ClientInput, Decoder, FrameKind, Window, deflate, put_frame};
use criterion::{BenchmarkId, Criterion, Throughput};

/// Longest message the decoder takes, in bytes.
const LIMIT: usize = 256_000;

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    relay(&mut criterion);
    fragments(&mut criterion);
    compression(&mut criterion);
    criterion.final_summary();
}

/// Unmask and decode, check the message, frame it again.
fn relay(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub relay");
    for body in [64, 1_024, 65_536] {
        let wire = masked(0x82, &message(body));
        group.throughput(Throughput::Bytes(wire.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(body), |bencher| {
            let mut decoder = Decoder::new(LIMIT);
            let mut input = wire.clone();
            let mut out = BytesMut::with_capacity(wire.len());
            bencher.iter(|| {
                // A mask of zeros leaves the bytes as they are, so they can be fed again.
                out.clear();
                let decoded = decoder.decode(black_box(&mut input), |event| {
                    if let ClientInput::Message(_, bytes) = event {
                        let message = MessageRef::decode(bytes).expect("bytes are a message");
                        put_frame(&mut out, FrameKind::Binary, message.encoded());
                    }
                    true
                });
                assert!(decoded.is_ok());
                black_box(&out);
            });
        });
    }
}

/// The slow path: a message that comes in pieces of 1 KiB.
fn fragments(criterion: &mut Criterion) {
    let wire = masked(0x82, &message(65_536));
    let mut group = criterion.benchmark_group("hub message in pieces");
    group.throughput(Throughput::Bytes(wire.len() as u64));
    group.bench_function("of 1 KiB", |bencher| {
        let mut input = wire.clone();
        bencher.iter(|| {
            let mut decoder = Decoder::new(LIMIT);
            for piece in black_box(&mut input).chunks_mut(1_024) {
                assert!(decoder.decode(piece, |event| matches!(event, ClientInput::Message(..))).is_ok());
            }
        });
    });
}

/// A message to clients that have it compressed, and one that a client has compressed.
fn compression(criterion: &mut Criterion) {
    let message = encoded(json::text(0).into_bytes());
    let mut group = criterion.benchmark_group("hub compression");
    group.throughput(Throughput::Bytes(message.len() as u64));
    for (name, window) in [("deflate", Window::Full), ("deflate, small window", Window::Small)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(deflate(black_box(&message), window)).expect("JSON becomes smaller"));
        });
    }
    let deflated = deflate(&message, Window::Full).expect("JSON becomes smaller");
    let mut wire = masked(frame::DEFLATED, &deflated);
    group.bench_function("inflate", |bencher| {
        let mut decoder = Decoder::new(LIMIT).inflating();
        bencher.iter(|| {
            let mut messages = 0;
            let decoded = decoder.decode(black_box(&mut wire), |event| {
                messages += usize::from(matches!(event, ClientInput::Message(..)));
                true
            });
            assert!(decoded.is_ok() && messages == 1);
        });
    });
}

fn message(body: usize) -> Vec<u8> {
    encoded(vec![b'x'; body])
}

fn encoded(body: Vec<u8>) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    Message::new(Opcode::WRITE, "hello", body).encode(&mut bytes).expect("message is short");
    bytes.to_vec()
}

/// Frames a payload as a client does, under a mask of four zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Binary, payload);
    let header = frame.len() - payload.len();
    let mut wire = vec![first, frame[1] | 0x80];
    wire.extend_from_slice(&frame[2..header]);
    wire.extend_from_slice(&[0; 4]);
    wire.extend_from_slice(payload);
    wire
}
