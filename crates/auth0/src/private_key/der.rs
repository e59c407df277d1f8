//! The part of DER (ITU-T X.690) between a PKCS#8 key and its numbers. A general reader adds 20
//! KiB.

/// `rsaEncryption` (RFC 8017, appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];

/// `id-ecPublicKey` and `secp256r1` (RFC 5480, section 2.1.1).
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// The numbers of a private key, big-endian.
pub(super) enum KeyNumbers<'a> {
    /// The scalar.
    P256(&'a [u8]),
    /// Modulus, public and private exponent, two primes, their exponents, and the inverse of the
    /// second.
    Rsa([&'a [u8]; 8]),
}

/// Reads a `PrivateKeyInfo` (RFC 5208, section 5).
pub(super) fn read(der: &[u8]) -> Option<KeyNumbers<'_>> {
    let mut info = Reader(Reader(der).next(SEQUENCE)?);
    info.next(INTEGER)?;
    let mut algorithm = Reader(info.next(SEQUENCE)?);
    let mut key = Reader(Reader(info.next(OCTET_STRING)?).next(SEQUENCE)?);
    match algorithm.next(OBJECT_IDENTIFIER)? {
        // `RSAPrivateKey` (RFC 8017, appendix A.1.2).
        RSA => {
            key.next(INTEGER)?;
            let mut numbers = [[].as_slice(); 8];
            for number in &mut numbers {
                *number = key.next(INTEGER)?;
            }
            Some(KeyNumbers::Rsa(numbers))
        }
        // `ECPrivateKey` (RFC 5915, section 3).
        EC if algorithm.next(OBJECT_IDENTIFIER)? == P256 => {
            key.next(INTEGER)?;
            Some(KeyNumbers::P256(key.next(OCTET_STRING)?))
        }
        _ => None,
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, if it has this tag.
    fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, rest) = self.0.split_first()?;
        let (length, rest) = length(rest)?;
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        (*found == tag).then_some(content)
    }
}

/// A length, and what follows it. Keys need two bytes of it at most.
fn length(der: &[u8]) -> Option<(usize, &[u8])> {
    match der {
        [short @ ..=0x7f, rest @ ..] => Some((usize::from(*short), rest)),
        [0x81, length, rest @ ..] => Some((usize::from(*length), rest)),
        [0x82, high, low, rest @ ..] => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest))
        }
        _ => None,
    }
}
