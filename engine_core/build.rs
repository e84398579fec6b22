//! Generates the game messages (bet, action, outcome) from proto/, so that the engine and the wire share one definition.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../proto/croupier/v1");
    let files = protox::compile(["croupier/v1/games.proto", "croupier/v1/paytable.proto"], ["../proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    Ok(())
}
