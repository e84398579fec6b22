//! Reads a plan as JSON from stdin, loads a server with it, prints what was measured as one line of JSON.
//!
//! - `plan.rs` what to do, `tally.rs` what came of it
//! - `wire.rs` gRPC over one HTTP/2 connection, `ids.rs` UUIDv7
//! - `callers.rs` the closed loops: each caller sends its next call when the last one was answered
//! - `requests.rs` makes requests and checks answers

mod callers;
mod ids;
mod plan;
mod requests;
mod tally;
mod wire;

/// The messages of croupier.v1.
#[allow(dead_code, missing_docs, clippy::all, clippy::pedantic, reason = "generated from proto/, which also has what a load does not use")]
mod pb {
    include!(concat!(env!("OUT_DIR"), "/croupier.v1.rs"));
}

use std::process::ExitCode;

fn main() -> ExitCode {
    match load() {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("croupier_load: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn load() -> Result<String, String> {
    let plan: plan::Plan = serde_json::from_reader(std::io::stdin()).map_err(|e| format!("the plan is not readable: {e}"))?;
    plan.check()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| e.to_string())?;
    let local = tokio::task::LocalSet::new();
    if plan.method == plan::Method::Idle {
        return local.block_on(&runtime, callers::idle(plan)).map(|()| "closed".to_owned());
    }
    let tally = local.block_on(&runtime, callers::run(plan))?;
    serde_json::to_string(&tally.report()).map_err(|e| e.to_string())
}
