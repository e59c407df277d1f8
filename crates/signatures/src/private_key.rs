//! Keys that sign.

use std::{convert::Infallible, error::Error, fmt};

use doorward_core::host::Random;
use rsa::{
    BoxedUint, PrivateKey,
    rand_core::{TryCryptoRng, TryRng},
};
use sha2::Sha256;

use crate::{EXPONENT, MODULUS_BITS, bits, without_zeros};

/// A private key of RSA with two primes (RFC 8017, section 3.2). It has no `Debug`.
///
/// When it is dropped, `rsa` 0.10 overwrites the exponent and the primes, but not all that it made
/// of them: `qinv` holds a prime, and so do copies from reading and using the key.
///
/// Signing takes constant time. The base, the exponents and the moduli are blinded besides, and a
/// signature is checked before it leaves: one with a fault in it would reveal the primes.
#[derive(Clone)]
pub struct RsaPrivateKey(PrivateKey);

/// Why numbers are not a private key that is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvalidRsaKey {
    /// The public exponent is not 65537.
    Exponent,
    /// The modulus is outside 2048 to 4096 bits.
    Length,
    /// The numbers do not belong together.
    Numbers,
}

impl fmt::Display for InvalidRsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Exponent => "the public exponent is not 65537",
            Self::Length => "the modulus has not 2048 to 4096 bits",
            Self::Numbers => "the numbers do not belong together",
        })
    }
}

impl Error for InvalidRsaKey {}

impl RsaPrivateKey {
    /// From the modulus, the public and the private exponent, and two primes: big-endian, with or
    /// without zeros in front. How much room the secret ones take depends on the modulus alone.
    ///
    /// # Errors
    ///
    /// Returns what is wrong with them. Whether the primes are primes shows when a signature is
    /// checked: a key with others signs nothing.
    #[inline(never)]
    pub fn new(numbers: [&[u8]; 5]) -> Result<Self, InvalidRsaKey> {
        let [n, e, d, p, q] = numbers.map(without_zeros);
        if !MODULUS_BITS.contains(&bits(n)) {
            return Err(InvalidRsaKey::Length);
        }
        if e != EXPONENT {
            return Err(InvalidRsaKey::Exponent);
        }
        let key = || {
            let width = u32::try_from(n.len()).ok()?.checked_mul(8)?;
            let number = |bytes| BoxedUint::from_be_slice(bytes, width).ok();
            let primes = vec![number(p)?, number(q)?];
            PrivateKey::from_components(number(n)?, number(e)?, number(d)?, primes).ok()
        };
        key().map(Self).ok_or(InvalidRsaKey::Numbers)
    }

    /// The RSASSA-PKCS1-v1_5 signature of a message, with SHA-256. `None` if the key is faulty.
    #[inline(never)]
    #[must_use]
    pub fn sign_rs256(&self, random: &dyn Random, message: &[u8]) -> Option<Vec<u8>> {
        self.0.pkcs1v15_sign_with_rng::<Sha256, _>(&mut HostRandom(random), message).ok()
    }

    /// An RSASSA-PSS signature of a message, with SHA-256 throughout and a salt of 32 bytes. `None`
    /// if the key is faulty.
    #[inline(never)]
    #[must_use]
    pub fn sign_ps256(&self, random: &dyn Random, message: &[u8]) -> Option<Vec<u8>> {
        self.0.pss_sign_with_rng::<Sha256, _>(&mut HostRandom(random), message).ok()
    }
}

/// The random numbers of the host, for salts and blinding.
struct HostRandom<'a>(&'a dyn Random);

impl TryRng for HostRandom<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(bytes);
        Ok(())
    }
}

impl TryCryptoRng for HostRandom<'_> {}

#[cfg(test)]
mod tests;
