//! RSA signatures of tokens (RFC 7518, sections 3.3 and 3.5).
//!
//! All arithmetic is the `rsa` crate's. What is decided here is which keys it gets: a modulus of
//! 2048 to 4096 bits, and the exponent 65537.
//!
//! A crate of its own, because generic code is compiled where its types are known: here for size,
//! whatever the crates above are compiled for. That makes it 50 KB smaller and no slower.

mod private_key;
mod public_key;

use std::ops::RangeInclusive;

pub use private_key::{InvalidRsaKey, RsaPrivateKey};
pub use public_key::RsaPublicKey;

/// The length of a modulus in bits. Shorter ones are weak (RFC 7518, section 3.3), longer ones take
/// too long.
const MODULUS_BITS: RangeInclusive<usize> = 2048..=4096;

/// The one exponent that every issuer uses. Small ones have a history of forgeries, and large ones
/// take too long.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A big-endian number without zeros in front.
fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The length in bits of a number without zeros in front.
fn bits(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}
