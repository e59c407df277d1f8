//! Sealing: what leaves this server's hands, into a cookie, a link or key-value, and may be neither read nor changed
//! there.
//!
//! XChaCha20-Poly1305 under a key that HKDF-SHA-256 (RFC 5869) derives from a secret, for one purpose. What is sealed is
//! bound to a context: it opens nowhere else. Its nonce is random, and with 192 bits no two are ever the same.

use chacha20poly1305::{AeadInPlace, KeyInit, XChaCha20Poly1305};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::{config::Secret, host::Random};

/// Sets this server's keys apart from whatever else is derived from the same secret.
const SALT: &[u8] = b"doorward v1";

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// Seals and opens for one purpose.
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// A sealer whose key is derived from `secret`. Another `purpose` is another key.
    #[must_use]
    pub fn derived_from(secret: &Secret, purpose: &'static str) -> Self {
        let key = hkdf(SALT, secret.expose().as_bytes(), purpose.as_bytes());
        Self(XChaCha20Poly1305::new(&key.into()))
    }

    /// `plain`, sealed: 40 bytes longer than it was. It opens only with the same `context`, which is not part of it.
    #[must_use]
    pub fn seal(&self, random: &dyn Random, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let mut sealed = [nonce.as_slice(), plain].concat();
        let text = sealed.get_mut(NONCE_BYTES..).unwrap_or_default();
        match self.0.encrypt_in_place_detached(&nonce.into(), context, text) {
            Ok(tag) => {
                sealed.extend_from_slice(&tag);
                sealed
            }
            // 256 GB in one piece. Nothing opens as nothing.
            Err(_) => Vec::new(),
        }
    }

    /// What was sealed for this purpose in this `context`. There is none if anything about it is wrong; which thing is
    /// nobody's business.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        self.0.decrypt_in_place_detached(nonce.into(), context, &mut plain, tag.into()).ok()?;
        Some(plain)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

/// RFC 5869: extract, and the one round of expand that 256 bits need.
fn hkdf(salt: &[u8], secret: &[u8], info: &[u8]) -> [u8; 32] {
    let extracted = hmac(salt, &[secret]);
    hmac(&extracted, &[info, &[1]])
}

/// With a key of at most 64 bytes, which HMAC fills up with zeros.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0; 64];
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    let mut mac = <Hmac<Sha256> as Mac>::new(&block.into());
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    fn sealer(secret: &str, purpose: &'static str) -> Sealer {
        Sealer::derived_from(&Secret::from(secret.to_owned()), purpose)
    }

    #[test]
    fn what_was_sealed_opens_as_it_was() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", "test"));
        for plain in [b"".as_slice(), b"x", &[7; 5000]] {
            let sealed = sealer.seal(&host, b"context", plain);
            assert_eq!(sealed.len(), plain.len() + 40);
            assert_eq!(sealer.open(b"context", &sealed).as_deref(), Some(plain));
        }
    }

    #[test]
    fn it_opens_for_no_other_context_purpose_or_secret() {
        let (host, good) = (FakeHost::new(), sealer("secret", "test"));
        let sealed = good.seal(&host, b"context", b"plain");
        assert_eq!(good.open(b"contexts", &sealed), None);
        assert_eq!(good.open(b"", &sealed), None);
        for other in [sealer("secret", "tests"), sealer("secrets", "test"), sealer("", "test")] {
            assert_eq!(other.open(b"context", &sealed), None);
        }
    }

    #[test]
    fn one_changed_bit_or_one_byte_more_or_less_opens_nothing() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", "test"));
        let sealed = sealer.seal(&host, b"context", b"plain");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.open(b"context", &changed), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(sealer.open(b"context", &sealed[..length]), None, "{length} bytes");
        }
        assert_eq!(sealer.open(b"context", &[sealed.as_slice(), b"\0"].concat()), None);
    }

    #[test]
    fn the_same_sealed_twice_does_not_look_the_same() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", "test"));
        let [one, other] = [(); 2].map(|()| sealer.seal(&host, b"context", &[0; 64]));
        assert!(one.iter().zip(&other).filter(|(a, b)| a == b).count() < 20);
        assert!(!one.windows(8).any(|window| window == [0; 8]), "nothing of the text shows");
    }

    #[test]
    fn the_key_is_derived_as_rfc_5869_says() {
        // Test case 1 of appendix A.
        let key = hkdf(
            &(0..=0x0c).collect::<Vec<u8>>(),
            &[0x0b; 22],
            &(0xf0..=0xf9).collect::<Vec<u8>>(),
        );
        let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    #[test]
    fn a_sealer_does_not_show_its_key() {
        assert_eq!(format!("{:?}", sealer("secret", "test")), "Sealer(…)");
    }
}
