//! Where hot calls wait for the owner thread, and its answers for the door: one wake-up a batch in each direction.

use crate::{frame, status::Status};
use bytes::Bytes;
use http::HeaderValue;
use std::{
    collections::HashSet,
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, RawFd},
        unix::net::UnixStream,
    },
    sync::{
        atomic::{AtomicUsize, Ordering::Relaxed},
        Arc, Condvar, Mutex, MutexGuard, OnceLock,
    },
    time::{Duration, Instant},
};
use tokio::sync::Notify;

/// Names a call from the moment it is queued until it has come back.
pub type Ticket = u64;

/// Who is at the other end of a connection.
#[derive(Debug, Default)]
pub struct Peer {
    /// "ip:port", an IPv6 address in brackets.
    pub address: String,
    /// The common name of its certificate's subject; empty where it showed none.
    pub certificate: String,
}

/// A hot call that waits for an answer.
#[derive(Debug)]
pub struct Call {
    /// Its name.
    pub ticket: Ticket,
    /// Index of its method in the settings.
    pub method: usize,
    /// Asks whether a stream may be opened; it has no message, and neither has its answer.
    pub is_opening: bool,
    /// The request, without its prefix and not compressed.
    pub message: Bytes,
    /// When its headers arrived.
    pub started: Instant,
    /// When the caller gives up.
    pub deadline: Option<Instant>,
    /// The same in milliseconds of Unix time, 0 for never.
    pub deadline_ms: u64,
    /// The header of that name, as it came.
    pub authorization: Option<HeaderValue>,
    /// Who calls.
    pub peer: Arc<Peer>,
}

/// What comes back for a ticket: each exactly once.
#[derive(Debug)]
pub enum Outcome {
    /// A message, framed.
    Message(Bytes),
    /// A status other than OK.
    Status(Status),
    /// Nobody waits for it any more, so it was never decided.
    Dropped,
}

#[derive(Default)]
struct Queue {
    calls: Vec<Call>,
    given_up: HashSet<Ticket>,
    notified: usize,
    /// What the waiting owner waits for; 0 if it does not wait.
    wanted: usize,
    /// A byte lies in the signal.
    is_signalled: bool,
}

/// The queue between the door's thread and the owner's.
pub struct Inbox {
    calls_max: usize,
    queue: Mutex<Queue>,
    filled: Condvar,
    outcomes: Mutex<Vec<(Ticket, Outcome)>>,
    waiting: AtomicUsize,
    door: OnceLock<Arc<Notify>>,
    /// Where an event loop reads that calls wait, and where that is written.
    signal: OnceLock<(UnixStream, UnixStream)>,
}

impl Inbox {
    /// Of the calls that are queued or decided but not yet answered, at most `calls_max` are let in.
    pub fn new(calls_max: usize) -> Self {
        Self {
            calls_max,
            queue: Mutex::default(),
            filled: Condvar::new(),
            outcomes: Mutex::default(),
            waiting: AtomicUsize::new(0),
            door: OnceLock::new(),
            signal: OnceLock::new(),
        }
    }

    /// How many calls may be in it at once.
    pub fn calls_max(&self) -> usize {
        self.calls_max
    }

    /// Calls that are queued, or were taken and not answered.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Something else waits for the owner.
    pub fn notify(&self) {
        let mut queue = self.queue();
        queue.notified += 1;
        self.wake_if_due(&queue);
    }

    /// A descriptor that is readable from when a call is queued until `take`: for an event loop to poll, where no thread waits.
    ///
    /// # Errors
    /// The system gives no descriptor.
    pub fn signal(&self) -> io::Result<RawFd> {
        if self.signal.get().is_none() {
            let (reader, writer) = UnixStream::pair()?;
            reader.set_nonblocking(true)?;
            writer.set_nonblocking(true)?;
            // Where two threads ask at once, one pair is kept and the other closed.
            let _ = self.signal.set((reader, writer));
            self.signal_if_due(&mut self.queue());
        }
        Ok(self.signal.get().expect("it was set above").0.as_raw_fd())
    }

    /// Blocks until the calls that are queued and the notifications since a wait last returned true are `wanted` together; false at the
    /// timeout, in which case the notifications still count for the next wait.
    pub fn wait(&self, wanted: usize, timeout: Option<Duration>) -> bool {
        let until = timeout.map(|timeout| Instant::now() + timeout);
        let mut queue = self.queue();
        queue.wanted = wanted.max(1);
        while queue.calls.len() + queue.notified < queue.wanted {
            match until.map(|until| until.saturating_duration_since(Instant::now())) {
                None => queue = self.filled.wait(queue).expect("no holder panics"),
                Some(Duration::ZERO) => {
                    queue.wanted = 0;
                    return false;
                }
                Some(left) => queue = self.filled.wait_timeout(queue, left).expect("no holder panics").0,
            }
        }
        queue.wanted = 0;
        queue.notified = 0;
        true
    }

