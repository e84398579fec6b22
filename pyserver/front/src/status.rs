//! Statuses as gRPC says them on the wire, and the refusals that the door makes itself.

use base64::{engine::general_purpose::STANDARD_NO_PAD, Engine};
use http::{header::CONTENT_TYPE, HeaderMap, HeaderValue};
use std::fmt::Write;

/// The gRPC status codes that the door gives on its own account.
pub mod code {
    #![allow(missing_docs, reason = "the names are gRPC's own")]
    pub const DEADLINE_EXCEEDED: u8 = 4;
    pub const RESOURCE_EXHAUSTED: u8 = 8;
    pub const UNIMPLEMENTED: u8 = 12;
    pub const INTERNAL: u8 = 13;
    pub const UNAVAILABLE: u8 = 14;
}

/// Why the door refuses a call before anybody else has seen it. The order is that of [`Refusal::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// As many calls wait for an answer as may.
    Overloaded,
    /// The message is larger than the limit, on the wire or decompressed.
    TooLarge,
    /// The caller's deadline passed before there was an answer.
    DeadlineExceeded,
    /// Headers or body break the rules of gRPC over HTTP/2.
    Malformed,
    /// The message is compressed in a way that the door does not know.
    EncodingUnknown,
    /// The node is leaving service; the call was not begun.
    Draining,
    /// The server behind the door cannot be reached.
    BackendUnavailable,
}

impl Refusal {
    /// Every refusal, in the order of their discriminants.
    pub const ALL: [Self; 7] = [
        Self::Overloaded,
        Self::TooLarge,
        Self::DeadlineExceeded,
        Self::Malformed,
        Self::EncodingUnknown,
        Self::Draining,
        Self::BackendUnavailable,
    ];

    /// The name by which settings and counts know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "overloaded",
            Self::TooLarge => "too_large",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Malformed => "malformed",
            Self::EncodingUnknown => "encoding_unknown",
            Self::Draining => "draining",
            Self::BackendUnavailable => "backend_unavailable",
        }
    }

    fn plain(self) -> Status {
        let (code, message) = match self {
            Self::Overloaded => (code::RESOURCE_EXHAUSTED, "too many calls wait for an answer; nothing was done, try again later"),
            Self::TooLarge => (code::RESOURCE_EXHAUSTED, "the message is larger than this server takes"),
            Self::DeadlineExceeded => (code::DEADLINE_EXCEEDED, "the deadline passed before there was an answer"),
            Self::Malformed => (code::INTERNAL, "the request is not gRPC over HTTP/2: one whole length-prefixed message is wanted"),
            Self::EncodingUnknown => (code::UNIMPLEMENTED, "the message is compressed in a way that this server does not know"),
            Self::Draining => (code::UNAVAILABLE, "the node is leaving service; nothing was done, use another node"),
            Self::BackendUnavailable => (code::UNAVAILABLE, "the server behind the door cannot be reached"),
        };
        Status::new(code, message, &[])
    }
}

/// A status other than OK, ready to be sent.
#[derive(Clone, Debug)]
pub struct Status {
    code: u8,
    headers: HeaderMap,
}

impl Status {
    /// `code` as gRPC numbers it (1 to 16), a message for people, and an encoded google.rpc.Status, or nothing.
    pub fn new(code: u8, message: &str, details: &[u8]) -> Self {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert("grpc-status", HeaderValue::from(u16::from(code)));
        if !message.is_empty() {
            headers.insert("grpc-message", HeaderValue::try_from(percent_encoded(message)).expect("printable ASCII"));
        }
        if !details.is_empty() {
            let text = STANDARD_NO_PAD.encode(details);
            headers.insert("grpc-status-details-bin", HeaderValue::try_from(text).expect("base64 is ASCII"));
        }
        Self { code, headers }
    }

    /// The gRPC code.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The trailers that end a stream with this status.
    pub fn trailers(&self) -> HeaderMap {
        self.headers.clone()
    }

    /// The only headers of an answer that has no message.
    pub fn trailers_only(&self) -> HeaderMap {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers
    }
}

/// The status of each refusal: the owner's, with its error details, or a plain one.
#[derive(Clone, Debug)]
pub struct Canned([Status; Refusal::ALL.len()]);

impl Canned {
    /// The plain statuses, without details.
    pub fn plain() -> Self {
        Self(Refusal::ALL.map(Refusal::plain))
    }

    /// Takes `status` for the refusal of this name; false if there is none such.
    pub fn replace(&mut self, name: &str, status: Status) -> bool {
        let known = Refusal::ALL.into_iter().find(|refusal| refusal.name() == name);
        if let Some(refusal) = known {
            self.0[refusal as usize] = status;
        }
        known.is_some()
    }

    /// The status of a refusal.
    pub fn of(&self, refusal: Refusal) -> &Status {
        &self.0[refusal as usize]
    }
}

/// A message as `grpc-message` carries it: what is not printable ASCII, and the percent sign, as %XX (gRPC over HTTP/2, "Responses").
pub(crate) fn percent_encoded(message: &str) -> String {
    let mut text = String::with_capacity(message.len());
    for byte in message.bytes() {
        if (0x20..=0x7e).contains(&byte) && byte != b'%' {
            text.push(byte as char);
        } else {
            write!(text, "%{byte:02X}").expect("a String takes everything");
        }
    }
    text
}

/// The other way round; what is no encoding stays as it is.
pub(crate) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        let decoded = behind.first_chunk::<2>().filter(|_| first == b'%').and_then(|digits| {
            let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            Some(digit(digits[0])? << 4 | digit(digits[1])?)
        });
        bytes.push(decoded.unwrap_or(first));
        rest = if decoded.is_some() { &behind[2..] } else { behind };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent_encoded("50 % of\nit: ä"), "50 %25 of%0Ait: %C3%A4");
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        for text in ["", "acme", "50 % of\nit: ä", "%25", "a%zz%4"] {
            assert_eq!(percent_decoded(&percent_encoded(text)), text);
        }
        assert_eq!(percent_decoded("%zz%4%+1"), "%zz%4%+1");
    }

    #[test]
    fn every_refusal_has_its_own_place() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
        }
    }

    #[test]
    fn details_are_base64_without_padding() {
        let status = Status::new(8, "full", b"abcd");
        assert_eq!(status.trailers()["grpc-status-details-bin"], "YWJjZA");
        assert_eq!(status.trailers()["grpc-status"], "8");
    }
}
