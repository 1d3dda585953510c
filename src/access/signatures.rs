//! Who checks a token's signature?
//!
//! `jsonwebtoken` leaves that to a provider; its own are not in this tree (one brings a second
//! TLS library's cryptography, the other an RSA with a known weakness), so ring does it, which
//! rustls uses too. Only checking: nothing here can sign, and nothing knows a shared secret.

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(ErrorKind::UnsupportedAlgorithm.into()),
    verifier_factory: verifier,
    key_utils: KeyUtils::new_unimplemented(),
};

/// Makes ring the one that checks; a second time it does nothing.
pub(super) fn install() {
    let _ = PROVIDER.install_default();
}

enum Key {
    Rsa { parameters: &'static RsaParameters, n: Vec<u8>, e: Vec<u8> },
    Curve { kind: &'static dyn VerificationAlgorithm, bytes: Vec<u8> },
}

struct Checker {
    algorithm: Algorithm,
    key: Key,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the library's own signature")]
/// Puts a key to the algorithm that a token names; one of another family does not fit.
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    let rsa = |parameters| match key.kind() {
        DecodingKeyKind::RsaModulusExponent { n, e } => Ok(Key::Rsa { parameters, n: n.clone(), e: e.clone() }),
        DecodingKeyKind::SecretOrDer(_) => Err(ErrorKind::InvalidKeyFormat),
    };
    let curve = |kind: &'static dyn VerificationAlgorithm| match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) if key.family() == algorithm.family() => {
            Ok(Key::Curve { kind, bytes: bytes.clone() })
        }
        _ => Err(ErrorKind::InvalidKeyFormat),
    };
    let key = match algorithm {
        Algorithm::RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => rsa(&RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => rsa(&RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => rsa(&RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => rsa(&RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => curve(&ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => curve(&ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => curve(&ED25519),
        _ => Err(ErrorKind::UnsupportedAlgorithm),
    }?;
    Ok(Box::new(Checker { algorithm: *algorithm, key }))
}

impl Verifier<Vec<u8>> for Checker {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), Error> {
        let checked = match &self.key {
            Key::Rsa { parameters, n, e } => RsaPublicKeyComponents { n, e }.verify(parameters, message, signature),
            Key::Curve { kind, bytes } => UnparsedPublicKey::new(*kind, bytes).verify(message, signature),
        };
        checked.map_err(|_| Error::new())
    }
}

impl JwtVerifier for Checker {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}
