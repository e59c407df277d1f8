//! RSASSA-PKCS1-v1_5 verification (RFC 8017, section 8.2.2), which is most of what a token costs that is new.
//!
//! A crate of its own, because it is compiled for speed: generic arithmetic is compiled with the crate that uses it, and
//! the rest of the component is compiled for size. The arithmetic is that of `crypto-bigint`, which P-256 uses as well.
//!
//! Everything here is public: the key, the signature and what was signed. Nothing has to take the same time for all of
//! them.

mod montgomery;

use crypto_bigint::{U2048, U4096, Uint};

use montgomery::{Montgomery, number};

/// A public key with the exponent 65537, and what can be computed of it once.
#[derive(Clone, Debug)]
pub struct PublicKey {
    modulus: Modulus,
    /// The length of the modulus, and so of a signature, in bytes.
    length: usize,
}

/// A modulus, in as many words as it needs. Each size is code of its own, so there are two.
#[derive(Clone, Debug)]
enum Modulus {
    Upto2048(Box<Montgomery<{ U2048::LIMBS }>>),
    Upto4096(Box<Montgomery<{ U4096::LIMBS }>>),
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
    /// The key with this modulus, big-endian, with or without zeros in front. There is none unless it is odd and has 2048
    /// to 4096 bits.
    #[must_use]
    pub fn new(modulus: &[u8]) -> Option<Self> {
        let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
        let modulus = modulus.get(zeros..)?;
        let length = modulus.len();
        let is_short = length <= U2048::BYTES;
        if length < U2048::BYTES || (is_short && modulus.first()? & 0x80 == 0) {
            return None;
        }
        let modulus = if is_short {
            Modulus::Upto2048(Box::new(Montgomery::new(number(modulus)?)?))
        } else {
            Modulus::Upto4096(Box::new(Montgomery::new(number(modulus)?)?))
        };
        Some(Self { modulus, length })
    }

    /// Whether this is the signature of a message with this digest.
    ///
    /// The padding is not taken apart: the signature has to open to the one encoding that there is.
    #[must_use]
    pub fn verifies(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        let Some(encoded) = self.encoded(hash, digest) else { return false };
        if signature.len() != self.length {
            return false;
        }
        match &self.modulus {
            Modulus::Upto2048(modulus) => opens_to(modulus, signature, &encoded),
            Modulus::Upto4096(modulus) => opens_to(modulus, signature, &encoded),
        }
    }

    /// EMSA-PKCS1-v1_5 (RFC 8017, section 9.2): `00 01 FF … FF 00`, the hash function, and the digest.
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

/// Whether the signature is a number below the modulus (RSAVP1, RFC 8017, section 5.2.2) that opens to the encoding.
fn opens_to<const LIMBS: usize>(
    modulus: &Montgomery<LIMBS>,
    signature: &[u8],
    encoded: &[u8],
) -> bool {
    let opened: Option<Uint<LIMBS>> =
        number(signature).and_then(|signature| modulus.to_the_65537th(&signature));
    opened.is_some_and(|opened| number(encoded) == Some(opened))
}

#[cfg(test)]
mod tests;
