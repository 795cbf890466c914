//! Signatures that show a receiver who posts, as Standard Webhooks has them.
//!
//! ```text
//! webhook-id          one for each batch, the same at every attempt
//! webhook-timestamp   of the attempt, in Unix seconds
//! webhook-signature   v1,<base64 of HMAC-SHA256 over "id.timestamp.body">
//! ```
//!
//! Source:
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>,
//! section "Signature scheme".

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use crate::{Error, ErrorKind};

/// What a secret may begin with; receivers' libraries know it.
const PREFIX: &str = "whsec_";

/// A key that signs posts, which the receiver has too.
///
/// Nothing shows it. The receiver checks signatures as the Standard Webhooks specification has
/// them, for which most languages have a library.
#[derive(Clone)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// Between how many bytes a secret has, as the specification asks for.
    pub const BYTES_BOUNDS: RangeInclusive<usize> = 24..=64;

    /// Reads base64 of 24 to 64 bytes, with or without `whsec_` before it.
    ///
    /// `openssl rand -base64 32` makes one.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the text is anything else; the text is not repeated.
    pub fn new(text: &str) -> Result<Self, Error> {
        let bytes = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok();
        let bytes = bytes.filter(|bytes| Self::BYTES_BOUNDS.contains(&bytes.len()));
        bytes.map(|bytes| Self(bytes.into())).ok_or_else(|| {
            let (least, most) = Self::BYTES_BOUNDS.into_inner();
            let text = format!(
                "the secret is not base64 of {least} to {most} bytes; use what `openssl rand -base64 32` prints"
            );
            Error::new(ErrorKind::Config, text)
        })
    }

    pub(super) fn sign(&self, id: &str, timestamp: u64, body: &[u8]) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(format!("{id}.{timestamp}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with another implementation of HMAC.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature =
            secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_long_enough_to_be_one() {
        for wrong in
            ["", "whsec_", "secret", "whsec_c2hvcnQ=", &STANDARD.encode([7; 23]), &STANDARD.encode([7; 65])]
        {
            assert!(Secret::new(wrong).is_err(), "{wrong}");
        }
        let secret = Secret::new(&STANDARD.encode([7; 32])).unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
    }
}
