//! How much memory a history takes. A program of its own, as it is the memory of the whole process
//! that is looked at.

use std::fs;

use bytes::BytesMut;
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Author, ChannelHistory, HistoryConfig, Storage as _};

fn stored(history: &ChannelHistory, channel: &str, body: &[u8]) {
    let mut bytes = BytesMut::new();
    Message::new(Opcode::WRITE, channel, body.to_vec()).encode(&mut bytes).expect("fits");
    history.store(&Author::Server, MessageRef::decode(&bytes).expect("is a message"));
}

#[test]
fn a_history_takes_no_more_memory_than_it_may_whatever_is_kept() {
    let before = resident_bytes();
    let config = HistoryConfig::default().bytes_max(8 * 1024 * 1024);
    let history = ChannelHistory::new(config).expect("8 MiB are enough");
    // Names alone, then many messages of one channel, then names again.
    for number in 0..40_000 {
        stored(&history, &format!("channel {number}"), b"");
    }
    for number in 0..500 {
        stored(&history, &format!("channel {}", number % 10), &[b'x'; 1_000]);
    }
    for number in 40_000..60_000 {
        stored(&history, &format!("channel {number} {}", "n".repeat(400)), b"");
    }
    let more = resident_bytes().saturating_sub(before);
    assert!(more < 12 * 1024 * 1024, "{more} bytes for a history of 8 MiB");
    assert_eq!(history.get(&format!("channel 59999 {}", "n".repeat(400)), 9).messages.len(), 1);
}

fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("the kernel tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
    line.trim().trim_end_matches("kB").trim().parse::<usize>().expect("it is a number") * 1024
}
