//! Keys that verify.

use std::cell::OnceCell;

use rsa::{BoxedUint, PublicKey};
use sha2::{Sha256, Sha512};

use crate::{EXPONENT, MODULUS_BITS, bits, without_zeros};

/// A public key of RSA.
#[derive(Clone, Debug)]
pub struct RsaPublicKey {
    /// Big-endian, without zeros in front.
    modulus: Box<[u8]>,
    /// Made when it first verifies something: preparing it takes a twelfth of that time, and a set
    /// has more keys than the one that signs.
    prepared: OnceCell<Option<PublicKey>>,
}

impl RsaPublicKey {
    /// The key with these big-endian numbers. `None` unless the modulus is odd and has 2048 to 4096
    /// bits, and the exponent is 65537. The modulus may have zeros in front.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let modulus = without_zeros(modulus);
        let is_odd = modulus.last()? & 1 == 1;
        let is_accepted = is_odd && MODULUS_BITS.contains(&bits(modulus)) && exponent == EXPONENT;
        is_accepted.then(|| Self { modulus: modulus.into(), prepared: OnceCell::new() })
    }

    /// The modulus, big-endian and without zeros in front. The exponent is always the same.
    #[must_use]
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// Whether this is the RSASSA-PKCS1-v1_5 signature of a message, with SHA-256.
    #[inline(never)]
    #[must_use]
    pub fn verifies_rs256(&self, message: &[u8], signature: &[u8]) -> bool {
        self.prepared().is_some_and(|key| key.pkcs1v15_verify::<Sha256>(message, signature).is_ok())
    }

    /// Whether this is the RSASSA-PKCS1-v1_5 signature of a message, with SHA-512.
    #[inline(never)]
    #[must_use]
    pub fn verifies_rs512(&self, message: &[u8], signature: &[u8]) -> bool {
        self.prepared().is_some_and(|key| key.pkcs1v15_verify::<Sha512>(message, signature).is_ok())
    }

    /// Whether this is an RSASSA-PSS signature of a message, with SHA-256 throughout and a salt of
    /// 32 bytes.
    #[inline(never)]
    #[must_use]
    pub fn verifies_ps256(&self, message: &[u8], signature: &[u8]) -> bool {
        self.prepared().is_some_and(|key| key.pss_verify::<Sha256>(message, signature).is_ok())
    }

    fn prepared(&self) -> Option<&PublicKey> {
        let prepare = || {
            let number = BoxedUint::from_be_slice_vartime;
            PublicKey::new(number(&self.modulus), number(&EXPONENT)).ok()
        };
        self.prepared.get_or_init(prepare).as_ref()
    }
}
