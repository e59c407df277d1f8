//! Arithmetic modulo an odd number, in Montgomery's form: `x` is kept as `x · R`, where `R` is 2 to the number of bits
//! that there is room for.

use crypto_bigint::{Limb, Uint, Word, modular::montgomery_reduction};

/// How many of the doublings that lead to `R²` are done one by one. Each squaring that follows doubles their number.
const DOUBLINGS: usize = 64;

/// An odd modulus, and what can be computed of it once.
#[derive(Clone, Debug)]
pub(crate) struct Montgomery<const LIMBS: usize> {
    modulus: Uint<LIMBS>,
    /// `R²` modulo the modulus: what a number is multiplied with to get its Montgomery form.
    r_squared: Uint<LIMBS>,
    /// The negative inverse of the modulus modulo the size of a limb.
    negative_inverse: Limb,
}

impl<const LIMBS: usize> Montgomery<LIMBS> {
    /// There is none for an even modulus.
    pub(crate) fn new(modulus: Uint<LIMBS>) -> Option<Self> {
        let lowest = modulus.as_limbs().first()?.0;
        if lowest & 1 == 0 {
            return None;
        }
        // Newton's iteration: an odd number is its own inverse modulo 8, and each step doubles the number of right bits.
        let inverse = (0..5).fold(lowest, |inverse: Word, _| {
            let two: Word = 2;
            inverse.wrapping_mul(two.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        let negative_inverse = Limb(inverse.wrapping_neg());
        let mut new = Self { modulus, r_squared: Uint::ZERO, negative_inverse };
        // The highest power of two below the modulus, doubled until it is 2^64 · R: the Montgomery form of 2^64.
        let highest = modulus.bits_vartime().checked_sub(1)?;
        let mut power = Uint::ONE.shl_vartime(highest);
        for _ in highest..Uint::<LIMBS>::BITS + DOUBLINGS {
            power = power.add_mod(&power, &modulus);
        }
        // Squared until it is the Montgomery form of R, which is R².
        let mut exponent = DOUBLINGS;
        while exponent < Uint::<LIMBS>::BITS {
            power = new.square(&power);
            exponent *= 2;
        }
        new.r_squared = power;
        Some(new)
    }

    /// A number to the power of 65537, which is 2^16 + 1. There is none of a number that is not below the modulus.
    pub(crate) fn to_the_65537th(&self, number: &Uint<LIMBS>) -> Option<Uint<LIMBS>> {
        if *number >= self.modulus {
            return None;
        }
        let mut power = self.reduce(&number.mul_wide(&self.r_squared));
        for _ in 0..16 {
            power = self.square(&power);
        }
        // One of the factors is not in Montgomery's form, so the product is not either.
        Some(self.reduce(&power.mul_wide(number)))
    }

    fn square(&self, number: &Uint<LIMBS>) -> Uint<LIMBS> {
        self.reduce(&number.square_wide())
    }

    /// The product divided by `R`. It has to be below the modulus times `R`.
    fn reduce(&self, product: &(Uint<LIMBS>, Uint<LIMBS>)) -> Uint<LIMBS> {
        montgomery_reduction(product, &self.modulus, self.negative_inverse)
    }
}

/// A big-endian number, if there is room for its bytes.
pub(crate) fn number<const LIMBS: usize>(bytes: &[u8]) -> Option<Uint<LIMBS>> {
    if bytes.len() > Uint::<LIMBS>::BYTES {
        return None;
    }
    let mut words = [0; LIMBS];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks(Limb::BYTES)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | Word::from(*byte));
    }
    Some(Uint::from_words(words))
}
