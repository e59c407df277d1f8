//! EMSA-PSS (RFC 8017, section 9.1) as PS256 has it (RFC 7518, section 3.5): SHA-256, MGF1 with
//! SHA-256, and a salt that is as long as the digest.

use sha2::{Digest, Sha256};

/// The length of a digest, and so of a salt, in bytes.
const LENGTH: usize = 32;

/// The last byte of every encoding.
const TRAILER: u8 = 0xbc;

/// EMSA-PSS-ENCODE (section 9.1.1) for a modulus of so many bits, in as many bytes as the modulus
/// has.
pub(crate) fn encode(digest: &[u8], salt: &[u8], modulus_bits: usize) -> Option<Vec<u8>> {
    let length = modulus_bits.div_ceil(8);
    let hash = sha256(&[&[0; 8], digest, salt]);
    let mut encoded = Vec::with_capacity(length);
    encoded.resize(length.checked_sub(2 * LENGTH + 2)?, 0);
    encoded.push(1);
    encoded.extend_from_slice(salt);
    mask(&mut encoded, &hash, modulus_bits)?;
    encoded.extend_from_slice(&hash);
    encoded.push(TRAILER);
    Some(encoded)
}

/// Whether this is an encoding of the digest (EMSA-PSS-VERIFY, section 9.1.2), as long as the
/// modulus.
///
/// Only the salt is taken from it: with that, there is one encoding, and this has to be it in every
/// bit.
pub(crate) fn encodes(encoded: &[u8], digest: &[u8], modulus_bits: usize) -> bool {
    salt(encoded, modulus_bits)
        .and_then(|salt| encode(digest, &salt, modulus_bits))
        .is_some_and(|expected| expected == encoded)
}

/// The salt, which ends what is masked.
fn salt(encoded: &[u8], modulus_bits: usize) -> Option<Vec<u8>> {
    let (masked, rest) = encoded.split_at_checked(encoded.len().checked_sub(LENGTH + 1)?)?;
    let mut block = masked.to_vec();
    mask(&mut block, rest.get(..LENGTH)?, modulus_bits)?;
    Some(block.split_off(block.len().checked_sub(LENGTH)?))
}

/// Puts the mask on the block, or takes it off, and clears the bits in front that are too many: the
/// encoding has one bit less than the modulus, and so there may be a whole byte in front of it.
fn mask(block: &mut [u8], hash: &[u8], modulus_bits: usize) -> Option<()> {
    let bits = modulus_bits.checked_sub(1)?;
    let length = modulus_bits.div_ceil(8);
    // MGF1 (appendix B.2.1).
    let masks = (0_u32..).flat_map(|counter| sha256(&[hash, &counter.to_be_bytes()]));
    let in_front = length - bits.div_ceil(8);
    block.iter_mut().skip(in_front).zip(masks).for_each(|(byte, mask)| *byte ^= mask);
    let too_many = u32::try_from(length * 8 - bits).ok()?;
    let first = block.first_mut()?;
    *first &= u8::MAX.checked_shr(too_many).unwrap_or(0);
    Some(())
}

/// Not inlined, since hashing is fast enough and its code is large.
#[inline(never)]
fn sha256(parts: &[&[u8]]) -> [u8; LENGTH] {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

#[cfg(test)]
mod tests;
