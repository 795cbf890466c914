//! Compresses the messages in frames that are on their way out.

use bytes::{Buf, BytesMut};

use super::{Window, deflate};
use crate::websocket::frame::{FrameKind, put_deflated_frame};

/// Longer messages go as they are: to compress one would keep a thread busy for too long.
const DEFLATED_BYTES_MAX: usize = 1024 * 1024;

/// Compresses the messages of at least `from` bytes in frames that [`put_frame`] has put there.
///
/// Returns the frames with the number of compressed ones, or `None` if none became smaller.
///
/// [`put_frame`]: crate::websocket::put_frame
pub(crate) fn deflate_frames(frames: &[u8], from: usize, window: Window) -> Option<(BytesMut, u64)> {
    let (mut out, mut copied) = (BytesMut::new(), 0);
    let (mut at, mut compressed) = (0, 0);
    while let Some(frame) = next_frame(&frames[at..]) {
        let end = at + frame.header_bytes + frame.payload.len();
        let is_worth_it = (from..=DEFLATED_BYTES_MAX).contains(&frame.payload.len());
        if let Some(kind) = frame.kind.filter(|_| is_worth_it)
            && let Some(deflated) = deflate(frame.payload, window)
        {
            out.extend_from_slice(&frames[copied..at]);
            put_deflated_frame(&mut out, kind, &deflated);
            (copied, compressed) = (end, compressed + 1);
        }
        at = end;
    }
    if compressed == 0 {
        return None;
    }
    out.extend_from_slice(&frames[copied..]);
    // Its readers may keep it for long, so it is to take no more than it needs.
    Some((BytesMut::from(&out[..]), compressed))
}

struct OutgoingFrame<'a> {
    header_bytes: usize,
    /// What it is, if it is a whole message that is not compressed.
    kind: Option<FrameKind>,
    payload: &'a [u8],
}

/// Finds the first of some frames of a server, which are whole.
fn next_frame(frames: &[u8]) -> Option<OutgoingFrame<'_>> {
    let (first, mut rest) = frames.split_first()?;
    let kind = match first {
        0x81 => Some(FrameKind::Text),
        0x82 => Some(FrameKind::Binary),
        _ => None,
    };
    let len = match rest.try_get_u8().ok()? {
        126 => usize::from(rest.try_get_u16().ok()?),
        127 => usize::try_from(rest.try_get_u64().ok()?).ok()?,
        short => usize::from(short),
    };
    Some(OutgoingFrame { header_bytes: frames.len() - rest.len(), kind, payload: rest.get(..len)? })
}
