//! Arithmetic modulo a secret odd number, in Montgomery's form: `x` is kept as `x · R`, where `R`
//! is 2 to the number of bits that there is room for.
//!
//! All of it takes the same steps and reads the same memory whatever the numbers are; only how many
//! bits the modulus has shows in the time. So far the source can say it: the host's compiler has
//! the last word.

use crypto_bigint::{
    Limb, U2048, Word,
    modular::montgomery_reduction,
    subtle::{ConditionallySelectable, ConstantTimeEq},
};

/// How many of the doublings that lead to `R²` are done one by one. Each squaring that follows
/// doubles their number.
const DOUBLINGS: usize = 64;

/// How many bits of the exponent are taken at once. No window spans two words.
const WINDOW: usize = 4;

/// An odd modulus, and what is computed of it once. It has no `Debug`.
pub(crate) struct Residues {
    modulus: U2048,
    /// `R²` modulo the modulus: what a number is multiplied with to get its Montgomery form.
    r_squared: U2048,
    /// The negative inverse of the modulus modulo the size of a limb.
    negative_inverse: Limb,
}

impl Residues {
    /// There are none for an even modulus.
    pub(crate) fn new(modulus: U2048) -> Option<Self> {
        let lowest = modulus.as_limbs().first()?.0;
        if lowest & 1 == 0 {
            return None;
        }
        // Newton's iteration: an odd number is its own inverse modulo 8, and each step doubles the
        // number of right bits.
        let inverse = (0..5).fold(lowest, |inverse: Word, _| {
            let two: Word = 2;
            inverse.wrapping_mul(two.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        let negative_inverse = Limb(inverse.wrapping_neg());
        let mut new = Self { modulus, r_squared: U2048::ZERO, negative_inverse };
        // The highest power of two below the modulus, doubled until it is 2^64 · R: the Montgomery
        // form of 2^64.
        let highest = modulus.bits_vartime().checked_sub(1)?;
        let mut power = U2048::ONE.shl_vartime(highest);
        for _ in highest..U2048::BITS + DOUBLINGS {
            power = power.add_mod(&power, &modulus);
        }
        // Squared until it is the Montgomery form of R, which is R².
        let mut exponent = DOUBLINGS;
        while exponent < U2048::BITS {
            power = new.square(&power);
            exponent *= 2;
        }
        new.r_squared = power;
        Some(new)
    }

    /// A number to the power of the exponent, which is below the modulus, both numbers in
    /// Montgomery's form.
    ///
    /// Each window of the exponent costs four squarings and a product, zeros too, and its factor is
    /// picked by going through all of them.
    pub(crate) fn power(&self, base: &U2048, exponent: &U2048) -> U2048 {
        let one = self.leave(&self.r_squared);
        let mut powers = [one; 1 << WINDOW];
        let mut last = one;
        for power in powers.iter_mut().skip(1) {
            last = self.multiply(&last, base);
            *power = last;
        }
        let mut result = one;
        for window in (0..self.modulus.bits_vartime().div_ceil(WINDOW)).rev() {
            for _ in 0..WINDOW {
                result = self.square(&result);
            }
            let (word, shift) = (window * WINDOW / Limb::BITS, window * WINDOW % Limb::BITS);
            let word = exponent.as_words().get(word).copied().unwrap_or(0);
            let digit = word >> shift & ((1 << WINDOW) - 1);
            let mut factor = one;
            for (index, power) in (0..).zip(&powers) {
                let index: Word = index;
                factor.conditional_assign(power, index.ct_eq(&digit));
            }
            result = self.multiply(&result, &factor);
        }
        result
    }

    /// The Montgomery form of any number that there is room for.
    pub(crate) fn enter(&self, number: &U2048) -> U2048 {
        self.multiply(number, &self.r_squared)
    }

    /// The number whose Montgomery form this is.
    pub(crate) fn leave(&self, number: &U2048) -> U2048 {
        self.reduce(&(*number, U2048::ZERO))
    }

    /// The product of two numbers in Montgomery's form, one of which is below the modulus; or of
    /// one that is in it and one that is not, and then it is not either.
    ///
    /// It is long enough for a copy of it in every caller to save nothing.
    #[inline(never)]
    pub(crate) fn multiply(&self, one: &U2048, other: &U2048) -> U2048 {
        self.reduce(&one.mul_wide(other))
    }

    /// The difference of two numbers below the modulus.
    pub(crate) fn subtract(&self, one: &U2048, other: &U2048) -> U2048 {
        one.sub_mod(other, &self.modulus)
    }

    /// The product divided by `R`. It has to be below the modulus times `R`.
    #[inline(never)]
    pub(crate) fn reduce(&self, product: &(U2048, U2048)) -> U2048 {
        montgomery_reduction(product, &self.modulus, self.negative_inverse)
    }

    fn square(&self, number: &U2048) -> U2048 {
        self.reduce(&number.square_wide())
    }
}

/// A big-endian number, if there is room for its bytes.
pub(crate) fn number(bytes: &[u8]) -> Option<U2048> {
    if bytes.len() > U2048::BYTES {
        return None;
    }
    let mut words = [0; U2048::LIMBS];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks(Limb::BYTES)) {
        *word = bytes.iter().fold(0, |word, byte| word << 8 | Word::from(*byte));
    }
    Some(U2048::from_words(words))
}
