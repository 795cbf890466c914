//! Why an attempt to connect failed, and when the hub wants to be tried again.

use std::time::{Duration, SystemTime};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use tokio_tungstenite::tungstenite::Error as WebSocketError;

use crate::clock;
use crate::config::Address;
use crate::error::{Error, ErrorKind};

/// An attempt to connect that failed.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Of kind `Refused` if nobody should try again.
    pub(crate) error: Error,
    /// How long the hub asks to be left alone.
    pub(crate) retry_after: Option<Duration>,
}

impl Refusal {
    /// Says why a handshake failed.
    pub(crate) fn of_handshake(address: &Address, error: WebSocketError) -> Self {
        match error {
            WebSocketError::Http(response) => Self::of_answer(address, response.status(), response.headers()),
            WebSocketError::Io(error) => {
                let text = format!("the connection to the hub at {address} was lost in the handshake");
                Error::with_source(ErrorKind::Unavailable, text, error).into()
            }
            error => {
                let text = format!("what is at {address} does not speak WebSocket");
                Error::with_source(ErrorKind::Protocol, text, error).into()
            }
        }
    }

    fn of_answer(address: &Address, status: StatusCode, headers: &HeaderMap) -> Self {
        let text = format!("the hub at {address} answered the handshake with {status}");
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Error::new(ErrorKind::Refused, text).into();
        }
        let retry_after = retry_after(headers, clock::now);
        let text = match retry_after {
            Some(time) => format!("{text}, and asks to be tried again after {time:?}"),
            None => text,
        };
        Self { error: Error::new(ErrorKind::Unavailable, text), retry_after }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, retry_after: None }
    }
}

/// Reads `Retry-After`; what has neither seconds nor a date counts as missing.
///
/// A date is compared with that of the answer, so that the clocks of the two need not agree.
///
/// Source: <https://www.rfc-editor.org/rfc/rfc9110>, section 10.2.3.
fn retry_after(headers: &HeaderMap, now: impl FnOnce() -> SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number has are a very long time.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let answered = date(headers).unwrap_or_else(now);
    // A date that has passed means now.
    Some(at.duration_since(answered).unwrap_or_default())
}

fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const NOON: &str = "Sun, 06 Nov 1994 12:00:00 GMT";

    fn asked(retry_after: &'static str, date: Option<&'static str>) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(retry_after));
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        super::retry_after(&headers, || httpdate::parse_http_date(NOON).expect("it is a date"))
    }

    #[test]
    fn seconds_and_dates_are_read_and_what_is_neither_counts_as_missing() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(asked("120", None), seconds(120));
        assert_eq!(asked(" 0 ", None), seconds(0));
        assert_eq!(asked("99999999999999999999", None), seconds(u64::MAX));
        assert_eq!(asked("Sun, 06 Nov 1994 12:00:30 GMT", None), seconds(30));
        assert_eq!(asked("Sun, 06 Nov 1994 11:59:00 GMT", None), seconds(0), "it has passed");
        // The clock of the hub is a minute behind, and counts.
        let hubs = Some("Sun, 06 Nov 1994 11:59:00 GMT");
        assert_eq!(asked("Sun, 06 Nov 1994 12:00:30 GMT", hubs), seconds(90));
        for neither in ["", "soon", "-1", "1.5", "+1"] {
            assert_eq!(asked(neither, None), None, "{neither:?}");
        }
    }
}
