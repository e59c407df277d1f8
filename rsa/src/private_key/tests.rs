use rand::{Rng, RngCore, SeedableRng, rngs::StdRng};
use rsa::{
    BigUint, Pkcs1v15Sign, Pss, RsaPrivateKey,
    sha2::Sha256,
    traits::{PrivateKeyParts, PublicKeyParts},
};

use super::*;
use crate::tests::keys;

/// The numbers of a key, in the order in which `RSAPrivateKey` has them.
type Numbers = [Vec<u8>; 8];

fn numbers(key: &RsaPrivateKey) -> Numbers {
    let [p, q] = key.primes() else { panic!("two primes") };
    let one = BigUint::from(1u8);
    let (dp, dq) = (key.d() % (p - &one), key.d() % (q - &one));
    let q_inverse = q.modpow(&(p - 2u8), p);
    [key.n(), key.e(), key.d(), p, q, &dp, &dq, &q_inverse].map(BigUint::to_bytes_be)
}

fn read(numbers: &Numbers) -> Result<PrivateKey, KeyProblem> {
    PrivateKey::new(numbers.each_ref().map(Vec::as_slice))
}

fn problem(numbers: &Numbers) -> Option<KeyProblem> {
    read(numbers).err()
}

/// Whether the numbers are refused or make no signature. They must not panic either.
fn sign_nothing(numbers: &Numbers) -> bool {
    read(numbers).map_or(true, |key| {
        key.sign_pkcs1(&[7; 32]).is_none() && key.sign_pss(&[7; 32], &[9; 32]).is_none()
    })
}

#[test]
fn signatures_are_those_of_the_rsa_crate_byte_for_byte() {
    let mut random = StdRng::seed_from_u64(3);
    let more = RsaPrivateKey::new(&mut random, 2056).unwrap();
    for key in keys().iter().chain([&more]) {
        let bits = key.n().bits();
        let ours = read(&numbers(key)).unwrap_or_else(|problem| panic!("{bits}: {problem:?}"));
        for _ in 0..10 {
            let digest: [u8; 32] = random.r#gen();
            let expected = key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
            assert_eq!(ours.sign_pkcs1(&digest), Some(expected), "{bits} bits");

            let seed = random.r#gen();
            let mut salt = [0; 32];
            StdRng::seed_from_u64(seed).fill_bytes(&mut salt);
            let mut random = StdRng::seed_from_u64(seed);
            let expected = key.sign_with_rng(&mut random, Pss::new::<Sha256>(), &digest).unwrap();
            assert_eq!(ours.sign_pss(&digest, &salt), Some(expected), "{bits} bits");
        }
    }
}

/// Only verified by the other crate: it would sign for ever where the first prime is by far the
/// shorter one.
#[test]
fn primes_of_different_lengths_sign_what_their_public_key_verifies() {
    let [short, .., long] = keys();
    let (p, q) = (&long.primes()[0], &short.primes()[0]);
    for (p, q) in [(p, q), (q, p)] {
        let key = RsaPrivateKey::from_p_q(p.clone(), q.clone(), long.e().clone()).unwrap();
        let ours = read(&numbers(&key)).unwrap_or_else(|problem| panic!("{problem:?}"));
        for digest in 0..5 {
            let digest = [digest; 32];
            let (pkcs1, pss) = (ours.sign_pkcs1(&digest), ours.sign_pss(&digest, &[9; 32]));
            let public = key.to_public_key();
            assert!(public.verify(Pkcs1v15Sign::new::<Sha256>(), &digest, &pkcs1.unwrap()).is_ok());
            assert!(public.verify(Pss::new::<Sha256>(), &digest, &pss.unwrap()).is_ok());
        }
    }
}

#[test]
fn zeros_in_front_of_a_number_change_nothing() {
    let bare = numbers(&keys()[0]);
    let expected = read(&bare).unwrap_or_else(|problem| panic!("{problem:?}")).sign_pkcs1(&[7; 32]);
    let padded = bare.map(|number| [vec![0; 300], number].concat());
    let ours = read(&padded).unwrap_or_else(|problem| panic!("{problem:?}"));
    assert_eq!(ours.sign_pkcs1(&[7; 32]), expected);
}