    /// Everything that is queued, in the order in which it came, but for calls that nobody waits for any more: those go back undecided.
    pub fn take(&self) -> Vec<Call> {
        let (calls, given_up) = {
            let mut queue = self.queue();
            self.take_signal(&mut queue);
            (std::mem::take(&mut queue.calls), std::mem::take(&mut queue.given_up))
        };
        if calls.is_empty() {
            return calls;
        }
        let now = Instant::now();
        let is_late = |call: &Call| call.deadline.is_some_and(|deadline| deadline <= now) || given_up.contains(&call.ticket);
        if !calls.iter().any(is_late) {
            return calls;
        }
        let (late, calls): (Vec<_>, Vec<_>) = calls.into_iter().partition(is_late);
        self.give_back(late.into_iter().map(|call| (call.ticket, Outcome::Dropped)));
        calls
    }

    /// Gives answers to the door. A ticket that is unknown, or answered already, is passed over.
    pub fn give_back(&self, outcomes: impl IntoIterator<Item = (Ticket, Outcome)>) {
        let mut waiting = self.outcomes.lock().expect("no holder panics");
        let before = waiting.len();
        waiting.extend(outcomes);
        self.waiting.fetch_sub(waiting.len() - before, Relaxed);
        drop(waiting);
        if let Some(door) = self.door.get() {
            door.notify_one();
        }
    }

    /// A message as an outcome.
    pub fn message(message: &[u8]) -> Outcome {
        Outcome::Message(frame::framed(message))
    }

    /// Ties it to the one door that fills it; false if it has one already.
    pub(crate) fn attach(&self, door: Arc<Notify>) -> bool {
        self.door.set(door).is_ok()
    }

    pub(crate) fn fill(&self, calls: &mut Vec<Call>) {
        self.waiting.fetch_add(calls.len(), Relaxed);
        let mut queue = self.queue();
        queue.calls.append(calls);
        self.wake_if_due(&queue);
        self.signal_if_due(&mut queue);
    }

    /// Nobody waits for this call any more: if it is still queued, the owner never sees it. Calls that were given up are swept out once they
    /// are half of the queue, so that they keep neither memory nor room while the owner is busy.
    pub(crate) fn give_up(&self, ticket: Ticket) {
        let mut queue = self.queue();
        if queue.calls.is_empty() {
            return;
        }
        queue.given_up.insert(ticket);
        if 2 * queue.given_up.len() < queue.calls.len() {
            return;
        }
        let given_up = std::mem::take(&mut queue.given_up);
        let (gone, left): (Vec<_>, Vec<_>) = std::mem::take(&mut queue.calls).into_iter().partition(|call| given_up.contains(&call.ticket));
        queue.calls = left;
        drop(queue);
        self.give_back(gone.into_iter().map(|call| (call.ticket, Outcome::Dropped)));
    }

    pub(crate) fn outcomes(&self) -> Vec<(Ticket, Outcome)> {
        std::mem::take(&mut *self.outcomes.lock().expect("no holder panics"))
    }

    fn wake_if_due(&self, queue: &Queue) {
        if queue.wanted > 0 && queue.calls.len() + queue.notified >= queue.wanted {
            self.filled.notify_one();
        }
    }

    fn signal_if_due(&self, queue: &mut Queue) {
        let Some((_, writer)) = self.signal.get() else { return };
        if !queue.is_signalled && !queue.calls.is_empty() {
            // There is room for the one byte that is ever in it.
            queue.is_signalled = (&*writer).write_all(&[0]).is_ok();
        }
    }

    fn take_signal(&self, queue: &mut Queue) {
        if std::mem::take(&mut queue.is_signalled) {
            let (reader, _) = self.signal.get().expect("it was signalled");
            (&*reader).read_exact(&mut [0]).expect("the byte was written under the same lock");
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().expect("no holder panics")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(ticket: Ticket) -> Call {
        Call {
            ticket,
            method: 0,
            is_opening: false,
            message: Bytes::new(),
            started: Instant::now(),
            deadline: None,
            deadline_ms: 0,
            authorization: None,
            peer: Arc::default(),
        }
    }

    /// Bytes that lie in the signal.
    fn signalled(inbox: &Inbox) -> usize {
        let (reader, _) = inbox.signal.get().expect("it was asked for");
        (&*reader).read(&mut [0; 8]).unwrap_or(0)
    }

    #[test]
    fn calls_that_were_given_up_leave_the_queue_before_it_is_taken() {
        let inbox = Inbox::new(10);
        inbox.fill(&mut vec![call(1), call(2), call(3), call(4)]);
        inbox.give_up(2);
        assert_eq!(inbox.waiting(), 4);
        inbox.give_up(4);
        assert_eq!(inbox.waiting(), 2);
        assert_eq!(inbox.outcomes().iter().map(|(ticket, _)| *ticket).collect::<Vec<_>>(), [2, 4]);
        assert_eq!(inbox.take().iter().map(|call| call.ticket).collect::<Vec<_>>(), [1, 3]);
    }

    #[test]
    fn one_signal_for_all_that_waits() {
        let inbox = Inbox::new(10);
        inbox.fill(&mut vec![call(1)]);
        inbox.signal().expect("a descriptor");
        inbox.fill(&mut vec![call(2), call(3)]);
        assert!(inbox.queue().is_signalled);
        assert_eq!(inbox.take().len(), 3);
        assert!(!inbox.queue().is_signalled);
        assert_eq!(signalled(&inbox), 0, "what was taken is signalled no more");
        inbox.fill(&mut vec![call(4)]);
        inbox.fill(&mut vec![call(5)]);
        assert_eq!(signalled(&inbox), 1);
    }
}
