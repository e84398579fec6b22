//! Messages as gRPC frames them: one byte that tells whether the message is compressed, four bytes of length, the message.

use crate::status::Refusal;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use flate2::read::GzDecoder;
use std::io::Read;

const PREFIX: usize = 5;

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
