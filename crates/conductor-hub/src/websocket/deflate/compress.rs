//! Compresses one message.

use std::cell::Cell;

use flate2::{Compress, Compression, FlushCompress};

use super::{TAIL, Window};

/// zlib's level: the middle of those that find matches well without searching for the best.
const LEVEL: u32 = 4;

thread_local! {
    /// For each window one, of about 270 KB, made when a thread first needs it.
    static COMPRESSORS: [Cell<Option<Compress>>; Window::ALL.len()] =
        const { [Cell::new(None), Cell::new(None)] };
}

/// Returns a message as it goes into a compressed frame.
///
/// `None` if that would not be smaller.
#[must_use]
pub fn deflate(message: &[u8], window: Window) -> Option<Vec<u8>> {
    // Taken out for as long as it is used, so that nothing on this thread finds it in use.
    let kept = COMPRESSORS.with(|all| all[window as usize].take());
    let mut compress =
        kept.unwrap_or_else(|| Compress::new_with_window_bits(Compression::new(LEVEL), false, window.bits()));
    // What does not fit into this is not smaller, once the tail is left out.
    let mut out = Vec::with_capacity(message.len() + TAIL.len());
    let outcome = compress.compress_vec(message, &mut out, FlushCompress::Sync);
    let is_whole = compress.total_in() == message.len() as u64 && out.len() < message.len() + TAIL.len();
    compress.reset();
    COMPRESSORS.with(|all| all[window as usize].set(Some(compress)));
    if outcome.is_err() || !is_whole || !out.ends_with(&TAIL) {
        return None;
    }
    out.truncate(out.len() - TAIL.len());
    Some(out)
}
