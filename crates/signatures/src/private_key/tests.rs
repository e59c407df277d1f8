use std::cell::Cell;

use rand::{RngExt, SeedableRng, rngs::StdRng};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};

use super::*;

/// Counts the bytes that are asked for.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Random for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.set(self.0.get() + bytes.len());
        bytes.fill(7);
    }
}

/// Modulus, public exponent, private exponent and primes of a new key.
fn numbers() -> [Vec<u8>; 5] {
    let key = PrivateKey::new(&mut StdRng::seed_from_u64(8017), 2048).unwrap();
    let [p, q] = key.primes() else { panic!("two primes") };
    [key.n().as_ref(), key.e(), key.d(), p.as_ref(), q.as_ref()]
        .map(|number| number.to_be_bytes_trimmed_vartime().to_vec())
}

fn key(numbers: &[Vec<u8>; 5]) -> Result<RsaPrivateKey, InvalidRsaKey> {
    RsaPrivateKey::new(numbers.each_ref().map(Vec::as_slice))
}

fn signs(numbers: &[Vec<u8>; 5]) -> bool {
    key(numbers).is_ok_and(|key| key.sign_rs256(&Counting::default(), b"message").is_some())
}

#[test]
fn a_key_with_any_number_changed_signs_nothing() {
    let mut random = StdRng::seed_from_u64(4);
    let good = numbers();
    assert!(signs(&good));
    for which in 0..good.len() {
        for _ in 0..4 {
            let mut flipped = good.clone();
            let at = random.random_range(0..good[which].len());
            flipped[which][at] ^= 1 << random.random_range(0..8);
            assert!(!signs(&flipped), "{which}, byte {at}");
        }
        for other in [vec![], vec![0], vec![1], vec![2], vec![3], good[0].clone(), vec![0xff; 600]]
        {
            let mut faulty = good.clone();
            let is_changed = faulty[which] != other;
            faulty[which] = other;
            assert!(!is_changed || !signs(&faulty), "{which}: {:?}", faulty[which]);
        }
    }
    let mut twice = good.clone();
    twice[4] = good[3].clone();
    assert!(!signs(&twice), "the same prime twice");
}

#[test]
fn what_is_wrong_with_a_key_is_named() {
    let good = numbers();
    for (which, number, problem) in [
        (0, vec![0xff; 128], InvalidRsaKey::Length),
        (0, vec![0xff; 513], InvalidRsaKey::Length),
        (0, vec![], InvalidRsaKey::Length),
        (1, vec![3], InvalidRsaKey::Exponent),
        (2, vec![3], InvalidRsaKey::Numbers),
        (3, good[4].clone(), InvalidRsaKey::Numbers),
    ] {
        let mut faulty = good.clone();
        faulty[which] = number;
        assert_eq!(key(&faulty).err(), Some(problem), "{which}");
    }
}

#[test]
fn zeros_in_front_of_a_number_change_nothing() {
    let sign =
        |numbers: &[Vec<u8>; 5]| key(numbers).ok()?.sign_rs256(&Counting::default(), b"message");
    let bare = numbers();
    let padded = bare.clone().map(|number| [vec![0; 300], number].concat());
    assert!(sign(&padded).is_some() && sign(&padded) == sign(&bare));
}

#[test]
fn the_host_supplies_the_salt_and_the_blinding() {
    let key = key(&numbers()).unwrap_or_else(|problem| panic!("{problem}"));
    let (pkcs1, pss) = (Counting::default(), Counting::default());
    key.sign_rs256(&pkcs1, b"message").unwrap();
    key.sign_ps256(&pss, b"message").unwrap();
    // For the base as many bytes as the modulus has, and 16 for each exponent and each modulus.
    assert_eq!(pkcs1.0.get(), 256 + 4 * 16);
    assert_eq!(pss.0.get(), 32 + 256 + 4 * 16);
}
