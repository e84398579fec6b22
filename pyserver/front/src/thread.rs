//! The door's thread: listens, serves, drains, ends. It never waits for the owner thread.

use crate::{
    counts::Counts,
    door::{Door, Phase},
    listener::{Listeners, Listening},
    settings::Settings,
    tls,
};
use std::{
    io,
    net::SocketAddr,
    rc::Rc,
    sync::{atomic::Ordering::Relaxed, Arc, Condvar, Mutex},
    thread,
    time::Duration,
};
use tokio::{
    runtime::LocalOptions,
    sync::{mpsc, Notify},
    task::spawn_local,
};
use tokio_rustls::TlsAcceptor;

/// How long connections that are cut off may take to say so; a peer that takes nothing in would hold the door up for ever.
const FAREWELL: Duration = Duration::from_secs(1);

struct Unstarted {
    listening: Listening,
    acceptor: Option<TlsAcceptor>,
    settings: Settings,
}

/// A front door. Made, it holds its port; started, it serves.
pub struct FrontDoor {
    address: SocketAddr,
    counts: Arc<Counts>,
    unstarted: Mutex<Option<Unstarted>>,
    outcomes: Arc<Notify>,
    orders: mpsc::UnboundedSender<Phase>,
    taken: Mutex<Option<mpsc::UnboundedReceiver<Phase>>>,
    ended: Arc<(Mutex<bool>, Condvar)>,
}

impl FrontDoor {
    /// Binds the port.
    ///
    /// # Errors
    /// Where the address is not to be had; `InvalidInput` where a certificate is no good, or an inbox belongs to another door.
    pub fn bind(settings: Settings) -> io::Result<Self> {
        let outcomes = Arc::new(Notify::new());
        let acceptor = settings.tls.as_ref().map(tls::acceptor).transpose()?;
        let listening = Listening::bind(&settings)?;
        let mut inboxes: Vec<_> = settings.methods.iter().map(|method| &method.inbox).collect();
        inboxes.sort_by_key(|inbox| Arc::as_ptr(inbox));
        inboxes.dedup_by_key(|inbox| Arc::as_ptr(inbox));
        if !inboxes.into_iter().all(|inbox| inbox.attach(Arc::clone(&outcomes))) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "an inbox belongs to one door"));
        }
        let (orders, taken) = mpsc::unbounded_channel();
        Ok(Self {
            address: listening.address()?,
            counts: Arc::new(Counts::new(settings.latency_bounds_us.clone(), settings.methods.len())),
            unstarted: Mutex::new(Some(Unstarted { listening, acceptor, settings })),
            outcomes,
            orders,
            taken: Mutex::new(Some(taken)),
            ended: Arc::default(),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it counts.
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Begins to serve on a thread of its own. Does nothing if it was started before.
    ///
    /// # Errors
    /// Where the thread or its event loop cannot be had.
    pub fn start(&self) -> io::Result<()> {
        let Some(unstarted) = self.unstarted.lock().expect("no holder panics").take() else { return Ok(()) };
        let orders = self.taken.lock().expect("no holder panics").take().expect("it starts once");
        let (counts, outcomes, ended) = (Arc::clone(&self.counts), Arc::clone(&self.outcomes), Ended(Arc::clone(&self.ended)));
        let runtime = tokio::runtime::Builder::new_current_thread();
        thread::Builder::new().name("front-door".into()).spawn(move || {
            let _ended = ended;
            run(runtime, unstarted, counts, outcomes, orders).expect("the event loop can be had");
        })?;
        Ok(())
    }

    /// Accepts nothing more and asks every connection to go; what runs may finish.
    pub fn drain(&self) {
        let _ = self.orders.send(Phase::Draining);
    }

    /// Whether its thread serves; false before it was started, and for ever once the thread has ended, be it of itself.
    pub fn is_running(&self) -> bool {
        self.unstarted.lock().expect("no holder panics").is_none() && !self.has_ended(Duration::ZERO)
    }

    /// Drains, and after `grace` cuts off what is left; true if nothing was left.
    pub fn stop(&self, grace: Duration) -> bool {
        if self.unstarted.lock().expect("no holder panics").take().is_some() {
            return true;
        }
        self.drain();
        if self.has_ended(grace) {
            return true;
        }
        let _ = self.orders.send(Phase::Cut);
        self.has_ended(Duration::from_secs(5));
        false
    }

    fn has_ended(&self, patience: Duration) -> bool {
        let (ended, changed) = &*self.ended;
        let ended = ended.lock().expect("no holder panics");
        *changed.wait_timeout_while(ended, patience, |ended| !*ended).expect("no holder panics").0
    }
}

/// Says that the thread has ended, however it did.
struct Ended(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Ended {
    fn drop(&mut self) {
        let (ended, changed) = &*self.0;
        *ended.lock().expect("no holder panics") = true;
        changed.notify_all();
    }
}

fn run(
    mut runtime: tokio::runtime::Builder,
    unstarted: Unstarted,
    counts: Arc<Counts>,
    outcomes: Arc<Notify>,
    orders: mpsc::UnboundedReceiver<Phase>,
) -> io::Result<()> {
    let runtime = runtime.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(async move {
        let listeners = Listeners::new(unstarted.listening, unstarted.acceptor)?;
        let door = Door::new(unstarted.settings, counts, outcomes);
        let (flushing, answering, expiring) = (Rc::clone(&door), Rc::clone(&door), Rc::clone(&door));
        let flushing = spawn_local(async move { flushing.flush().await });
        let answering = spawn_local(async move { answering.answer().await });
        let expiring = spawn_local(async move { expiring.expire().await });
        tokio::select! {
            () = serve(&door, listeners, orders) => {}
            _ = flushing => {}
            _ = answering => {}
            _ = expiring => {}
        }
        Ok(())
    })
}

/// Accepts until it is told to drain, then waits for the last connection to end.
async fn serve(door: &Rc<Door>, listeners: Listeners, mut orders: mpsc::UnboundedReceiver<Phase>) {
    let mut listeners = Some(listeners);
    let mut over = None;
    loop {
        if door.phase.get() >= Phase::Draining && door.counts.connections.load(Relaxed) == 0 {
            return;
        }
        tokio::select! {
            Some(phase) = orders.recv() => {
                listeners = None;
                over = (phase == Phase::Cut).then(|| tokio::time::Instant::now() + FAREWELL);
                door.go_on_to(phase);
            }
            () = welcome(door, listeners.as_ref()) => {}
            () = door.ended.notified() => {}
            () = sleep_until(over) => return,
        }
    }
}

async fn sleep_until(over: Option<tokio::time::Instant>) {
    match over {
        Some(over) => tokio::time::sleep_until(over).await,
        None => std::future::pending().await,
    }
}

async fn welcome(door: &Rc<Door>, listeners: Option<&Listeners>) {
    match listeners {
        Some(listeners) => listeners.welcome(door).await,
        None => std::future::pending().await,
    }
}
