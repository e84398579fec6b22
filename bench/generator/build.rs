//! Generates the messages of rounds and wallets from proto/, so that answers are decoded as any client would decode them.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto/croupier/v1");
    let files = protox::compile(["croupier/v1/round_service.proto", "croupier/v1/wallet_service.proto"], ["../../proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    Ok(())
}
