//! Verdicts on signatures, compared with those of another implementation: AWS-LC.

use std::sync::OnceLock;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use doorward_signatures::RsaPublicKey;
use jwt_compact::{Algorithm, AlgorithmSignature};
use p256::{
    ecdsa::{SigningKey, signature::Signer},
    elliptic_curve::Generate,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use rsa::{
    BoxedUint, PrivateKey, PublicKey as RsaKey,
    hazmat::{rsa_decrypt, rsa_encrypt},
    pss,
    signature::{RandomizedSigner, SignatureEncoding},
    traits::PublicKeyParts,
};
use sha2::{Sha256, Sha512};

use crate::{
    SignatureAlgorithm::{self, Es256, Ps256, Rs256, Rs512},
    algorithm::{PublicKey, Signature, Verifier},
};

const OF_RSA: [SignatureAlgorithm; 3] = [Ps256, Rs256, Rs512];

/// A key of each usual size, and one whose highest byte is a single bit: its encodings for PSS are
/// a byte shorter.
fn keys() -> &'static [PrivateKey; 4] {
    static KEYS: OnceLock<[PrivateKey; 4]> = OnceLock::new();
    KEYS.get_or_init(|| {
        let mut random = StdRng::seed_from_u64(8017);
        [2048, 2049, 3072, 4096].map(|bits| PrivateKey::new(&mut random, bits).unwrap())
    })
}

fn sign(key: &PrivateKey, algorithm: SignatureAlgorithm, message: &[u8]) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(7);
    match algorithm {
        Ps256 => key.pss_sign_with_rng::<Sha256, _>(&mut random, message),
        Rs256 => key.pkcs1v15_sign::<Sha256>(message),
        Rs512 => key.pkcs1v15_sign::<Sha512>(message),
        Es256 => panic!("not an algorithm of RSA"),
    }
    .unwrap()
}

/// The verdict on a signature, on which both implementations agree.
fn verifies(
    key: &impl PublicKeyParts,
    algorithm: SignatureAlgorithm,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let parameters = match algorithm {
        Ps256 => &RSA_PSS_2048_8192_SHA256,
        Rs256 => &RSA_PKCS1_2048_8192_SHA256,
        Rs512 => &RSA_PKCS1_2048_8192_SHA512,
        Es256 => panic!("not an algorithm of RSA"),
    };
    let (n, e) = (key.n_bytes(), key.e_bytes());
    let ours = PublicKey::Rsa(RsaPublicKey::new(&n, &e).unwrap());
    let theirs = RsaPublicKeyComponents { n, e };
    let theirs = theirs.verify(parameters, message, signature).is_ok();
    let signature = Signature::try_from_slice(signature).unwrap();
    let ours = Verifier(algorithm).verify_signature(&signature, &ours, message);
    assert_eq!(ours, theirs, "{algorithm:?} with {} bits", key.n().bit_width());
    ours
}

/// What opens to these bytes, if anything does.
fn signature_of(key: &PrivateKey, encoded: &[u8]) -> Option<Vec<u8>> {
    let encoded = BoxedUint::from_be_slice(encoded, key.n_bits_precision()).unwrap();
    let signature = rsa_decrypt(None::<&mut StdRng>, key, &encoded).ok()?;
    Some(padded(&signature, key.size()))
}

/// What a signature opens to, in as many bytes as the modulus has.
fn opened(key: &PrivateKey, signature: &[u8]) -> Vec<u8> {
    let signature = BoxedUint::from_be_slice(signature, key.n_bits_precision()).unwrap();
    padded(&rsa_encrypt(key, &signature).unwrap(), key.size())
}

fn padded(number: &BoxedUint, length: usize) -> Vec<u8> {
    let bytes = number.to_be_bytes_trimmed_vartime();
    [vec![0; length - bytes.len()], bytes.to_vec()].concat()
}

#[test]
fn a_good_signature_verifies_and_a_damaged_one_does_not() {
    let mut random = StdRng::seed_from_u64(1);
    for (key, round) in keys().iter().flat_map(|key| (0..12).map(move |round| (key, round))) {
        let algorithm = OF_RSA[round % OF_RSA.len()];
        let message: Vec<u8> = (0..random.random_range(1..300)).map(|_| random.random()).collect();
        let good = sign(key, algorithm, &message);
        assert!(verifies(key, algorithm, &message, &good));

        let mut flipped = good.clone();
        flipped[random.random_range(0..good.len())] ^= 1 << random.random_range(0..8);
        let noise: Vec<u8> = good.iter().map(|_| random.random()).collect();
        let mut other = message.clone();
        other[random.random_range(0..message.len())] ^= 1 << random.random_range(0..8);
        let shorter = &good[random.random_range(1..good.len())..];
        for (message, signature) in [
            (&message, flipped.as_slice()),
            (&message, noise.as_slice()),
            (&message, shorter),
            (&message, &[&[0], good.as_slice()].concat()),
            (&message, &[good.as_slice(), &[0]].concat()),
            (&message, &[]),
            (&other, good.as_slice()),
        ] {
            assert!(!verifies(key, algorithm, message, signature));
        }
        for other in OF_RSA.into_iter().filter(|other| *other != algorithm) {
            assert!(!verifies(key, other, &message, &good));
        }
    }
}

