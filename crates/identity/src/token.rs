//! The three parts of a token, before anybody believes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use crate::refusal::Refusal;

/// A token that was taken apart. Its claims are not decoded: nobody has checked the signature.
pub(crate) struct Token<'t> {
    header: Header,
    /// What is signed: the first two parts and the point between them.
    message: &'t str,
    claims: &'t str,
    signature: Vec<u8>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Whether there are names of parts that must be understood; none is here.
    #[serde(default, rename = "crit", deserialize_with = "is_there")]
    has_crit: bool,
}

/// Reads any value, also null, which would be none to an option.
fn is_there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'t> Token<'t> {
    pub(crate) fn parse(text: &'t str) -> Result<Self, Refusal> {
        let (message, signature) = text.rsplit_once('.').ok_or(Refusal::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Refusal::Malformed)?;
        if claims.contains('.') {
            return Err(Refusal::Malformed);
        }
        let header = decode(header)?;
        // A header is an object; to serde a list would do as well.
        if header.first() != Some(&b'{') {
            return Err(Refusal::Malformed);
        }
        let header: Header = serde_json::from_slice(&header).map_err(|_| Refusal::Malformed)?;
        if header.has_crit {
            return Err(Refusal::Malformed);
        }
        Ok(Self { header, message, claims, signature: decode(signature)? })
    }

    /// The algorithm that the token names.
    pub(crate) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    pub(crate) fn kid(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    pub(crate) fn message(&self) -> &[u8] {
        self.message.as_bytes()
    }

    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// Decodes the claims, for whoever has checked the signature.
    pub(crate) fn claims(&self) -> Result<Vec<u8>, Refusal> {
        decode(self.claims)
    }
}

/// Decodes base64 that has one form alone, so that what is decoded cannot be written in two ways. A
/// signature of ES256 still has a second number that is as good: the text of a token is no name.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Option<Refusal> {
        Token::parse(text).err()
    }

    fn with_header(header: &str) -> String {
        format!("{}.e30.AAAA", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn what_has_not_three_parts_in_base64_is_no_token() {
        let good = with_header(r#"{"alg":"HS256","kid":"a"}"#);
        let token = Token::parse(&good).unwrap();
        assert_eq!((token.algorithm(), token.kid()), ("HS256", Some("a")));
        assert_eq!(token.claims().unwrap(), b"{}");
        let padded = good.replace(".e30.", ".e30=.");
        assert!(Token::parse(&padded).unwrap().claims().is_err());
        for wrong in ["", ".", "..", "...", "a.b", &format!("{good}.x"), &format!("{good}="), &good[2..]] {
            assert_eq!(refusal(wrong), Some(Refusal::Malformed), "{wrong}");
        }
    }

    #[test]
    fn a_header_that_cannot_be_understood_is_refused() {
        for wrong in [
            "[]",
            "{}",
            r#"["HS256"]"#,
            r#"{"alg":7}"#,
            r#"{"alg":"HS256","kid":7}"#,
            r#"{"alg":"HS256","alg":"none"}"#,
            r#"{"alg":"HS256","crit":["exp"]}"#,
            r#"{"alg":"HS256","crit":[]}"#,
            r#"{"alg":"HS256","crit":null}"#,
        ] {
            assert_eq!(refusal(&with_header(wrong)), Some(Refusal::Malformed), "{wrong}");
        }
    }
}
