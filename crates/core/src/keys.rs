//! The key schedule: every key of the server is derived here, from one secret, by HKDF-SHA-256
//! (RFC 5869). Each [`Purpose`] has a key of its own.
//!
//! What leaves the server's hands, into a cookie, a link, a client or the key-value store, is
//! sealed by a [`Sealer`]: XChaCha20-Poly1305 with a random nonce of 192 bits. It opens only for
//! the same purpose and in the same context.

use std::fmt;

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{host::Random, secret::Secret};

/// Separates this server's keys from whatever else is derived from the same secret.
const SALT: &[u8] = b"doorward v2";

const KEY_BYTES: usize = 32;
/// HKDF-SHA-256 gives up to 255 blocks of 32 bytes, and fails for more only (RFC 5869, 2.3).
const _: () = assert!(KEY_BYTES <= 255 * 32);

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Hashes subjects in the audit log.
    AuditSubject,
    /// Seals the cookie of a person who connects an account.
    ConnectCookie,
    /// Seals the record of a person who connects an account.
    ConnectFlow,
    /// Makes the handles of links on which accounts are connected.
    ConnectLink,
    /// Seals the link on which an account is connected.
    ConnectTicket,
    /// Seals the nonces that DPoP proofs must have.
    DpopNonce,
    /// Hashes DPoP proofs that were used.
    DpopReplay,
    /// Seals the capability with which a tool calls an API through this server.
    Egress,
    /// Seals exchanged tokens, under the caller's own token.
    ExchangedToken,
    /// Names the record of an opaque token.
    IntrospectedToken,
    /// Seals `requestState`, which MCP clients carry from one round of a call to the next.
    RequestState,
    /// Seals revocations, under the revocation secret.
    Revocation,
    /// Seals `Mcp-Session-Id`, which legacy MCP clients carry.
    Session,
    /// Seals everything else in the key-value store.
    Store,
    /// Chooses the bucket of a record in the key-value store.
    StoreBucket,
    /// Names the record of another MCP server's tools, which depends on the secret for that server.
    UpstreamList,
    /// Authenticates which token was verified with which key.
    VerifiedToken,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Self; 17] = [
        Self::AuditSubject,
        Self::ConnectCookie,
        Self::ConnectFlow,
        Self::ConnectLink,
        Self::ConnectTicket,
        Self::DpopNonce,
        Self::DpopReplay,
        Self::Egress,
        Self::ExchangedToken,
        Self::IntrospectedToken,
        Self::RequestState,
        Self::Revocation,
        Self::Session,
        Self::Store,
        Self::StoreBucket,
        Self::UpstreamList,
        Self::VerifiedToken,
    ];

    /// The `info` of HKDF.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::AuditSubject => "audit subject",
            Self::ConnectCookie => "connect cookie",
            Self::ConnectFlow => "connect flow",
            Self::ConnectLink => "connect link",
            Self::ConnectTicket => "connect ticket",
            Self::DpopNonce => "dpop nonce",
            Self::DpopReplay => "dpop replay",
            Self::Egress => "egress",
            Self::ExchangedToken => "exchanged token",
            Self::IntrospectedToken => "introspected token",
            Self::RequestState => "request state",
            Self::Revocation => "revocation",
            Self::Session => "session",
            Self::Store => "store",
            Self::StoreBucket => "store bucket",
            Self::UpstreamList => "upstream list",
            Self::VerifiedToken => "verified token",
        }
    }
}

/// The keys that are derived from one secret.
#[derive(Clone)]
pub struct Keys(Hkdf<Sha256>);

impl Keys {
    /// Derives sealing for one purpose.
    #[must_use]
    pub fn sealer(&self, purpose: Purpose) -> Sealer {
        Sealer(XChaCha20Poly1305::new((&*self.key(purpose)).into()))
    }

    /// Authenticates `parts` for one purpose (HMAC-SHA-256). The parts are told apart by their
    /// lengths.
    #[must_use]
    pub fn mac(&self, purpose: Purpose, parts: &[&str]) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as KeyInit>::new((&*padded(&self.key(purpose))).into());
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.finalize().into_bytes().into()
    }

    fn key(&self, purpose: Purpose) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        // It cannot fail for so few bytes, as asserted above.
        let _ = self.0.expand(purpose.label().as_bytes(), &mut *key);
        key
    }
}

impl From<&Secret> for Keys {
    fn from(secret: &Secret) -> Self {
        Self(Hkdf::new(Some(SALT), secret.expose().as_bytes()))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(…)")
    }
}

/// A key of HMAC, which pads short ones with zeros to its block of 64 bytes (RFC 2104).
fn padded(key: &[u8; KEY_BYTES]) -> Zeroizing<[u8; 64]> {
    let mut block = Zeroizing::new([0; 64]);
    block.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    block
}

/// Seals and opens for one purpose.
pub struct Sealer(XChaCha20Poly1305);

impl Sealer {
    /// Seals `plain`, which gets 40 bytes longer. It opens only with the same `context`, which is
    /// authenticated and not part of the result.
    #[must_use]
    pub fn seal(&self, random: &dyn Random, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce);
        let mut sealed = [nonce.as_slice(), plain].concat();
        let text = sealed.get_mut(NONCE_BYTES..).unwrap_or_default();
        match self.0.encrypt_inout_detached(&nonce.into(), context, text.into()) {
            Ok(tag) => {
                sealed.extend_from_slice(&tag);
                sealed
            }
            // Only text of 256 GB is refused. An empty result opens for nobody.
            Err(_) => Vec::new(),
        }
    }

    /// Opens what was sealed for this purpose in this `context`; `None` if anything about it is
    /// wrong. The caller learns no more than that.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        let mut plain = text.to_vec();
        let text = plain.as_mut_slice().into();
        self.0.decrypt_inout_detached(nonce.into(), context, text, tag.into()).ok()?;
        Some(plain)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer(…)")
    }
}

