use std::sync::OnceLock;

use rand::{Rng, SeedableRng, rngs::StdRng};
use rsa::{
    BigUint, Pkcs1v15Sign, RsaPrivateKey, RsaPublicKey,
    sha2::{Digest, Sha256, Sha512},
    traits::PublicKeyParts,
};

use super::*;

/// A key of each usual size, and one whose highest byte is a single bit: its encodings for PSS are
/// a byte shorter.
pub(crate) fn keys() -> &'static [RsaPrivateKey; 4] {
    static KEYS: OnceLock<[RsaPrivateKey; 4]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut random = StdRng::seed_from_u64(8017);
        [2048, 2049, 3072, 4096].map(|bits| RsaPrivateKey::new(&mut random, bits).unwrap())
    })
}

/// A number in so many bytes.
pub(crate) fn padded(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    [vec![0; length - bytes.len()], bytes].concat()
}

/// What this crate and the other one think of a signature.
fn verdicts(key: &RsaPrivateKey, hash: Hash, digest: &[u8], signature: &[u8]) -> (bool, bool) {
    let theirs = RsaPublicKey::from(key);
    let ours = PublicKey::new(&theirs.n().to_bytes_be()).unwrap();
    (ours.verifies(hash, digest, signature), theirs.verify(scheme(hash), digest, signature).is_ok())
}

fn scheme(hash: Hash) -> Pkcs1v15Sign {
    match hash {
        Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
        Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
    }
}

fn digest(hash: Hash, message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => Sha256::digest(message).to_vec(),
        Hash::Sha512 => Sha512::digest(message).to_vec(),
    }
}

#[test]
fn the_verdict_is_that_of_the_rsa_crate_whatever_was_done_to_a_signature() {
    let mut random = StdRng::seed_from_u64(1);
    for key in keys() {
        let bits = key.n().bits();
        for round in 0..25 {
            let hash = if round % 2 == 0 { Hash::Sha256 } else { Hash::Sha512 };
            let message: Vec<u8> = (0..random.gen_range(0..300)).map(|_| random.r#gen()).collect();
            let digest = digest(hash, &message);
            let good = key.sign(scheme(hash), &digest).unwrap();
            assert_eq!(verdicts(key, hash, &digest, &good), (true, true), "{bits} bits");

            let mut flipped = good.clone();
            flipped[random.gen_range(0..good.len())] ^= 1 << random.gen_range(0..8);
            let noise: Vec<u8> = good.iter().map(|_| random.r#gen()).collect();
            let mut other = digest.clone();
            other[random.gen_range(0..digest.len())] ^= 1 << random.gen_range(0..8);
            let shorter = &good[random.gen_range(1..good.len())..];
            for (digest, signature) in [
                (&digest, flipped.as_slice()),
                (&digest, noise.as_slice()),
                (&digest, shorter),
                (&digest, &[&[0], good.as_slice()].concat()),
                (&digest, &[good.as_slice(), &[0]].concat()),
                (&digest, &[]),
                (&other, good.as_slice()),
            ] {
                assert_eq!(verdicts(key, hash, digest, signature), (false, false), "{bits} bits");
            }
            let wrong = if round % 2 == 0 { Hash::Sha512 } else { Hash::Sha256 };
            assert!(!verdicts(key, wrong, &digest, &good).0);
        }
    }
}

/// Numbers that leave the modular arithmetic little or nothing to reduce.
#[test]
fn the_ends_of_the_range_open_to_what_they_should() {
    for key in keys() {
        let (n, bits) = (key.n().clone(), key.n().bits());
        let one = BigUint::from(1u8);
        for number in [
            BigUint::from(0u8),
            one.clone(),
            BigUint::from(2u8),
            &n - 2u8,
            &n - 1u8,
            (&n - 1u8) / 2u8,
            &one << (bits - 1),
            (&one << (bits - 1)) - 1u8,
        ] {
            assert!(opens(&n, &number), "{bits} bits: {number:?}");
        }
    }
}

/// Whether a number opens to its power, whoever computes that.
fn opens(modulus: &BigUint, number: &BigUint) -> bool {
    let power = number.modpow(&BigUint::from(65_537u32), modulus);
    let key = PublicKey::new(&modulus.to_bytes_be()).unwrap();
    let length = modulus.bits().div_ceil(8);
    key.open(&padded(number, length)) == Some(padded(&power, length))
}

/// Moduli and numbers of long runs of ones and of zeros, which is where carries go far and guesses
/// are wrong.
#[test]
fn powers_are_right_whatever_the_digits() {
    let mut random = StdRng::seed_from_u64(2);
    let mut runs = |bits: usize| {
        let mut number = BigUint::from(1u8);
        while number.bits() < bits {
            let run = random.gen_range(1..100).min(bits - number.bits());
            number <<= run;
            if random.r#gen() {
                number += (BigUint::from(1u8) << run) - 1u8;
            }
        }
        number
    };
    for bits in (2048..=4096).step_by(27).chain([2049, 2560, 3072, 4095, 4096]) {
        let ones = (BigUint::from(1u8) << bits) - 1u8;
        let one_and_zeros = (BigUint::from(1u8) << (bits - 1)) + 1u8;
        for modulus in [&ones, &one_and_zeros, &(runs(bits - 1) * 2u8 + 1u8)] {
            for number in [modulus - 1u8, runs(bits) % modulus, runs(bits - 30)] {
                assert!(opens(modulus, &number), "{number:?} modulo {modulus:?}");
            }
        }
    }
}

#[test]
fn a_number_that_is_not_below_the_modulus_is_no_signature() {
    for key in keys() {
        let bits = key.n().bits();
        let digest = digest(Hash::Sha256, b"message");
        let signature = key.sign(scheme(Hash::Sha256), &digest).unwrap();
        // The same residue, and as long as the modulus where there is room for that.
        let above = BigUint::from_bytes_be(&signature) + key.n();
        let bytes = above.to_bytes_be();
        assert!(!verdicts(key, Hash::Sha256, &digest, &bytes).0, "{bits}");
        let itself = key.n().to_bytes_be();
        assert!(!verdicts(key, Hash::Sha256, &digest, &itself).0, "{bits}");
        assert!(!verdicts(key, Hash::Sha256, &digest, &vec![0xff; itself.len()]).0, "{bits}");
    }
}

#[test]
fn a_modulus_is_odd_and_has_2048_to_4096_bits() {
    let modulus = |bits: usize| {
        let mut bytes = vec![0xff; bits.div_ceil(8)];
        bytes[0] = 0xff >> (bytes.len() * 8 - bits);
        bytes
    };
    for bits in [2048, 2049, 2560, 3072, 4095, 4096] {
        assert!(PublicKey::new(&modulus(bits)).is_some(), "{bits}");
        assert!(PublicKey::new(&[vec![0, 0], modulus(bits)].concat()).is_some(), "{bits}");
        let mut even = modulus(bits);
        *even.last_mut().unwrap() = 0xfe;
        assert!(PublicKey::new(&even).is_none(), "{bits}");
    }
    for bits in [8, 512, 1024, 2047, 4097, 8192] {
        assert!(PublicKey::new(&modulus(bits)).is_none(), "{bits}");
        assert!(PublicKey::new(&[vec![0; 300], modulus(bits)].concat()).is_none(), "{bits}");
    }
    for nothing in [&[][..], &[0; 256], &[0; 512]] {
        assert!(PublicKey::new(nothing).is_none());
    }
}
