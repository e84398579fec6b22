//! Generates the round messages from proto/, and a service of the three methods that the bench compares.

use tonic_build::manual::{Builder, Method, Service};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../../proto/croupier/v1");
    let files = protox::compile(["croupier/v1/round_service.proto"], ["../../proto"])?;
    prost_build::Config::new().compile_fds(files)?;
    let method = |name: &str, route: &str| {
        Method::builder()
            .name(name)
            .route_name(route)
            .input_type(format!("crate::pb::{route}Request"))
            .output_type(format!("crate::pb::{route}Response"))
            .codec_path("tonic_prost::ProstCodec")
    };
    let streamed = method("play_stream", "PlayStream").client_streaming().server_streaming();
    let rounds = Service::builder()
        .name("RoundService")
        .package("croupier.v1")
        .method(method("play", "Play").build())
        .method(method("play_batch", "PlayBatch").build())
        .method(streamed.build())
        .build();
    Builder::new().build_client(false).compile(&[rounds]);
    Ok(())
}
