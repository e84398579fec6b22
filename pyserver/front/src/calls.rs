//! The hot calls that wait for an answer, known by tickets.

use crate::inbox::{Call, Ticket};
use slab::Slab;
use std::{
    sync::{Arc, Mutex},
    task::{Wake, Waker},
    time::Instant,
};

/// A call in its place. `reply` is None once its caller has been answered or has gone; the place is kept until the ticket comes back.
pub struct Place<R> {
    serial: u32,
    /// Index of its method.
    pub method: usize,
    /// Size of its message.
    pub bytes: usize,
    /// When its headers arrived.
    pub started: Instant,
    /// When its caller gives up.
    pub deadline: Option<Instant>,
    /// Where the answer goes.
    pub reply: Option<R>,
}

/// Every call that is queued, decided, or given up and not yet back.
pub struct Calls<R> {
    places: Slab<Place<R>>,
    wakers: Vec<Waker>,
    touched: Arc<Mutex<Vec<usize>>>,
    serial: u32,
}

impl<R> Calls<R> {
    /// None yet.
    pub fn new() -> Self {
        Self { places: Slab::new(), wakers: Vec::new(), touched: Arc::default(), serial: 0 }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Gives a call its ticket.
    pub fn insert(&mut self, call: &Call, started: Instant, reply: R) -> Ticket {
        self.serial = self.serial.wrapping_add(1);
        let (method, bytes, deadline) = (call.method, call.message.len(), call.deadline);
        let index = self.places.insert(Place { serial: self.serial, method, bytes, started, deadline, reply: Some(reply) });
        while self.wakers.len() <= index {
            let touch = Touch { index: self.wakers.len(), touched: Arc::clone(&self.touched) };
            self.wakers.push(Waker::from(Arc::new(touch)));
        }
        ticket(index, self.serial)
    }

    /// What wakes when something happens to the stream of this ticket's call.
    pub fn waker(&self, ticket: Ticket) -> &Waker {
        &self.wakers[index(ticket)]
    }

    /// The call of this ticket, if it has not come back.
    pub fn get_mut(&mut self, ticket: Ticket) -> Option<&mut Place<R>> {
        self.places.get_mut(index(ticket)).filter(|place| place.serial == serial(ticket))
    }

    /// Takes the call of this ticket out.
    pub fn remove(&mut self, ticket: Ticket) -> Option<Place<R>> {
        self.get_mut(ticket)?;
        Some(self.places.remove(index(ticket)))
    }

    /// The tickets of calls to whose streams something may have happened since this was last asked.
    pub fn touched(&mut self) -> Vec<Ticket> {
        let touched = std::mem::take(&mut *self.touched.lock().expect("no holder panics"));
        touched.into_iter().filter_map(|index| self.places.get(index).map(|place| ticket(index, place.serial))).collect()
    }

    /// The tickets of calls whose caller gives up by `now` and still waits, and when the next one does.
    pub fn expired(&self, now: Instant) -> (Vec<Ticket>, Option<Instant>) {
        let mut expired = Vec::new();
        let mut next: Option<Instant> = None;
        for (index, place) in self.places.iter().filter(|(_, place)| place.reply.is_some()) {
            match place.deadline {
                Some(deadline) if deadline <= now => expired.push(ticket(index, place.serial)),
                Some(deadline) => next = Some(next.map_or(deadline, |next| next.min(deadline))),
                None => {}
            }
        }
        (expired, next)
    }
}

/// Notes that something happened to a call's stream; the same for every call that ever has this place, so that none allocates its own.
struct Touch {
    index: usize,
    touched: Arc<Mutex<Vec<usize>>>,
}

impl Wake for Touch {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.touched.lock().expect("no holder panics").push(self.index);
    }
}

fn ticket(index: usize, serial: u32) -> Ticket {
    u64::from(serial) << 32 | index as u64
}

fn index(ticket: Ticket) -> usize {
    usize::try_from(ticket & u64::from(u32::MAX)).expect("32 bits fit")
}

fn serial(ticket: Ticket) -> u32 {
    (ticket >> 32) as u32
}
