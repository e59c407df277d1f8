//! Signing with RSA (RFC 8017). The library's own private keys bring 30 KiB of arithmetic that a key in PKCS#8, which has
//! all its numbers, does not need: what is left are two powers and a padding.
//!
//! Each power is taken with a random multiple of the group's order in its exponent, so that no two signatures do the same
//! work; and each signature is checked before it leaves, since one with a fault in it would tell the primes.

use rsa::BigUint;
use sha2::{Digest, Sha256};

use super::AssertionAlgorithm;
use crate::host::Random;

/// `DigestInfo` of SHA-256 in front of the digest (RFC 8017, section 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05,
    0x00, 0x04, 0x20,
];

const DIGEST_BYTES: usize = 32;

/// The numbers of a private key with two primes (RFC 8017, section 3.2).
#[derive(Clone)]
pub(super) struct RsaKey {
    n: BigUint,
    e: BigUint,
    p: BigUint,
    q: BigUint,
    dp: BigUint,
    dq: BigUint,
    q_inverse: BigUint,
}

impl RsaKey {
    /// From the numbers in the order in which `RSAPrivateKey` has them; none if they are not those of one key.
    pub(super) fn new(numbers: [&[u8]; 8]) -> Option<Self> {
        let [n, e, _, p, q, dp, dq, q_inverse] = numbers.map(BigUint::from_bytes_be);
        let key = Self { n, e, p, q, dp, dq, q_inverse };
        (&key.p * &key.q == key.n).then_some(key)
    }

    /// The length of the modulus.
    pub(super) fn bits(&self) -> usize {
        self.n.bits()
    }

    /// A signature with RSASSA-PSS, or else RSASSA-PKCS1-v1_5, and SHA-256.
    pub(super) fn sign(
        &self,
        random: &dyn Random,
        algorithm: AssertionAlgorithm,
        message: &[u8],
    ) -> Option<Vec<u8>> {
        let digest = Sha256::digest(message);
        let length = self.bits().div_ceil(8);
        let encoded = match algorithm {
            AssertionAlgorithm::Ps256 => {
                let mut salt = [0; DIGEST_BYTES];
                random.fill(&mut salt);
                pss(&digest, &salt, self.bits().checked_sub(1)?)?
            }
            _ => pkcs1(&digest, length)?,
        };
        let encoded = BigUint::from_bytes_be(&encoded);
        let signature = self.power(random, &encoded);
        if signature.modpow(&self.e, &self.n) != encoded {
            return None;
        }
        let bytes = signature.to_bytes_be();
        let mut padded = vec![0; length.checked_sub(bytes.len())?];
        padded.extend_from_slice(&bytes);
        Some(padded)
    }

    /// `message` to the power of the private exponent (section 5.1.2, 2.b).
    fn power(&self, random: &dyn Random, message: &BigUint) -> BigUint {
        let one = BigUint::from(1_u8);
        let power = |prime: &BigUint, exponent: &BigUint| {
            let mut factor = [0; 8];
            random.fill(&mut factor);
            let order = prime - &one;
            let blinded = exponent + order * BigUint::from(u64::from_le_bytes(factor));
            (message % prime).modpow(&blinded, prime)
        };
        let (of_p, of_q) = (power(&self.p, &self.dp), power(&self.q, &self.dq));
        let difference = of_p + &self.p - (&of_q % &self.p);
        let h = difference * &self.q_inverse % &self.p;
        of_q + h * &self.q
    }
}

/// EMSA-PKCS1-v1_5 (section 9.2).
fn pkcs1(digest: &[u8], length: usize) -> Option<Vec<u8>> {
    let filled = length.checked_sub(DIGEST_INFO.len() + DIGEST_BYTES + 3)?;
    let mut encoded = vec![0, 1];
    encoded.resize(filled.checked_add(2)?, 0xff);
    encoded.push(0);
    encoded.extend_from_slice(&DIGEST_INFO);
    encoded.extend_from_slice(digest);
    Some(encoded)
}

/// EMSA-PSS with a salt as long as the digest (section 9.1.1; RFC 7518, section 3.5), in so many bits.
fn pss(digest: &[u8], salt: &[u8], bits: usize) -> Option<Vec<u8>> {
    let length = bits.div_ceil(8);
    let block = length.checked_sub(DIGEST_BYTES + 1)?;
    let hash =
        Sha256::new().chain_update([0; 8]).chain_update(digest).chain_update(salt).finalize();
    let mut encoded = vec![0; block.checked_sub(DIGEST_BYTES + 1)?];
    encoded.push(1);
    encoded.extend_from_slice(salt);
    // MGF1 (appendix B.2.1).
    let masks = (0_u32..).flat_map(|counter| {
        Sha256::new().chain_update(hash).chain_update(counter.to_be_bytes()).finalize()
    });
    encoded.iter_mut().zip(masks).for_each(|(byte, mask)| *byte ^= mask);
    let unused = length.checked_mul(8)?.checked_sub(bits)?;
    if let Some(first) = encoded.first_mut() {
        *first &= 0xff_u8.checked_shr(u32::try_from(unused).ok()?)?;
    }
    encoded.extend_from_slice(&hash);
    encoded.push(0xbc);
    Some(encoded)
}
