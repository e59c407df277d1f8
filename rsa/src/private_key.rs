//! Signing (RFC 8017, sections 8.1.1 and 8.2.1).
//!
//! The arithmetic ([`residues`](crate::residues)) takes the same time whatever the secret numbers
//! of a length are, so nothing is left for blinding to hide.
//!
//! Each signature is checked before it leaves. One with a fault in it would tell the primes.

use crypto_bigint::{Integer, Limb, U2048};

use crate::{
    Hash, PublicKey, pss,
    residues::{Residues, number},
};

/// The only public exponent that there is, here as for public keys.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A private key with two primes (RFC 8017, section 3.2). It has no `Debug`.
#[derive(Clone)]
pub struct PrivateKey {
    modulus: Vec<u8>,
    p: Factor,
    q: Factor,
    q_inverse: U2048,
}

/// A prime and its exponent. One size has room for the primes of every key.
#[derive(Clone)]
struct Factor {
    prime: U2048,
    exponent: U2048,
}

/// What is wrong with numbers that are no private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyProblem {
    /// The modulus has not 2048 to 4096 bits.
    Length,
    /// The public exponent is not 65537.
    Exponent,
    /// They do not belong together.
    Numbers,
}

impl PrivateKey {
    /// From big-endian numbers in the order in which `RSAPrivateKey` has them (RFC 8017, appendix
    /// A.1.2), with or without zeros in front.
    ///
    /// # Errors
    ///
    /// What is wrong with them. That the exponents and the inverse are those of the primes only
    /// shows when a signature is checked: a key with others signs nothing.
    pub fn new(numbers: [&[u8]; 8]) -> Result<Self, KeyProblem> {
        let [n, e, _, p, q, dp, dq, q_inverse] = numbers.map(without_zeros);
        let bits = n.first().map_or(0, |first| n.len() * 8 - first.leading_zeros() as usize);
        if !(2048..=4096).contains(&bits) {
            return Err(KeyProblem::Length);
        }
        if *e != EXPONENT {
            return Err(KeyProblem::Exponent);
        }
        let key = || {
            let (p, q) = (Factor::new(p, dp)?, Factor::new(q, dq)?);
            let is_product = bytes(&p.prime.mul_wide(&q.prime), n.len()).as_deref() == Some(n);
            let q_inverse = number(q_inverse).filter(|inverse| *inverse < p.prime)?;
            is_product.then(|| Self { modulus: n.to_vec(), p, q, q_inverse })
        };
        key().ok_or(KeyProblem::Numbers)
    }

    /// A signature with RSASSA-PKCS1-v1_5 and SHA-256 of a message with this digest. There is none
    /// with a faulty key.
    #[must_use]
    pub fn sign_pkcs1(&self, digest: &[u8; 32]) -> Option<Vec<u8>> {
        let public = PublicKey::new(&self.modulus)?;
        let encoded = public.encoded(Hash::Sha256, digest)?;
        self.sign(&public, &encoded)
    }

    /// A signature with RSASSA-PSS, SHA-256 and this salt, which has to be random, of a message
    /// with this digest. There is none with a faulty key.
    #[must_use]
    pub fn sign_pss(&self, digest: &[u8; 32], salt: &[u8; 32]) -> Option<Vec<u8>> {
        let public = PublicKey::new(&self.modulus)?;
        let encoded = pss::encode(digest, salt, public.modulus.bits())?;
        self.sign(&public, &encoded)
    }

    /// RSASP1 (section 5.2.1) of an encoding, which is as long as the modulus and below it.
    fn sign(&self, public: &PublicKey, encoded: &[u8]) -> Option<Vec<u8>> {
        let (high, low) = encoded.split_at_checked(encoded.len().checked_sub(U2048::BYTES)?)?;
        let message = (number(low)?, number(high)?);
        let p = Residues::new(self.p.prime)?;
        let q = Residues::new(self.q.prime)?;
        let of_p = self.p.power(&p, &message);
        let of_q = q.leave(&self.q.power(&q, &message));
        // Section 5.1.2, 2.b: the one number below the modulus that is both.
        let difference = p.subtract(&of_p, &p.enter(&of_q));
        let h = p.multiply(&difference, &self.q_inverse);
        let (low, high) = h.mul_wide(&self.q.prime);
        let (low, carry) = low.adc(&of_q, Limb::ZERO);
        let (high, _) = high.adc(&U2048::ZERO, carry);
        let signature = bytes(&(low, high), encoded.len())?;
        (public.open(&signature)? == encoded).then_some(signature)
    }
}

impl Factor {
    /// A prime is odd, its exponent is below it, and neither is zero.
    fn new(prime: &[u8], exponent: &[u8]) -> Option<Self> {
        let (prime, exponent) = (number(prime)?, number(exponent)?);
        let is_one = bool::from(prime.is_odd()) && exponent > U2048::ZERO && exponent < prime;
        is_one.then_some(Self { prime, exponent })
    }

    /// The message, which has to be below the prime times 2^2048, to the power of the exponent, in
    /// Montgomery's form.
    fn power(&self, residues: &Residues, message: &(U2048, U2048)) -> U2048 {
        // The reduction divides by R, and to enter multiplies with it: after two of them it is in
        // Montgomery's form.
        let base = residues.enter(&residues.enter(&residues.reduce(message)));
        residues.power(&base, &self.exponent)
    }
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// A number in so many bytes, big end first, if there is room for it.
fn bytes((low, high): &(U2048, U2048), length: usize) -> Option<Vec<u8>> {
    let words = high.as_words().iter().rev().chain(low.as_words().iter().rev());
    let all: Vec<u8> = words.flat_map(|word| word.to_be_bytes()).collect();
    let (zeros, bytes) = all.split_at_checked(all.len().checked_sub(length)?)?;
    zeros.iter().all(|zero| *zero == 0).then(|| bytes.to_vec())
}

#[cfg(test)]
mod tests;
