//! Messages as gRPC frames them: one byte that tells whether the message is compressed, four bytes of length, the message.

use crate::status::Refusal;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;
use std::io::Read;

/// Bytes before each message.
pub const PREFIX: usize = 5;

/// A message with its prefix, not compressed.
pub fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a message is smaller than 4 GiB");
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.extend_from_slice(message);
    frame.freeze()
}

/// How the messages of one call may be compressed: what `grpc-encoding` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Not at all.
    Identity,
    /// By gzip, where the message's own flag says so.
    Gzip,
}

/// Puts messages together from the chunks of a body. Holds at most one message, or what the last chunk held beyond it.
#[derive(Debug)]
pub struct Reader {
    rest: Bytes,
    partial: BytesMut,
    bytes_max: usize,
    encoding: Encoding,
}

impl Reader {
    /// For messages of at most `bytes_max` bytes, prefix not counted, compressed or not.
    pub fn new(bytes_max: usize, encoding: Encoding) -> Self {
        Self { rest: Bytes::new(), partial: BytesMut::new(), bytes_max, encoding }
    }

    /// Takes the next chunk of the body; every whole message must have been taken out before.
    pub fn push(&mut self, chunk: Bytes) {
        if self.unfinished() == 0 {
            self.rest = chunk;
            return;
        }
        if self.partial.is_empty() {
            self.partial.extend_from_slice(&std::mem::take(&mut self.rest));
        }
        self.partial.extend_from_slice(&chunk);
    }

    /// The next whole message, None where more of the body is needed.
    ///
    /// # Errors
    /// `TooLarge` or `Malformed`; nothing can be read after one.
    pub fn next_message(&mut self) -> Result<Option<Bytes>, Refusal> {
        let Some((flag, length)) = self.prefix()? else { return Ok(None) };
        if self.unfinished() < PREFIX + length {
            return Ok(None);
        }
        let message = self.split(PREFIX + length);
        match (flag, self.encoding) {
            (0, _) => Ok(Some(message)),
            (1, Encoding::Gzip) => self.inflated(&message).map(Some),
            // The flag without an encoding, or another value than 0 and 1, breaks the protocol.
            _ => Err(Refusal::Malformed),
        }
    }

    /// The one message of a body that has ended.
    ///
    /// # Errors
    /// `Malformed` where there is none, or something behind it; else as for the next message.
    pub fn only_message(&mut self) -> Result<Bytes, Refusal> {
        let message = self.next_message()?.ok_or(Refusal::Malformed)?;
        if self.unfinished() > 0 {
            return Err(Refusal::Malformed);
        }
        Ok(message)
    }

    /// Whether what has come may yet become one message, so that no more is kept of a body than can be taken.
    ///
    /// # Errors
    /// `TooLarge` for its announced length, `Malformed` where more than one message has come.
    pub fn check_only(&self) -> Result<(), Refusal> {
        match self.prefix()? {
            Some((_, length)) if self.unfinished() > PREFIX + length => Err(Refusal::Malformed),
            _ => Ok(()),
        }
    }

    /// What the message that is not whole yet will take, as far as that is known.
    pub fn announced(&self) -> usize {
        let length = self.prefix().ok().flatten().map_or(0, |(_, length)| PREFIX + length);
        length.max(self.unfinished())
    }

    /// Bytes that have come and are not taken out yet.
    pub fn unfinished(&self) -> usize {
        self.rest.len() + self.partial.len()
    }

    fn prefix(&self) -> Result<Option<(u8, usize)>, Refusal> {
        let held = if self.partial.is_empty() { &self.rest[..] } else { &self.partial[..] };
        let Some(prefix) = held.first_chunk::<PREFIX>() else { return Ok(None) };
        let length = u32::from_be_bytes([prefix[1], prefix[2], prefix[3], prefix[4]]) as usize;
        if length > self.bytes_max {
            return Err(Refusal::TooLarge);
        }
        Ok(Some((prefix[0], length)))
    }

    fn split(&mut self, end: usize) -> Bytes {
        let mut frame = if self.partial.is_empty() { self.rest.split_to(end) } else { self.partial.split_to(end).freeze() };
        frame.advance(PREFIX);
        frame
    }

    /// At most one byte more than the limit is ever inflated, so a small bomb stays small.
    fn inflated(&self, message: &[u8]) -> Result<Bytes, Refusal> {
        let mut inflated = Vec::new();
        let limit = self.bytes_max as u64 + 1;
        GzDecoder::new(message).take(limit).read_to_end(&mut inflated).map_err(|_| Refusal::Malformed)?;
        if inflated.len() > self.bytes_max {
            return Err(Refusal::TooLarge);
        }
        Ok(inflated.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(reader: &mut Reader, chunks: impl IntoIterator<Item = Bytes>) -> Result<Vec<Bytes>, Refusal> {
        let mut messages = Vec::new();
        for chunk in chunks {
            reader.push(chunk);
            while let Some(message) = reader.next_message()? {
                messages.push(message);
            }
        }
        Ok(messages)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn chunks_do_not_matter(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..50), 0..10),
            cuts in proptest::collection::vec(0_usize..20, 0..100),
        ) {
            let mut body: Bytes = messages.iter().flat_map(|message| framed(message)).collect::<Vec<_>>().into();
            let mut chunks = Vec::new();
            for cut in cuts {
                chunks.push(body.split_to(cut.min(body.len())));
            }
            chunks.push(body);
            let mut reader = Reader::new(50, Encoding::Identity);
            prop_assert_eq!(read_all(&mut reader, chunks), Ok(messages.into_iter().map(Bytes::from).collect()));
            prop_assert_eq!(reader.unfinished(), 0);
        }

        #[test]
        fn any_bytes_are_survived_within_the_limit(bytes in proptest::collection::vec(any::<u8>(), 0..200), gzip in any::<bool>()) {
            let encoding = if gzip { Encoding::Gzip } else { Encoding::Identity };
            let mut reader = Reader::new(30, encoding);
            if let Ok(messages) = read_all(&mut reader, [Bytes::from(bytes)]) {
                prop_assert!(messages.iter().all(|message| message.len() <= 30));
                prop_assert!(reader.announced() <= PREFIX + 30);
            }
        }
    }

    #[test]
    fn one_message_is_one_message() {
        let only = |body: &[u8]| {
            let mut reader = Reader::new(10, Encoding::Identity);
            reader.push(Bytes::copy_from_slice(body));
            reader.check_only()?;
            reader.only_message()
        };
        assert_eq!(only(&framed(b"abc")), Ok(Bytes::from("abc")));
        assert_eq!(only(b""), Err(Refusal::Malformed));
        assert_eq!(only(&[&framed(b"a")[..], b"\0"].concat()), Err(Refusal::Malformed));
        assert_eq!(only(&[0, 0, 0, 0, 11]), Err(Refusal::TooLarge));
    }
}
