//! Tells a key of a pair from a secret.
//!
//! A public key that is taken for a secret lets in everybody who has read it, and files have such
//! keys in many forms: without the lines around a PEM, as DER, for SSH, or in another encoding,
//! with quotes, names and line ends between. So the form is not looked at. What is looked for is
//! what stands in each such key, in the bytes and in all that they could be the encoding of.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey};

/// What stands in the text of a key of a pair, in small letters.
const WORDS: [&[u8]; 9] = [
    b"begin ",
    b"ssh-rsa",
    b"ssh-dss",
    b"ssh-ed25519",
    b"ssh-ed448",
    b"ecdsa-sha2-",
    b"\"kty\"",
    b"'kty'",
    b"modulus=",
];

/// The same for the letters alone, whatever stands between them.
const LETTERS: [&[u8]; 4] = [b"publickey", b"privatekey", b"begincertificate", b"rsakeyvalue"];

/// What stands in the DER of a key: the identifiers of its kind or of its curve. Each is so long
/// that a random secret has it about once in 2 to the power of 40 times.
const IDENTIFIERS: [&[u8]; 6] = [
    // RSA of all kinds. Source: RFC 8017, appendix C.
    &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01],
    // A key of an elliptic curve, and the curves: P-256 and its like, and those of SECG.
    // Source: RFC 5480, section 2.1.
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
    &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01],
    &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00],
    // DSA. Source: RFC 3279, section 2.3.2.
    &[0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01],
    // Ed25519 and its like, with the sequence around it. Source: RFC 8410, section 3.
    &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65],
];

/// How many encodings may be around each other, such as base64 of a PEM, which has base64 itself.
const DEPTH_MAX: usize = 3;

/// How short a key is in bytes, whatever form it has: that of Ed25519 has so many by itself.
const KEY_BYTES_MIN: usize = 32;

/// A point of P-256 that is not compressed.
const POINT_BYTES: usize = 65;

/// Says whether bytes are a key of a pair, public or private, in any form.
///
/// The bare 32 bytes of a key of Ed25519 look like any secret, and so do the parts of a JWK.
pub(crate) fn is_of_pair(bytes: &[u8]) -> bool {
    is_within(bytes, DEPTH_MAX)
}

fn is_within(bytes: &[u8], depth: usize) -> bool {
    // In UTF-16 each second byte of a text is 0.
    let text: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
    let is_here = has_word(&text) || is_point(bytes) || has_part_of_der(bytes);
    is_here || (depth > 0 && decoded(&text).iter().any(|bytes| is_within(bytes, depth - 1)))
}

fn has_word(text: &[u8]) -> bool {
    let text = text.to_ascii_lowercase();
    let letters: Vec<u8> = text.iter().copied().filter(u8::is_ascii_lowercase).collect();
    has_any(&text, &WORDS) || has_any(&letters, &LETTERS)
}

/// Random bytes of that length are never a point of the curve.
fn is_point(bytes: &[u8]) -> bool {
    bytes.len() == POINT_BYTES
        && bytes.first() == Some(&4)
        && ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes).is_ok()
}

fn has_part_of_der(bytes: &[u8]) -> bool {
    has_any(bytes, &IDENTIFIERS) || (0..bytes.len()).any(|start| is_beginning(&bytes[start..]))
}

/// The beginning of a key without an identifier, whose numbers fit together.
///
/// Source: RFC 8017, appendix A.1 (PKCS #1); RFC 5915, section 3 (SEC 1).
fn is_beginning(der: &[u8]) -> bool {
    let number = |high: u8, low: u8| usize::from(u16::from_be_bytes([high, low]));
    // After a modulus comes an exponent of 1 to 8 bytes; what is around each has 2 to 4 bytes.
    let fits = |whole: usize, modulus: usize| (6..=14).contains(&whole.saturating_sub(modulus));
    match der {
        [0x30, 0x82, high, low, 0x02, 0x82, high_of_modulus, low_of_modulus, 0, ..] => {
            fits(number(*high, *low), number(*high_of_modulus, *low_of_modulus))
        }
        [0x30, 0x81, whole, 0x02, 0x81, modulus, 0, ..] => fits((*whole).into(), (*modulus).into()),
        [0x30, 0x82, _, _, 0x02, 0x01, 0x00, 0x02, 0x81 | 0x82, ..]
        | [0x30, _, 0x02, 0x01, 0x01, 0x04, 0x20 | 0x30, ..] => true,
        _ => false,
    }
}

/// All that a text could be the encoding of: base64 and hex from each letter on, as names may
/// stand before, and numbers with something between them. Letters of no encoding are left out.
fn decoded(text: &[u8]) -> Vec<Vec<u8>> {
    let text = without(&without(text, b"\\n"), b"\\r");
    let base64: Vec<u8> = text.iter().copied().filter_map(digit_of_base64).collect();
    let hex: Vec<u8> = without(&text, b"0x").into_iter().filter_map(digit_of_hex).collect();
    let numbers = text.split(|byte| !byte.is_ascii_digit());
    let numbers = numbers.filter_map(|digits| str::from_utf8(digits).ok()?.parse().ok());
    let numbers: Vec<u8> = numbers.collect();
    let of_base64 = (0..4).map(|start| packed(base64.get(start..).unwrap_or_default(), 6));
    let of_hex = (0..2).map(|start| packed(hex.get(start..).unwrap_or_default(), 4));
    let all = of_base64.chain(of_hex).chain([numbers]);
    all.filter(|bytes| bytes.len() >= KEY_BYTES_MIN).collect()
}

/// A text without the places where a pair of letters stands.
fn without(mut text: &[u8], pair: &[u8; 2]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        if let Some(after) = text.strip_prefix(pair) {
            text = after;
        } else {
            kept.push(*first);
            text = rest;
        }
    }
    kept
}

/// The value of a letter of base64, in either alphabet.
fn digit_of_base64(letter: u8) -> Option<u8> {
    match letter {
        b'A'..=b'Z' => Some(letter - b'A'),
        b'a'..=b'z' => Some(letter - b'a' + 26),
        b'0'..=b'9' => Some(letter - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

fn digit_of_hex(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        b'A'..=b'F' => Some(letter - b'A' + 10),
        _ => None,
    }
}

/// The bytes of digits that have so many bits each; bits that fill no byte are left out.
fn packed(digits: &[u8], bits: u32) -> Vec<u8> {
    let (mut bytes, mut held, mut count) = (Vec::new(), 0_u32, 0);
    for digit in digits {
        held = (held << bits) | u32::from(*digit);
        count += bits;
        if count >= 8 {
            count -= 8;
            bytes.push((held >> count).to_le_bytes()[0]);
        }
    }
    bytes
}

fn has_any(bytes: &[u8], parts: &[&[u8]]) -> bool {
    parts.iter().any(|part| bytes.windows(part.len()).any(|window| window == *part))
}
