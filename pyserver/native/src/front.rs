//! The front door for Python: `Inbox` and `Front`. It converts and decides nothing.

use croupier_front::{
    status::{Canned, Status},
    Call, FrontDoor, Limits, Method, Outcome, Settings, Ticket, Tls,
};
use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    types::{PyBytes, PyList, PyString, PyTuple},
};
use std::{
    collections::HashMap,
    io::ErrorKind,
    sync::{atomic::Ordering::Relaxed, Arc},
    time::Duration,
};

/// (gRPC code, message, encoded google.rpc.Status) by the refusal's name.
type Refusals = HashMap<String, (u8, String, Vec<u8>)>;
/// PEM of the chain, of its key, of the authorities of callers.
type TlsPem = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);
/// (path, calls by latency, sum of latencies in microseconds, calls that the door ended by why).
type MethodTotals<'a> = (&'a str, Vec<u64>, u64, HashMap<&'static str, u64>);

/// Where hot calls wait for the owner thread, and through which its answers go back: one wake-up a batch in each direction.
#[pyclass(module = "croupier._engine", frozen)]
pub struct Inbox(Arc<croupier_front::Inbox>);

#[pymethods]
impl Inbox {
    #[new]
    #[pyo3(signature = (max_calls, /))]
    fn new(max_calls: usize) -> Self {
        Self(Arc::new(croupier_front::Inbox::new(max_calls)))
    }

    /// Calls that wait here, or were taken and not answered.
    #[getter]
    fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// Something else waits for the owner. Any thread.
    fn notify(&self) {
        self.0.notify();
    }

    /// Blocks, without the GIL, until the calls that wait here and the notifications are `wanted` together; false at the timeout.
    #[pyo3(signature = (wanted, timeout_s, /))]
    fn wait(&self, py: Python<'_>, wanted: usize, timeout_s: Option<f64>) -> PyResult<bool> {
        let timeout = timeout_s.map(seconds).transpose()?;
        Ok(py.detach(|| self.0.wait(wanted, timeout)))
    }

    /// A descriptor that is readable while calls wait, for an event loop.
    fn fileno(&self) -> PyResult<i32> {
        Ok(self.0.signal()?)
    }

    /// Everything that waits, oldest first.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let calls = self.0.take();
        let tuples = calls.iter().map(|call| as_tuple(py, call)).collect::<PyResult<Vec<_>>>()?;
        PyList::new(py, tuples)
    }

    /// Sends answers, each once for each ticket that was taken.
    #[pyo3(signature = (answers, /))]
    fn answer(&self, answers: &Bound<'_, PyList>) -> PyResult<()> {
        let outcomes = answers.iter().map(|answer| outcome(&answer)).collect::<PyResult<Vec<_>>>()?;
        self.0.give_back(outcomes);
        Ok(())
    }
}

fn as_tuple<'py>(py: Python<'py>, call: &Call) -> PyResult<Bound<'py, PyTuple>> {
    let method = i64::try_from(call.method).expect("there are few");
    // What is no printable ASCII is no credential that anybody could have been given.
    let authorization = call.authorization.as_ref().and_then(|value| value.to_str().ok()).unwrap_or_default();
    (
        call.ticket,
        if call.is_opening { -1 - method } else { method },
        PyBytes::new(py, &call.message),
        call.deadline_ms,
        PyString::new(py, authorization),
        PyString::new(py, &call.peer.certificate),
        PyString::new(py, &call.peer.address),
        u64::try_from(call.started.elapsed().as_micros()).unwrap_or(u64::MAX),
    )
        .into_pyobject(py)
}

fn outcome(answer: &Bound<'_, PyAny>) -> PyResult<(Ticket, Outcome)> {
    let answer = answer.cast::<PyTuple>()?;
    let ticket = answer.get_item(0)?.extract()?;
    match answer.len() {
        2 => Ok((ticket, croupier_front::Inbox::message(answer.get_item(1)?.cast::<PyBytes>()?.as_bytes()))),
        4 => {
            let (message, details) = (answer.get_item(2)?, answer.get_item(3)?);
            let status = status(answer.get_item(1)?.extract()?, message.extract()?, details.cast::<PyBytes>()?.as_bytes())?;
            Ok((ticket, Outcome::Status(status)))
        }
        _ => Err(PyTypeError::new_err("an answer is (ticket, message) or (ticket, code, message, details)")),
    }
}

fn status(code: u8, message: &str, details: &[u8]) -> PyResult<Status> {
    if !(1..=16).contains(&code) {
        return Err(PyTypeError::new_err(format!("{code} is no gRPC code other than OK")));
    }
    Ok(Status::new(code, message, details))
}

fn seconds(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| PyValueError::new_err(format!("{seconds} s: {error}")))
}

/// The front door: serves the hot methods from their inboxes and forwards every other call to the server on a Unix socket.
#[pyclass(module = "croupier._engine", frozen)]
pub struct Front {
    door: FrontDoor,
    paths: Vec<String>,
}

