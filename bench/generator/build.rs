//! Generates the round messages from proto/, so that answers are decoded as any client would decode them.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto/croupier/v1");
    let files = protox::compile(["croupier/v1/round_service.proto"], ["../../proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    Ok(())
}
