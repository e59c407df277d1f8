//! RSA signatures (RFC 8017, section 8). Verifying one is most of what a token costs that is new.
//!
//! A crate of its own, so that its arithmetic is compiled for speed, in development too, and
//! compared with another implementation by itself.
//!
//! Whoever verifies has nothing to hide: the key, the signature and what was signed are public, and
//! nothing has to take the same time for all of them. Signing is another matter, and has arithmetic
//! of its own.

mod digits;
mod montgomery;
mod private_key;
mod pss;
mod residues;

use std::ops::RangeInclusive;

use digits::{bytes, number};
use montgomery::Montgomery;
pub use private_key::{KeyProblem, PrivateKey};

/// The shortest and the longest modulus, in bytes.
const BYTES: RangeInclusive<usize> = 256..=512;

// A square, and what its reduction adds: so many products come together in one digit of the longest
// modulus.
const _: () =
    assert!(2 * (*BYTES.end() * 8).div_ceil(digits::BITS as usize) < digits::MOST_PRODUCTS);

/// A public key with the exponent 65537.
#[derive(Clone, Debug)]
pub struct PublicKey {
    modulus: Montgomery,
    /// The length of the modulus, and so of a signature, in bytes.
    length: usize,
}

/// The hash function that a message was signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Hash {
    /// `DigestInfo` in DER up to the digest itself (RFC 8017, section 9.2, note 1).
    fn prefix(self) -> &'static [u8] {
        match self {
            Self::Sha256 => {
                b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
            }
            Self::Sha512 => {
                b"\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"
            }
        }
    }

    /// The length of a digest in bytes.
    fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl PublicKey {
    /// The key with this modulus, big-endian, with or without zeros in front. There is none unless
    /// it is odd and has 2048 to 4096 bits.
    #[must_use]
    pub fn new(modulus: &[u8]) -> Option<Self> {
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let modulus = modulus.get(zeros..)?;
        let length = modulus.len();
        let is_weak = length == *BYTES.start() && modulus.first()? & 0x80 == 0;
        if is_weak || !BYTES.contains(&length) {
            return None;
        }
        Some(Self { modulus: Montgomery::new(number(modulus))?, length })
    }

    /// Whether this is the RSASSA-PKCS1-v1_5 signature (RFC 8017, section 8.2.2) of a message with
    /// this digest.
    ///
    /// The padding is not taken apart: the signature has to open to the one encoding that there is.
    #[must_use]
    pub fn verifies(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = self.encoded(hash, digest) else { return false };
        self.open(signature) == Some(encoded)
    }

    /// Whether this is an RSASSA-PSS signature (RFC 8017, section 8.1.2) of a message with this
    /// digest, as PS256 has it (RFC 7518, section 3.5): with SHA-256 throughout, and a salt of 32
    /// bytes.
    #[must_use]
    pub fn verifies_pss(&self, digest: &[u8; 32], signature: &[u8]) -> bool {
        self.open(signature)
            .is_some_and(|opened| pss::encodes(&opened, digest, self.modulus.bits()))
    }

    /// What a signature opens to, in as many bytes as the modulus has (RSAVP1, RFC 8017, section
    /// 5.2.2). A signature has as many too, and is a number below the modulus.
    fn open(&self, signature: &[u8]) -> Option<Vec<u8>> {
        if signature.len() != self.length {
            return None;
        }
        let opened = self.modulus.to_the_65537th(number(signature))?;
        Some(bytes(&opened, self.length))
    }

    /// EMSA-PKCS1-v1_5 (RFC 8017, section 9.2): `00 01 FF … FF 00`, the hash function, and the
    /// digest.
    fn encoded(&self, hash: Hash, digest: &[u8]) -> Option<Vec<u8>> {
        let (prefix, length) = (hash.prefix(), hash.length());
        let padding = self.length.checked_sub(prefix.len() + length + 3)?;
        if digest.len() != length {
            return None;
        }
        let mut encoded = Vec::with_capacity(self.length);
        encoded.extend_from_slice(&[0, 1]);
        encoded.resize(padding + 2, 0xff);
        encoded.push(0);
        encoded.extend_from_slice(prefix);
        encoded.extend_from_slice(digest);
        Some(encoded)
    }
}

#[cfg(test)]
mod tests;
