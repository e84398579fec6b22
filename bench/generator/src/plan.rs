//! What the generator is asked to do.

use serde::Deserialize;

/// Which RPC the callers use.
#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// One round a call.
    Play,
    /// `batch` rounds a call.
    PlayBatch,
    /// One stream a caller, `window` rounds in flight on each.
    PlayStream,
    /// One round, read again and again.
    GetRound,
    /// A wallet, read again and again.
    GetWallet,
    /// Of ten calls seven are `Play`, two read the wallet, and one the round played last.
    Mix,
    /// One wallet read on each connection, which then does nothing: a line is printed once all are so, and they are kept for `duration_ms`.
    Idle,
}

impl Method {
    /// Whether a server that knows nothing but plays can answer.
    fn only_plays(self) -> bool {
        matches!(self, Self::Play | Self::PlayBatch | Self::PlayStream)
    }
}

/// One measurement.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// host:port, plain text.
    pub address: String,
    pub method: Method,
    /// Value of the `authorization` header; sent to a bare server too, so that both parse the same headers.
    pub authorization: String,
    /// Names of the sessions to play in, used in turn; a caller of a stream keeps to one.
    pub sessions: Vec<String>,
    /// An encoded croupier.v1.Bet, in hex.
    pub bet: String,
    /// Callers are dealt out over this many connections.
    pub connections: usize,
    /// Closed loops; of `idle`, those that open connections at once.
    pub callers: usize,
    pub duration_ms: u64,
    /// Rounds a call of `play_batch`.
    pub batch: usize,
    /// Whether the rounds of a batch are of sessions in turn; otherwise a batch is of one session.
    pub is_batch_mixed: bool,
    /// Rounds in flight on a stream.
    pub window: usize,
    /// The server answers with a fixed round, so only its presence can be checked.
    pub bare: bool,
}

impl Plan {
    /// Refuses a plan that no run could follow.
    pub fn check(&self) -> Result<(), String> {
        let positive = [self.sessions.len(), self.connections, self.callers, self.batch, self.window];
        if positive.contains(&0) {
            return Err("sessions, connections, callers, batch and window must not be empty or 0".into());
        }
        if self.bare && !self.method.only_plays() {
            return Err("a bare server keeps nothing to be read".into());
        }
        self.bet_bytes().map(|_| ())
    }

    /// The bet, decoded from hex.
    pub fn bet_bytes(&self) -> Result<Vec<u8>, String> {
        let digits = self.bet.as_bytes();
        if digits.len() % 2 != 0 {
            return Err("bet has an odd number of hex digits".into());
        }
        let text = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        digits.chunks(2).map(|pair| text(pair).ok_or_else(|| "bet is not hex".to_owned())).collect()
    }
}
