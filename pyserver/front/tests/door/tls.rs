//! TLS, and the names in callers' certificates.

use crate::house::{callers, comes, echo, frame, Caller, House, COLD, HOT};
use croupier_front::{FrontDoor, Inbox, Limits, Settings, Tls};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use std::{sync::Arc, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::{
    rustls::{
        crypto::ring,
        pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer, ServerName},
        ClientConfig, RootCertStore,
    },
    TlsConnector,
};

/// Signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// PEM of a certificate for localhost with this common name, and of its key.
    fn issue(&self, name: &str) -> (String, String) {
        let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
        params.distinguished_name.push(DnType::OrganizationName, "House");
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

fn connector(trusted: &Authority, own: Option<(String, String)>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.pem.as_bytes()).unwrap()).unwrap();
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions().unwrap();
    let builder = builder.with_root_certificates(roots);
    let mut config = match own {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    TlsConnector::from(Arc::new(config))
}

fn tls(server: &Authority, callers: Option<&Authority>) -> Tls {
    let (certificate, key) = server.issue("node-1");
    Tls { certificate: certificate.into(), key: key.into(), client_ca: callers.map(|callers| callers.pem.clone().into()) }
}

async fn caller(house: &House, connector: &TlsConnector) -> std::io::Result<Caller> {
    let stream = connector.connect(ServerName::try_from("localhost").unwrap(), house.tcp().await).await?;
    Ok(Caller::over(stream).await)
}

#[test]
fn calls_go_over_tls() {
    let authority = Authority::new();
    let house = House::with(echo(), 10, Limits::default(), Some(tls(&authority, None)));
    callers(async {
        let caller = caller(&house, &connector(&authority, None)).await.unwrap();
        assert_eq!(caller.unary(HOT, &[], frame(&vec![1; 500_000])).await.unwrap().body, frame(&vec![1; 500_000]));
        assert!(caller.unary(COLD, &[], frame(b"x")).await.unwrap().body.ends_with(&frame(b"x")));
    });
}

#[test]
fn a_callers_certificate_names_it() {
    let (authority, operators) = (Authority::new(), Authority::new());
    let (sender, names) = std::sync::mpsc::channel();
    let decide = move |calls: Vec<croupier_front::Call>| {
        for call in &calls {
            sender.send(call.peer.certificate.clone()).unwrap();
        }
        calls.iter().map(|call| (call.ticket, Inbox::message(b""))).collect()
    };
    let house = House::with(Box::new(decide), 10, Limits::default(), Some(tls(&authority, Some(&operators))));
    callers(async {
        let caller = caller(&house, &connector(&authority, Some(operators.issue("käse & co")))).await.unwrap();
        caller.unary(HOT, &[], frame(b"")).await.unwrap();
        assert_eq!(names.recv().unwrap(), "käse & co");
        let forged = [("croupier-certificate", "admin")];
        let body = caller.unary(COLD, &forged, frame(b"")).await.unwrap().body;
        let told = String::from_utf8_lossy(&body);
        assert!(told.contains("croupier-certificate: \"k%C3%A4se & co\"") && !told.contains("admin"), "{told}");
    });
}

#[test]
fn strangers_and_callers_without_a_certificate_get_nowhere() {
    let (authority, operators, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let house = House::with(echo(), 10, Limits::default(), Some(tls(&authority, Some(&operators))));
    callers(async {
        for own in [None, Some(strangers.issue("acme"))] {
            let stream = house.tcp().await;
            let connector = connector(&authority, own);
            // TLS 1.3 tells a caller of its refusal when it reads.
            if let Ok(mut stream) = connector.connect(ServerName::try_from("localhost").unwrap(), stream).await {
                let mut byte = [0];
                assert!(matches!(stream.read(&mut byte).await, Ok(0) | Err(_)));
            }
        }
        assert!(
            caller(&house, &connector(&strangers, Some(operators.issue("acme")))).await.is_err(),
            "nor does a server that is not trusted"
        );
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn a_handshake_that_stops_is_not_awaited_for_ever() {
    let authority = Authority::new();
    let limits = Limits { handshake: Duration::from_millis(100), ..Limits::default() };
    let house = House::with(echo(), 10, limits, Some(tls(&authority, None)));
    callers(async {
        for begun in [&b""[..], b"\x16\x03\x01\x01\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
            let mut stream = house.tcp().await;
            stream.write_all(begun).await.unwrap();
            let mut rest = Vec::new();
            let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("it is closed");
        }
        // TLS done, and then no preface.
        let stream = house.tcp().await;
        let mut stream = connector(&authority, None).connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap();
        let mut rest = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await.expect("it is closed");
        comes(|| house.connections() == 0).await;
    });
}

#[test]
fn certificates_that_are_no_good_are_told_before_the_start() {
    let authority = Authority::new();
    let (good, other) = (tls(&authority, None), tls(&authority, None));
    let wrong = [
        Tls { certificate: b"nothing".to_vec(), ..good.clone() },
        Tls { key: b"nothing".to_vec(), ..good.clone() },
        Tls { key: other.key, ..good.clone() },
        Tls { client_ca: Some(Vec::new()), ..good },
    ];
    for tls in wrong {
        let settings = Settings {
            listen: "127.0.0.1:0".into(),
            shares_port: false,
            inner: None,
            backend: "nowhere".into(),
            methods: Vec::new(),
            tls: Some(tls),
            limits: Limits::default(),
            canned: croupier_front::status::Canned::plain(),
            latency_bounds_us: Vec::new(),
        };
        assert_eq!(FrontDoor::bind(settings).err().unwrap().kind(), std::io::ErrorKind::InvalidInput);
    }
}
