//! What a request looks like on its channel.
//!
//! This module is pure.

use crate::error::{Error, ErrorKind};

/// A question that wants an answer.
///
/// A [`Requester`](crate::Requester) publishes it. On the wire it is a
/// [netstring](https://cr.yp.to/proto/netstrings.txt) with the channel for the answer, then the
/// body as it is: `12:answers:1234,how are you?`. The answer is the payload of a message on that
/// channel, in whatever form.
///
/// The channel is what the asker says. Who may publish where others may not looks at it before
/// answering.
///
/// # Examples
///
/// ```no_run
/// # async fn run(mut events: mpx::Events, publisher: mpx::Publisher) -> Result<(), mpx::Error> {
/// use mpx::{Event, Request};
///
/// while let Some(event) = events.next().await {
///     let Ok(Event::Message(message)) = event else { continue };
///     let request = Request::parse(&message.payload)?;
///     let askers = publisher.publish(request.reply_to, b"fine").await?; // 0: nobody waits any more
/// }
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request<'a> {
    /// The channel for the answer.
    pub reply_to: &'a [u8],
    /// What is asked.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads the payload of a message.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if it is not a request.
    pub fn parse(payload: &'a [u8]) -> Result<Self, Error> {
        Self::read(payload).ok_or_else(|| {
            let message = "the message is not a request, as it names no channel to answer on";
            Error::new(ErrorKind::InvalidInput, message)
        })
    }

    fn read(payload: &'a [u8]) -> Option<Self> {
        let window = &payload[..payload.len().min(DIGITS_MAX + 1)];
        let colon = memchr::memchr(b':', window)?;
        let digits = &payload[..colon];
        if !digits.iter().all(u8::is_ascii_digit) || (digits.len() > 1 && digits[0] == b'0') {
            return None;
        }
        let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let (reply_to, rest) = payload[colon + 1..].split_at_checked(length)?;
        let body = rest.strip_prefix(b",")?;
        (!reply_to.is_empty()).then_some(Self { reply_to, body })
    }

    pub(crate) fn encode(reply_to: &[u8], body: &[u8]) -> Vec<u8> {
        let mut payload = Vec::with_capacity(reply_to.len() + body.len() + DIGITS_MAX + 2);
        payload.extend_from_slice(itoa::Buffer::new().format(reply_to.len()).as_bytes());
        payload.push(b':');
        payload.extend_from_slice(reply_to);
        payload.push(b',');
        payload.extend_from_slice(body);
        payload
    }
}

/// How many digits the length of a name has at most, as Redis takes no longer ones.
const DIGITS_MAX: usize = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_request_is_an_error() {
        for wrong in
            [&b""[..], b":,x", b"0:,x", b"01:a,x", b"1:a", b"1:ax", b"2:a,", b"-1:a,", b"1234567890:a,", b"a"]
        {
            let error = Request::parse(wrong).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{}", wrong.escape_ascii());
        }
    }

    proptest! {
        #[test]
        fn requests_are_read_as_they_were_written(
            reply_to in prop::collection::vec(any::<u8>(), 1..300),
            body: Vec<u8>,
        ) {
            let payload = Request::encode(&reply_to, &body);
            prop_assert_eq!(Request::parse(&payload).unwrap(), Request { reply_to: &reply_to, body: &body });
        }

        #[test]
        fn any_payload_is_an_answer(payload: Vec<u8>, digits in "[0-9:,a]{0,20}") {
            for payload in [&payload, digits.as_bytes()] {
                if let Ok(request) = Request::parse(payload) {
                    prop_assert_eq!(Request::encode(request.reply_to, request.body), payload);
                }
            }
        }
    }
}