#[pymethods]
impl Front {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "settings that Python gives by name")]
    #[pyo3(signature = (
        listen, backend, methods, /, *, inner = None, shares_port = false, tls = None, refusals = None, stream_overloaded = None, latency_bounds_us = None,
        connections_max = 20_000, calls_max = 20_000, streams_max = 1_024, message_bytes_max = 1_048_576, held_bytes_max = 67_108_864,
        header_bytes_max = 16_384, stream_waiting_max = 256, handshake_s = 10.0, body_s = 20.0, keepalive_s = 30.0, keepalive_timeout_s = 20.0, age_s = 0.0, age_grace_s = 60.0
    ))]
    fn new(
        listen: String,
        backend: String,
        methods: Vec<(String, bool, PyRef<'_, Inbox>)>,
        inner: Option<String>,
        shares_port: bool,
        tls: Option<TlsPem>,
        refusals: Option<Refusals>,
        stream_overloaded: Option<HashMap<String, Vec<u8>>>,
        latency_bounds_us: Option<Vec<u64>>,
        connections_max: usize,
        calls_max: usize,
        streams_max: u32,
        message_bytes_max: usize,
        held_bytes_max: usize,
        header_bytes_max: u32,
        stream_waiting_max: usize,
        handshake_s: f64,
        body_s: f64,
        keepalive_s: f64,
        keepalive_timeout_s: f64,
        age_s: f64,
        age_grace_s: f64,
    ) -> PyResult<Self> {
        let limits = Limits {
            connections_max,
            calls_max,
            streams_max,
            message_bytes_max,
            held_bytes_max,
            header_bytes_max,
            stream_waiting_max,
            handshake: seconds(handshake_s)?,
            body: seconds(body_s)?,
            keepalive: seconds(keepalive_s)?,
            keepalive_timeout: seconds(keepalive_timeout_s)?,
            age: Some(seconds(age_s)?).filter(|age| !age.is_zero()),
            age_grace: seconds(age_grace_s)?,
        };
        let paths = methods.iter().map(|(path, ..)| path.clone()).collect();
        let mut overloaded = stream_overloaded.unwrap_or_default();
        let method = |(path, streamed, inbox): (String, bool, PyRef<'_, Inbox>)| {
            let overloaded = overloaded.remove(&path).unwrap_or_default().into();
            Method { path, streamed, inbox: Arc::clone(&inbox.0), overloaded }
        };
        let methods = methods.into_iter().map(method).collect();
        let canned = canned(refusals.unwrap_or_default())?;
        let latency_bounds_us = latency_bounds_us.unwrap_or_default();
        let tls = tls.map(|(certificate, key, client_ca)| Tls { certificate, key, client_ca });
        let inner = inner.map(Into::into);
        let settings = Settings { listen, shares_port, inner, backend: backend.into(), methods, tls, limits, canned, latency_bounds_us };
        let door = FrontDoor::bind(settings).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => PyValueError::new_err(error.to_string()),
            _ => error.into(),
        })?;
        Ok(Self { door, paths })
    }

    /// "ip:port" where it listens.
    #[getter]
    fn address(&self) -> String {
        self.door.address().to_string()
    }

    /// Serves, on a thread of its own that never takes the GIL.
    fn start(&self) -> PyResult<()> {
        Ok(self.door.start()?)
    }

    /// Whether it serves.
    #[getter]
    fn running(&self) -> bool {
        self.door.is_running()
    }

    /// Accepts nothing more and asks every connection to go; what runs may finish.
    fn drain(&self) {
        self.door.drain();
    }

    /// Drains, and cuts off what is left after `grace_s`; true if nothing was.
    #[pyo3(signature = (grace_s, /))]
    fn stop(&self, py: Python<'_>, grace_s: f64) -> PyResult<bool> {
        let grace = seconds(grace_s)?;
        Ok(py.detach(|| self.door.stop(grace)))
    }

    /// Connections and calls that are open now.
    fn counts(&self) -> HashMap<&'static str, u64> {
        let counts = self.door.counts();
        HashMap::from([
            ("connections", counts.connections.load(Relaxed) as u64),
            ("connections_refused", counts.connections_refused.load(Relaxed)),
            ("waiting", counts.waiting.load(Relaxed) as u64),
            ("forwarded", counts.forwarded.load(Relaxed) as u64),
            ("forwarded_refused", counts.forwarded_refused.load(Relaxed)),
        ])
    }

    /// For each hot method: path, calls by latency, sum of latencies in microseconds, calls that the door itself ended.
    fn method_counts(&self) -> Vec<MethodTotals<'_>> {
        let counted = self.paths.iter().zip(&self.door.counts().methods);
        counted
            .map(|(path, counts)| {
                let totals = counts.totals();
                let ended = totals.refusals.into_iter().chain([("cancelled", totals.cancelled)]).collect();
                (path.as_str(), totals.buckets, totals.sum_us, ended)
            })
            .collect()
    }
}

fn canned(refusals: Refusals) -> PyResult<Canned> {
    let mut canned = Canned::plain();
    for (name, (code, message, details)) in refusals {
        if !canned.replace(&name, status(code, &message, &details)?) {
            return Err(PyValueError::new_err(format!("the door makes no refusal {name}")));
        }
    }
    Ok(canned)
}