#[test]
fn a_number_that_is_not_below_the_modulus_is_no_signature() {
    for (key, algorithm) in keys().iter().flat_map(|key| OF_RSA.map(|it| (key, it))) {
        let signature = sign(key, algorithm, b"message");
        // The same residue, and as long as the modulus where there is room for that.
        let bits = key.n_bits_precision() + 64;
        let number = |bytes: &[u8]| BoxedUint::from_be_slice(bytes, bits).unwrap();
        let above = number(&signature).wrapping_add(number(&key.n_bytes()));
        for signature in [
            above.to_be_bytes_trimmed_vartime(),
            key.n_bytes(),
            vec![0xff; key.size()].into(),
            vec![0; key.size()].into(),
        ] {
            assert!(!verifies(key, algorithm, b"message", &signature));
        }
    }
}

#[test]
fn every_bit_of_an_encoding_counts() {
    for (key, algorithm) in keys()[..2].iter().flat_map(|key| OF_RSA.map(|it| (key, it))) {
        let good = opened(key, &sign(key, algorithm, b"message"));
        let signature = signature_of(key, &good).unwrap();
        assert!(verifies(key, algorithm, b"message", &signature));
        let length = good.len();
        // Of PSS: in front, in the padding, its last byte, the salt, the hash, the trailer. Of
        // PKCS1-v1_5: in front, in the padding, its end, the name of the hash function, the hash.
        let around = [0, 1, 2, 60, length - 84, length - 66, length - 65, length - 52, length - 33];
        for (at, bit) in
            around.into_iter().chain([length - 1]).flat_map(|at| [0, 3, 7].map(|bit| (at, bit)))
        {
            let mut wrong = good.clone();
            wrong[at] ^= 1 << bit;
            let Some(signature) = signature_of(key, &wrong) else { continue };
            assert!(!verifies(key, algorithm, b"message", &signature), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn the_padding_of_pss_is_zeros_and_a_one() {
    for key in keys() {
        let good = opened(key, &sign(key, Ps256, b"message"));
        let one = good.len() - 33 - 32 - 1;
        // Moves the one, as if the salt were longer or shorter, and takes it away.
        for flips in
            [vec![(one, 1)], vec![(one, 1), (one - 1, 1)], vec![(one - 1, 1)], vec![(one, 3)]]
        {
            let mut wrong = good.clone();
            flips.iter().for_each(|(at, bits)| wrong[*at] ^= bits);
            let signature = signature_of(key, &wrong).unwrap();
            assert!(!verifies(key, Ps256, b"message", &signature), "{flips:?}");
        }
    }
}

#[test]
fn a_salt_of_ps256_has_32_bytes() {
    let mut random = StdRng::seed_from_u64(10);
    for key in keys() {
        for length in [0, 1, 20, 31, 32, 33, 48, 64, key.size() - 34 - 1] {
            let signer = pss::SigningKey::<Sha256>::new_with_salt_len(key.clone(), length);
            let signature = signer.sign_with_rng(&mut random, b"message").to_vec();
            assert_eq!(verifies(key, Ps256, b"message", &signature), length == 32, "{length}");
        }
    }
}

/// A modulus that leaves the arithmetic little or nothing to reduce.
#[test]
fn strange_moduli_verify_nothing_and_trap_nothing() {
    for bits in [2048, 2049, 2560, 3071, 3072, 4095, 4096] {
        let ones = BoxedUint::max(bits);
        let one_and_zeros = BoxedUint::one_with_precision(bits).shl(bits - 1) | BoxedUint::one();
        for modulus in [ones, one_and_zeros] {
            let key = RsaKey::new(modulus, BoxedUint::from(65_537_u32)).unwrap();
            for first in [0, 1, 0x7f, 0xff] {
                let signature = [vec![first], vec![0xff; key.size() - 1]].concat();
                for algorithm in OF_RSA {
                    assert!(!verifies(&key, algorithm, b"message", &signature), "{bits} bits");
                }
            }
        }
    }
}

#[test]
fn verdicts_on_es256_signatures_agree() {
    let mut random = StdRng::seed_from_u64(2);
    for _ in 0..50 {
        let key = SigningKey::generate_from_rng(&mut random);
        let message: Vec<u8> = (0..random.random_range(1..300)).map(|_| random.random()).collect();
        let good: p256::ecdsa::Signature = key.sign(&message);
        let good = good.to_bytes().to_vec();
        let verifies = |message: &[u8], signature: &[u8]| {
            let point = key.verifying_key().to_sec1_point(false);
            let theirs = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point.as_bytes());
            let theirs = theirs.verify(message, signature).is_ok();
            let signature = Signature::try_from_slice(signature).unwrap();
            let ours = PublicKey::P256(*key.verifying_key());
            let ours = Verifier(Es256).verify_signature(&signature, &ours, message);
            assert_eq!(ours, theirs);
            ours
        };
        assert!(verifies(&message, &good));
        let mut flipped = good.clone();
        flipped[random.random_range(0..64)] ^= 1 << random.random_range(0..8);
        let mut other = message.clone();
        other[random.random_range(0..message.len())] ^= 1 << random.random_range(0..8);
        let (r, s) = good.split_at(32);
        for (message, signature) in [
            (&message, flipped),
            (&message, [s, r].concat()),
            (&message, [r, &[0; 32]].concat()),
            (&message, [&[0; 32], s].concat()),
            (&message, [r, &[0xff; 32]].concat()),
            (&message, good[1..].to_vec()),
            (&message, [good.as_slice(), &[0]].concat()),
            (&other, good.clone()),
        ] {
            assert!(!verifies(message, &signature));
        }
    }
}
