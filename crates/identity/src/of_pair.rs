//! Tells a key of a pair from a secret.
//!
//! A public key that is taken for a secret lets in everybody who has read it, and files have such
//! keys in many forms: without the lines around a PEM, as DER, for SSH, or in another encoding.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// What stands in the text of a key of a pair, and in no secret.
const WORDS: [&[u8]; 5] =
    [b"-----BEGIN ", b"\"kty\"", b"ssh-rsa AAAA", b"ssh-ed25519 AAAA", b"ecdsa-sha2-nistp256 AAAA"];

/// What may be gone from the end of DER in which the end of a line was looked for.
const LOST_MAX: usize = 2;

/// How short the DER of a key is: as long as that of Ed25519.
const DER_BYTES_MIN: usize = 44;

/// Says whether bytes are a key of a pair, public or private.
pub(crate) fn is_of_pair(bytes: &[u8]) -> bool {
    // In UTF-16 each second byte of such a text is 0.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let has_word = WORDS.iter().any(|word| text.windows(word.len()).any(|part| part == *word));
    has_word || is_der(bytes) || is_der_in_base64(&text)
}

fn is_der_in_base64(text: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_graphic() && *byte != b'=';
    let letters: Vec<u8> = text.iter().copied().filter(is_letter).collect();
    STANDARD_NO_PAD.decode(letters).is_ok_and(|bytes| is_der(&bytes))
}

/// One sequence as long as it says, whose first part is a sequence or a number. A random secret
/// of 42 bytes or more is taken for one about once in a million times, and a shorter one never;
/// nor is one of letters, as the parts of DER begin with bytes that are none.
fn is_der(bytes: &[u8]) -> bool {
    let (length, rest) = match bytes {
        [0x30, length @ 0..=0x7f, rest @ ..] => (usize::from(*length), rest),
        [0x30, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [0x30, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return false,
    };
    bytes.len() + LOST_MAX >= DER_BYTES_MIN
        && length.abs_diff(rest.len()) <= LOST_MAX
        && matches!(rest.first(), Some(0x02 | 0x30))
        && bytes.iter().any(u8::is_ascii_control)
}
