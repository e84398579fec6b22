//! What the door reads from the headers of a call.

use crate::{frame::Encoding, status::Refusal};
use http::{header::CONTENT_TYPE, HeaderMap, HeaderValue, Method, StatusCode};
use std::time::Duration;

/// Refused with an HTTP status, because the caller does not speak gRPC; None if it does.
pub fn not_grpc(method: &Method, headers: &HeaderMap) -> Option<StatusCode> {
    if method != Method::POST {
        return Some(StatusCode::METHOD_NOT_ALLOWED);
    }
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |value| value.as_bytes());
    let is_grpc = kind.strip_prefix(b"application/grpc").is_some_and(|rest| rest.is_empty() || rest[0] == b'+' || rest[0] == b';');
    (!is_grpc).then_some(StatusCode::UNSUPPORTED_MEDIA_TYPE)
}

/// How the messages of a call may be compressed.
///
/// # Errors
/// `EncodingUnknown` for anything but identity and gzip.
pub fn encoding(headers: &HeaderMap) -> Result<Encoding, Refusal> {
    match headers.get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => Ok(Encoding::Identity),
        Some(b"gzip") => Ok(Encoding::Gzip),
        Some(_) => Err(Refusal::EncodingUnknown),
    }
}

/// How long the caller waits, None for ever: `grpc-timeout`, at most eight digits and a unit.
///
/// # Errors
/// `Malformed` for anything else.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    match headers.get("grpc-timeout") {
        None => Ok(None),
        Some(value) => parse_timeout(value.as_bytes()).map(Some).ok_or(Refusal::Malformed),
    }
}

fn parse_timeout(text: &[u8]) -> Option<Duration> {
    let (unit, digits) = text.split_last()?;
    if digits.is_empty() || digits.len() > 8 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let count = digits.iter().fold(0_u64, |count, digit| count * 10 + u64::from(digit - b'0'));
    match unit {
        b'H' => Some(Duration::from_secs(count * 3_600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_with_their_units() {
        assert_eq!(parse_timeout(b"2H"), Some(Duration::from_secs(7_200)));
        assert_eq!(parse_timeout(b"3M"), Some(Duration::from_secs(180)));
        assert_eq!(parse_timeout(b"250m"), Some(Duration::from_millis(250)));
        assert_eq!(parse_timeout(b"99999999n"), Some(Duration::from_nanos(99_999_999)));
        assert_eq!(parse_timeout(b"0S"), Some(Duration::ZERO));
        for wrong in [&b""[..], b"S", b"5", b"123456789S", b"-1S", b"1.5S", b"1s", b"1 S"] {
            assert_eq!(parse_timeout(wrong), None, "{wrong:?}");
        }
    }
}
