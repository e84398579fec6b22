//! TLS at the door: its own certificate and, where it is asked for, the callers'.

use crate::x509;
use std::{io, sync::Arc};
use tokio_rustls::{
    rustls::{
        crypto::ring,
        pki_types::{pem::PemObject, CertificateDer, PrivateKeyDer},
        server::WebPkiClientVerifier,
        RootCertStore, ServerConfig, ServerConnection,
    },
    TlsAcceptor,
};

/// Certificates and keys, as PEM.
#[derive(Clone)]
pub struct Tls {
    /// The chain, own certificate first.
    pub certificate: Vec<u8>,
    /// The own certificate's private key.
    pub key: Vec<u8>,
    /// Callers must show a certificate that one of these has signed; None: callers show none.
    pub client_ca: Option<Vec<u8>>,
}

/// What takes TLS connections.
///
/// # Errors
/// `InvalidInput` with what is wrong with the certificates.
pub(crate) fn acceptor(tls: &Tls) -> io::Result<TlsAcceptor> {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().map_err(invalid)?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(pem)? {
                roots.add(certificate).map_err(invalid)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(invalid)?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_slice(&tls.key).map_err(|error| invalid(format!("the private key: {error}")))?;
    let mut config = builder.with_single_cert(certificates(&tls.certificate)?, key).map_err(invalid)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The common name of the caller's certificate, which was checked; empty where it showed none.
pub(crate) fn common_name(connection: &ServerConnection) -> String {
    let own = connection.peer_certificates().and_then(|chain| chain.first());
    own.and_then(|certificate| x509::common_name(certificate)).unwrap_or_default().to_owned()
}

fn certificates(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if found.is_empty() => Err(invalid("no certificate is in the file")),
        Ok(found) => Ok(found),
        Err(error) => Err(invalid(format!("a certificate: {error}"))),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as map_err gives it")]
fn invalid(error: impl ToString) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error.to_string())
}