#[cfg(test)]
mod wycheproof_tests;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::FakeHost;

    const CONTEXT: &[u8] = b"context";

    /// Gives the bytes 0, 1, 2 …
    struct Counting;

    impl Random for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(0..).for_each(|(byte, number)| *byte = number);
        }
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn sealer(secret: &str, purpose: Purpose) -> Sealer {
        Keys::from(&Secret::from(secret)).sealer(purpose)
    }

    #[test]
    fn sealed_text_opens_as_it_was() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", Purpose::Store));
        for plain in [b"".as_slice(), b"x", &[7; 5000]] {
            let sealed = sealer.seal(&host, CONTEXT, plain);
            assert_eq!(sealed.len(), plain.len() + 40);
            assert_eq!(sealer.open(CONTEXT, &sealed).as_deref(), Some(plain));
        }
    }

    #[test]
    fn it_opens_for_no_other_context_purpose_or_secret() {
        let (host, good) = (FakeHost::new(), sealer("secret", Purpose::Store));
        let sealed = good.seal(&host, CONTEXT, b"plain");
        assert_eq!(good.open(b"contexts", &sealed), None);
        assert_eq!(good.open(b"", &sealed), None);
        for other in [
            sealer("secret", Purpose::RequestState),
            sealer("secrets", Purpose::Store),
            sealer("", Purpose::Store),
        ] {
            assert_eq!(other.open(CONTEXT, &sealed), None);
        }
    }

    #[test]
    fn a_changed_bit_and_a_changed_length_open_nothing() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", Purpose::Store));
        let sealed = sealer.seal(&host, CONTEXT, b"plain");
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(sealer.open(CONTEXT, &changed), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(sealer.open(CONTEXT, &sealed[..length]), None, "{length} bytes");
        }
        assert_eq!(sealer.open(CONTEXT, &[sealed.as_slice(), b"\0"].concat()), None);
    }

    #[test]
    fn the_same_text_never_seals_to_the_same_bytes() {
        let (host, sealer) = (FakeHost::new(), sealer("secret", Purpose::Store));
        let [one, other] = [(); 2].map(|()| sealer.seal(&host, CONTEXT, &[0; 64]));
        assert!(one.iter().zip(&other).filter(|(a, b)| a == b).count() < 20);
        assert!(!one.windows(8).any(|window| window == [0; 8]), "nothing of the text shows");
    }

    #[test]
    fn keys_are_derived_as_rfc_5869_says() {
        // Test case 1 of appendix A.
        let salt: Vec<u8> = (0..=0x0c).collect();
        let info: Vec<u8> = (0xf0..=0xf9).collect();
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(Some(&salt), &[0x0b; 22]).expand(&info, &mut key).unwrap();
        assert_eq!(hex(&key), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
    }

    /// Another schedule would be a cold cache. Computed apart from this code, with Python's `hmac`
    /// and by the texts of RFC 8439 and draft-irtf-cfrg-xchacha-03.
    #[test]
    fn the_key_schedule_stays_as_it_is() {
        let keys = Keys::from(&Secret::from("a secret of thirty-two characters"));
        assert_eq!(
            hex(&keys.mac(Purpose::AuditSubject, &["auth0|1", ""])),
            "06243178fb710367432c2e269c01bd66cd2e544e553ef69f649b78d85c942c08"
        );
        assert_eq!(
            hex(&keys.sealer(Purpose::Store).seal(&Counting, CONTEXT, b"plain")),
            "000102030405060708090a0b0c0d0e0f1011121314151617\
             3d8cdf92f2d305782ad3abaad03b45262b4b55634a"
        );
    }

    #[test]
    fn no_two_lists_of_parts_have_the_same_mac() {
        let keys = Keys::from(&Secret::from("secret"));
        let macs = [
            keys.mac(Purpose::AuditSubject, &["ab", "c"]),
            keys.mac(Purpose::AuditSubject, &["a", "bc"]),
            keys.mac(Purpose::AuditSubject, &["abc"]),
            keys.mac(Purpose::AuditSubject, &["abc", ""]),
            keys.mac(Purpose::DpopReplay, &["abc"]),
            Keys::from(&Secret::from("other")).mac(Purpose::AuditSubject, &["abc"]),
        ];
        for (index, mac) in macs.iter().enumerate() {
            assert!(!macs[..index].contains(mac), "{index}");
        }
    }

    #[test]
    fn keys_are_overwritten_when_they_are_dropped() {
        fn is_overwritten<T: zeroize::ZeroizeOnDrop>() {}
        // All that HMAC and HKDF keep of a key is the state of two hashes.
        is_overwritten::<Sha256>();
        is_overwritten::<XChaCha20Poly1305>();
    }

    #[test]
    fn neither_keys_nor_a_sealer_show_themselves() {
        assert_eq!(format!("{:?}", sealer("secret", Purpose::Store)), "Sealer(…)");
        assert_eq!(format!("{:?}", Keys::from(&Secret::from("secret"))), "Keys(…)");
    }
}
