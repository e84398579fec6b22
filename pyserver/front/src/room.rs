//! What open calls take of the door: a seat each, and room for messages that have begun to arrive.

use crate::{door::Door, frame, settings::Limits, status::Refusal};
use std::{cell::Cell, rc::Rc};

/// Counts an open call that has no ticket.
pub(crate) struct Seat(Rc<Door>);

impl Seat {
    pub fn taken(door: &Rc<Door>) -> Self {
        door.seated.set(door.seated.get() + 1);
        Self(Rc::clone(door))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seated.set(self.0.seated.get() - 1);
    }
}

/// What one connection holds of the room for messages that have begun to arrive, so that no caller can take it all.
pub(crate) struct Share {
    bytes: Cell<usize>,
    bytes_max: usize,
}

impl Share {
    /// An eighth for a caller, but at least one message; all for another door.
    pub fn of(limits: &Limits, is_door: bool) -> Rc<Self> {
        let part = (limits.held_bytes_max / 8).max(limits.message_bytes_max + frame::PREFIX);
        Rc::new(Self { bytes: Cell::new(0), bytes_max: if is_door { usize::MAX } else { part } })
    }
}

/// Room for a message that has begun to arrive; given back when it is dropped.
pub(crate) struct Room {
    door: Rc<Door>,
    share: Rc<Share>,
    bytes: usize,
}

impl Room {
    pub fn none(door: Rc<Door>, share: Rc<Share>) -> Self {
        Self { door, share, bytes: 0 }
    }

    pub fn door(&self) -> &Rc<Door> {
        &self.door
    }

    /// Room for so many bytes instead of those before.
    ///
    /// # Errors
    /// `Overloaded` where that much is not to be had.
    pub fn become_for(&mut self, bytes: usize) -> Result<(), Refusal> {
        let others = self.door.held_bytes.get() - self.bytes;
        let shared = self.share.bytes.get() - self.bytes;
        if bytes > self.bytes && (others + bytes > self.door.limits.held_bytes_max || shared + bytes > self.share.bytes_max) {
            return Err(Refusal::Overloaded);
        }
        self.door.held_bytes.set(others + bytes);
        self.share.bytes.set(shared + bytes);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.door.held_bytes.set(self.door.held_bytes.get() - self.bytes);
        self.share.bytes.set(self.share.bytes.get() - self.bytes);
    }
}
