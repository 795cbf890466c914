//! WebSocket frames, as a client writes and reads them.
//!
//! Source: RFC 6455, section 5.2.

/// What every client masks with. One is as good as another: servers do the same work.
pub const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];

/// The first byte of a whole text message.
pub const TEXT: u8 = 0x81;
/// The first byte of a whole binary message.
pub const BINARY: u8 = 0x82;
/// The first byte of a whole binary message that is compressed. Source: RFC 7692, section 6.
pub const DEFLATED: u8 = 0xC2;
/// The first byte of a close.
pub const CLOSE: u8 = 0x88;
/// The first byte of a ping.
pub const PING: u8 = 0x89;
/// The first byte of a pong.
pub const PONG: u8 = 0x8A;

/// Frames a payload under the mask.
#[must_use]
pub fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, 0x80, payload.len());
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// Frames a payload as a server does.
#[must_use]
pub fn plain(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = head(first, 0, payload.len());
    frame.extend(payload);
    frame
}

/// Returns the first frame of a server's bytes, if it is complete: its first byte, its payload, and
/// the length of all of it.
#[must_use]
pub fn taken(received: &[u8]) -> Option<(u8, &[u8], usize)> {
    let [first, len, rest @ ..] = received else { return None };
    // Servers do not mask.
    let (header, len): (usize, usize) = match len {
        127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
        126 => (4, u16::from_be_bytes(*rest.first_chunk()?).into()),
        len => (2, (*len).into()),
    };
    let payload = received.get(header..header.checked_add(len)?)?;
    Some((*first, payload, header + len))
}

fn head(first: u8, mask: u8, len: usize) -> Vec<u8> {
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(len @ ..126), _) => vec![first, mask | len],
        (_, Ok(len)) => [&[first, mask | 126][..], &len.to_be_bytes()].concat(),
        _ => [&[first, mask | 127][..], &(len as u64).to_be_bytes()].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_is_taken_when_it_is_complete_and_not_before() {
        for len in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![7; len];
            let mut frame = plain(BINARY, &payload);
            let whole = frame.len();
            for cut in [0, 1, 2, 3, 5, whole - 1] {
                assert_eq!(taken(&frame[..cut.min(whole - 1)]), None, "{len} bytes, cut at {cut}");
            }
            frame.extend(b"next");
            assert_eq!(taken(&frame), Some((BINARY, &*payload, whole)));
        }
    }

    #[test]
    fn a_masked_frame_is_four_bytes_longer() {
        for len in [0, 125, 126, 65_536] {
            let payload = vec![7; len];
            let (masked, plain) = (masked(TEXT, &payload), plain(TEXT, &payload));
            assert_eq!(masked.len(), plain.len() + MASK.len());
            assert_eq!(masked[1], plain[1] | 0x80);
            let body = &masked[masked.len() - len..];
            assert!(body.iter().zip(MASK.iter().cycle()).all(|(byte, key)| byte ^ key == 7));
        }
    }
}
