//! The one type for secrets and tokens.

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A value that never shows itself: it prints as `Secret(…)`, is compared in constant time, and is
/// overwritten when it is dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The value itself, for the one place that has to use it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `presented` is this secret. Compares digests in constant time, so that not even the
    /// length shows.
    ///
    /// ```
    /// use doorward_core::Secret;
    ///
    /// let secret = Secret::from("correct horse");
    /// assert!(secret.matches("correct horse") && !secret.matches("battery staple"));
    /// ```
    #[must_use]
    pub fn matches(&self, presented: &str) -> bool {
        Sha256::digest(self.0.as_bytes()).ct_eq(&Sha256::digest(presented)).into()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value.into())
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self(value.to_owned().into())
    }
}

/// Compares in constant time, but shows the length. That is enough for tokens, whose length is no
/// secret, and each call looks its token up: comparing digests would take several times as long.
/// For secrets of the operator there is [`matches`](Secret::matches).
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        // Eight bytes at a time: one at a time takes several microseconds for a token.
        let (words, rest) = self.0.as_bytes().as_chunks();
        let (other_words, other_rest) = other.0.as_bytes().as_chunks();
        let pairs = words.iter().zip(other_words);
        let are_same =
            pairs.fold(words.len().ct_eq(&other_words.len()), |are_same, (one, other)| {
                are_same & u64::from_le_bytes(*one).ct_eq(&u64::from_le_bytes(*other))
            });
        (are_same & rest.ct_eq(other_rest)).into()
    }
}

impl Eq for Secret {}

/// Hashes the last 64 bytes only, to be quick: the end of a token is its signature.
impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let bytes = self.0.as_bytes();
        bytes.last_chunk::<64>().map_or(bytes, |end| end).hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        assert_eq!(format!("{:?}", Secret::from("s3cret")), "Secret(…)");
    }

    #[test]
    fn secrets_are_equal_when_every_byte_is() {
        assert_eq!(Secret::from("abc"), Secret::from("abc".to_owned()));
        assert!(Secret::from("abc").matches("abc") && Secret::from("").matches(""));
        for other in ["", "ab", "abd", "abcd", "Abc"] {
            assert_ne!(Secret::from("abc"), Secret::from(other), "{other}");
            assert!(!Secret::from("abc").matches(other), "{other}");
        }
        let token = "0123456789abcdefghi".repeat(9);
        assert_eq!(Secret::from(token.as_str()), Secret::from(token.as_str()));
        for at in 0..token.len() {
            let (before, after) = token.split_at(at);
            let changed = format!("{before}_{}", &after[1..]);
            assert_ne!(Secret::from(token.as_str()), Secret::from(changed.as_str()), "{at}");
            assert_ne!(Secret::from(token.as_str()), Secret::from(before), "{at}");
            assert_ne!(Secret::from(before), Secret::from(token.as_str()), "{at}");
        }
    }
}