#[test]
fn a_signature_that_begins_with_zeros_is_as_long_as_the_modulus() {
    // The first byte of this modulus is 1, so that of many a signature is 0.
    let key = &keys()[1];
    let ours = read(&numbers(key)).unwrap_or_else(|problem| panic!("{problem:?}"));
    let signatures = (0..8).map(|digest| ours.sign_pkcs1(&[digest; 32]).unwrap());
    let first: Vec<u8> = signatures
        .inspect(|signature| assert_eq!(signature.len(), 257))
        .map(|signature| signature[0])
        .collect();
    assert!(first.contains(&0), "{first:?}");
}

#[test]
fn a_key_with_any_number_changed_signs_nothing() {
    let mut random = StdRng::seed_from_u64(4);
    for key in [&keys()[0], &keys()[2]] {
        let good = numbers(key);
        assert!(!sign_nothing(&good));
        // All but the private exponent, which is not used.
        for which in [0, 1, 3, 4, 5, 6, 7] {
            for _ in 0..3 {
                let mut flipped = good.clone();
                let at = random.gen_range(0..good[which].len());
                flipped[which][at] ^= 1 << random.gen_range(0..8);
                assert!(sign_nothing(&flipped), "{which}, byte {at}");
            }
            for other in [vec![], vec![0], vec![1], vec![2], vec![3], good[0].clone()] {
                let mut faulty = good.clone();
                let is_changed = faulty[which] != other;
                faulty[which] = other;
                assert!(!is_changed || sign_nothing(&faulty), "{which}: {:?}", faulty[which]);
            }
            let mut faulty = good.clone();
            faulty[which] = vec![0xff; 600];
            assert!(sign_nothing(&faulty), "{which}");
        }
    }
}

#[test]
fn a_key_with_its_numbers_in_another_order_signs_nothing() {
    let good = numbers(&keys()[0]);
    for (one, other) in [(3, 4), (5, 6), (3, 5), (4, 6), (0, 3), (6, 7)] {
        let mut swapped = good.clone();
        swapped.swap(one, other);
        assert!(sign_nothing(&swapped), "{one}, {other}");
    }
}

#[test]
fn factors_that_are_no_primes_are_refused() {
    let good = numbers(&keys()[0]);
    let [n, p, q] = [0, 3, 4].map(|which| BigUint::from_bytes_be(&good[which]));
    let with = |p: &BigUint, q: &BigUint| {
        let mut numbers = good.clone();
        numbers[0] = (p * q).to_bytes_be();
        numbers[3] = p.to_bytes_be();
        numbers[4] = q.to_bytes_be();
        numbers
    };
    let one = BigUint::from(1u8);
    assert_eq!(problem(&with(&p, &q)), None);
    // Even ones, the smallest ones, and the modulus itself.
    for (p, q) in
        [(&p * 2u8, q.clone()), (p.clone(), &q * 2u8), (one.clone(), n.clone()), (n.clone(), one)]
    {
        assert_eq!(problem(&with(&p, &q)), Some(KeyProblem::Numbers), "{p} {q}");
    }
    assert!(sign_nothing(&with(&p, &p)), "the same one twice");
}

#[test]
fn what_is_wrong_with_a_key_is_named() {
    let mut random = StdRng::seed_from_u64(5);
    let short = RsaPrivateKey::new(&mut random, 1024).unwrap();
    assert_eq!(problem(&numbers(&short)), Some(KeyProblem::Length));
    let three = RsaPrivateKey::new_with_exp(&mut random, 2048, &BigUint::from(3u8)).unwrap();
    assert_eq!(problem(&numbers(&three)), Some(KeyProblem::Exponent));
    let mut faulty = numbers(&keys()[0]);
    faulty.swap(3, 5);
    assert_eq!(problem(&faulty), Some(KeyProblem::Numbers));
    // Another modulus of that length, so that only the product is wrong.
    let mut faulty = numbers(&keys()[0]);
    faulty[0][100] ^= 1;
    assert_eq!(problem(&faulty), Some(KeyProblem::Numbers));
    assert_eq!(problem(&Numbers::default()), Some(KeyProblem::Length));
}
