use rand::{Rng, SeedableRng, rngs::StdRng};
use rsa::{
    BigUint, Pss, RsaPrivateKey, RsaPublicKey,
    sha2::{Digest, Sha256},
    traits::{PrivateKeyParts, PublicKeyParts},
};

use super::encode;
use crate::{
    PublicKey,
    tests::{keys, padded},
};

const DIGEST: [u8; 32] = [7; 32];

/// What this crate and the other one think of a signature.
fn verdicts(key: &RsaPrivateKey, digest: &[u8; 32], signature: &[u8]) -> (bool, bool) {
    let theirs = RsaPublicKey::from(key);
    let ours = PublicKey::new(&theirs.n().to_bytes_be()).unwrap();
    let scheme = Pss::new::<Sha256>();
    (ours.verifies_pss(digest, signature), theirs.verify(scheme, digest, signature).is_ok())
}

/// What opens to these bytes, if anything does.
fn signature_of(key: &RsaPrivateKey, encoded: &[u8]) -> Option<Vec<u8>> {
    let encoded = BigUint::from_bytes_be(encoded);
    (encoded < *key.n()).then(|| padded(&encoded.modpow(key.d(), key.n()), key.size()))
}

#[test]
fn the_verdict_is_that_of_the_rsa_crate_whatever_was_done_to_a_signature() {
    let mut random = StdRng::seed_from_u64(9);
    for key in keys() {
        let bits = key.n().bits();
        for _ in 0..10 {
            let message: Vec<u8> = (0..random.gen_range(0..300)).map(|_| random.r#gen()).collect();
            let digest: [u8; 32] = Sha256::digest(message).into();
            let good = key.sign_with_rng(&mut random, Pss::new::<Sha256>(), &digest).unwrap();
            assert_eq!(verdicts(key, &digest, &good), (true, true), "{bits} bits");

            let mut flipped = good.clone();
            flipped[random.gen_range(1..good.len())] ^= 1 << random.gen_range(0..8);
            let noise: Vec<u8> = good.iter().map(|_| random.r#gen::<u8>() >> 1).collect();
            let mut other = digest;
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
                assert_eq!(verdicts(key, digest, signature), (false, false), "{bits} bits");
            }
        }
    }
}

#[test]
fn a_salt_has_32_bytes() {
    let mut random = StdRng::seed_from_u64(10);
    for key in keys() {
        for length in [0, 1, 20, 31, 32, 33, 48, 64, key.size() - 34 - 1] {
            let scheme = Pss::new_with_salt::<Sha256>(length);
            let signature = key.sign_with_rng(&mut random, scheme, &DIGEST).unwrap();
            let expected = length == 32;
            assert_eq!(verdicts(key, &DIGEST, &signature), (expected, expected), "{length}");
        }
    }
}

/// With as many bits as bytes have, and with one more, which is a byte in front that has to be
/// zero.
#[test]
fn every_bit_of_the_encoding_counts() {
    for key in &keys()[..2] {
        let bits = key.n().bits();
        let good = encode(&DIGEST, &[9; 32], bits).unwrap();
        let signature = signature_of(key, &good).unwrap();
        assert_eq!(verdicts(key, &DIGEST, &signature), (true, true), "{bits} bits");
        let length = good.len();
        // In front, in the padding, its last byte, the salt, the hash, the trailer.
        let around = [0, 1, 2, 60, length - 66, length - 65, length - 33, length - 1];
        for (at, bit) in around.into_iter().flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut wrong = good.clone();
            wrong[at] ^= 1 << bit;
            let Some(signature) = signature_of(key, &wrong) else { continue };
            // The other crate does not look at a byte that is too many in front, where there is
            // one.
            let theirs = at == 0 && bits % 8 == 1;
            assert_eq!(verdicts(key, &DIGEST, &signature), (false, theirs), "{bits}: {at}, {bit}");
        }
    }
}

#[test]
fn padding_is_zeros_and_a_one() {
    for key in keys() {
        let bits = key.n().bits();
        let good = encode(&DIGEST, &[9; 32], bits).unwrap();
        let one = good.len() - 33 - 32 - 1;
        // Moves the one, as if the salt were longer or shorter, and takes it away.
        for flips in
            [vec![(one, 1)], vec![(one, 1), (one - 1, 1)], vec![(one - 1, 1)], vec![(one, 3)]]
        {
            let mut wrong = good.clone();
            flips.iter().for_each(|(at, bits)| wrong[*at] ^= bits);
            let signature = signature_of(key, &wrong).unwrap();
            assert_eq!(verdicts(key, &DIGEST, &signature), (false, false), "{bits}: {flips:?}");
        }
    }
}

#[test]
fn a_number_that_is_not_below_the_modulus_is_no_signature() {
    for key in keys() {
        let bits = key.n().bits();
        let salts = (0..32).map(|salt| encode(&DIGEST, &[salt; 32], bits).unwrap());
        let signatures = salts.map(|encoded| signature_of(key, &encoded).unwrap());
        // The same residue, where it is as long as the modulus. The other crate takes it.
        let above = signatures
            .map(|signature| (BigUint::from_bytes_be(&signature) + key.n()).to_bytes_be())
            .find(|above| above.len() == key.size());
        if let Some(above) = above {
            assert!(!verdicts(key, &DIGEST, &above).0, "{bits}");
        } else {
            assert!(key.n().to_bytes_be()[0] > 0xf0, "{bits}: one of these would have fitted");
        }
        let itself = key.n().to_bytes_be();
        assert!(!verdicts(key, &DIGEST, &itself).0, "{bits}");
        assert!(!verdicts(key, &DIGEST, &vec![0xff; itself.len()]).0, "{bits}");
    }
}
