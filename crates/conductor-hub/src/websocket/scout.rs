//! Looks for a goodbye in what was read and is not decoded yet.

use super::decoder::{Decoder, DecoderState, next_header};
use super::frame::{FrameKind, HEADER_BYTES_MAX};

/// Follows the frames that a client has sent, without their payloads.
///
/// It begins where a decoder stands.
#[derive(Debug)]
pub(crate) struct Scout(ScoutState);

#[derive(Debug)]
enum ScoutState {
    Header {
        bytes: [u8; HEADER_BYTES_MAX],
        len: u8,
    },
    /// So many bytes of a payload are left.
    Payload(u64),
    /// The client broke the protocol, which the decoder finds out.
    Lost,
}

impl Scout {
    /// Creates a scout that goes on where a decoder stands, through what is not decoded yet.
    pub(crate) const fn ahead_of(decoder: &Decoder) -> Self {
        Self(match &decoder.state {
            DecoderState::Header { bytes, len } => ScoutState::Header { bytes: *bytes, len: *len },
            DecoderState::Payload { header, done } => ScoutState::Payload(header.len - *done),
        })
    }

    /// Looks through more bytes; tells whether a close frame begins in them.
    pub(crate) fn finds_close(&mut self, mut input: &[u8]) -> bool {
        loop {
            match &mut self.0 {
                ScoutState::Header { bytes, len } => match next_header(bytes, len, input) {
                    Ok(Some((header, _used))) if header.kind == FrameKind::Close => return true,
                    Ok(Some((header, used))) => {
                        input = &input[used..];
                        self.0 = ScoutState::Payload(header.len);
                    }
                    Ok(None) => return false,
                    Err(_violation) => self.0 = ScoutState::Lost,
                },
                ScoutState::Payload(left) => {
                    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
                    input = &input[here..];
                    *left -= here as u64;
                    if *left > 0 {
                        return false;
                    }
                    self.0 = ScoutState::Header { bytes: [0; HEADER_BYTES_MAX], len: 0 };
                }
                ScoutState::Lost => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::ClientInput;

    /// A frame of a client, with the mask 1 2 3 4.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mut frame = vec![first, 0x80 | 126];
        frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend([1, 2, 3, 4]);
        frame.extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
        frame
    }

    #[test]
    fn a_goodbye_is_found_wherever_the_decoder_stands() {
        let close = [0x88, 0x80, 1, 2, 3, 4];
        let sent = [frame(0x82, &[0x88; 300]), frame(0x02, &[0; 7]), frame(0x80, &[0x88; 9])].concat();
        for decoded in 0..sent.len() {
            let mut decoder = Decoder::new(1_000);
            decoder.decode(&mut sent[..decoded].to_vec(), |_| true).unwrap();
            let mut scout = Scout::ahead_of(&decoder);
            assert!(!sent[decoded..].chunks(5).any(|chunk| scout.finds_close(chunk)), "{decoded}");
            assert!(scout.finds_close(&close), "{decoded}");
        }
    }

    #[test]
    fn who_breaks_the_protocol_says_no_goodbye() {
        let mut scout = Scout::ahead_of(&Decoder::new(1_000));
        assert!(!scout.finds_close(&[0x83, 0x80]) && !scout.finds_close(&[0x88, 0x80, 1, 2, 3, 4]));
    }

    #[test]
    fn the_decoder_is_left_as_it_is() {
        let mut decoder = Decoder::new(1_000);
        let sent = frame(0x82, b"hello");
        decoder.decode(&mut sent[..9].to_vec(), |_| true).unwrap();
        assert!(!Scout::ahead_of(&decoder).finds_close(&sent[9..]));
        let mut heard = Vec::new();
        decoder
            .decode(&mut sent[9..].to_vec(), |event| {
                if let ClientInput::Message(_, bytes) = event {
                    heard = bytes.to_vec();
                }
                true
            })
            .unwrap();
        assert_eq!(heard, b"hello");
    }
}
