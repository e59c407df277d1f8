//! Arithmetic modulo an odd number, in Montgomery's form: `x` is kept as `x · R`, where `R` is 2 to
//! the number of bits that the digits of the modulus have room for.

use super::digits::{BITS, LARGEST, add_product, is_below, settle, square, trim};

/// An odd modulus.
#[derive(Clone, Debug)]
pub(crate) struct Montgomery {
    modulus: Vec<i64>,
    /// The negative inverse of the modulus modulo the size of a digit.
    negative_inverse: i64,
}

impl Montgomery {
    /// There is none for an even modulus. It is without zeros in front.
    pub(crate) fn new(modulus: Vec<i64>) -> Option<Self> {
        let lowest = *modulus.first()?;
        if lowest & 1 == 0 {
            return None;
        }
        // Newton's iteration: an odd number is its own inverse modulo 8, and each step doubles the
        // number of right bits.
        let inverse = (0..4).fold(lowest, |inverse, _| {
            inverse.wrapping_mul(2_i64.wrapping_sub(lowest.wrapping_mul(inverse)))
        });
        Some(Self { modulus, negative_inverse: inverse.wrapping_neg() & LARGEST })
    }

    /// How many bits the modulus has.
    pub(crate) fn bits(&self) -> usize {
        let digits = self.modulus.iter().rev();
        digits.fold(0, |bits, digit| match bits {
            0 => digit.checked_ilog2().map_or(0, |bits| bits as usize + 1),
            bits => bits + BITS as usize,
        })
    }

    /// A number to the power of 65537, which is 2^16 + 1. There is none of a number that is not
    /// below the modulus. Both are without zeros in front.
    pub(crate) fn to_the_65537th(&self, mut number: Vec<i64>) -> Option<Vec<i64>> {
        let length = self.modulus.len();
        if number.len() > length {
            return None;
        }
        number.resize(length, 0);
        if !is_below(&number, &self.modulus) {
            return None;
        }
        let mut power = self.form_of(&number)?;
        let mut product = vec![0; length * 2];
        for _ in 0..16 {
            square(&power, &mut product)?;
            self.reduce(&mut product, &mut power)?;
        }
        product.fill(0);
        for (place, digit) in number.iter().enumerate() {
            add_product(product.get_mut(place..)?, &power, *digit);
        }
        // One of the factors was not in Montgomery's form, so the product is not either.
        self.reduce(&mut product, &mut power)?;
        trim(&mut power);
        Some(power)
    }

    /// `number · R` modulo the modulus, by long division (Knuth, The Art of Computer Programming,
    /// 4.3.1, algorithm D).
    ///
    /// The usual way is to multiply with `R²`, but to find that takes longer than this, and a key
    /// is often used only once.
    fn form_of(&self, number: &[i64]) -> Option<Vec<i64>> {
        let length = self.modulus.len();
        // Both are shifted until the highest bit of the divisor is set, or the guesses below would
        // be far off.
        let shift = BITS.checked_sub(self.modulus.last()?.checked_ilog2()? + 1)?;
        let mut divisor = vec![0; length];
        add_product(&mut divisor, &self.modulus, 1 << shift);
        settle(&mut divisor);
        let highest = *divisor.last()?;
        let mut dividend = vec![0; length * 2 + 1];
        let upper = dividend.get_mut(length..)?;
        add_product(upper, number, 1 << shift);
        settle(upper);
        for place in (0..length).rev() {
            let part = dividend.get_mut(place..=place + length)?;
            let [.., below, top] = &*part else { return None };
            // A few too many at most, and never too few.
            let guess = (top << BITS | below) / highest;
            add_product(part, &divisor, -guess);
            settle(part);
            while part.last().is_some_and(|top| *top < 0) {
                add_product(part, &divisor, 1);
                settle(part);
            }
        }
        dividend.truncate(length);
        let mut above = 0;
        for digit in dividend.iter_mut().rev() {
            let both = above << BITS | *digit;
            above = *digit;
            *digit = both >> shift & LARGEST;
        }
        Some(dividend)
    }

    /// The product divided by `R`. It has to be below the modulus times `R`, and is used up.
    fn reduce(&self, product: &mut [i64], quotient: &mut Vec<i64>) -> Option<()> {
        let length = self.modulus.len();
        for place in 0..length {
            let part = product.get_mut(place..)?;
            let by = part.first()?.wrapping_mul(self.negative_inverse) & LARGEST;
            add_product(part, &self.modulus, by);
            // The lowest digit is zero by now, but for what it has to carry.
            let [lowest, next, ..] = part else { return None };
            *next += *lowest >> BITS;
        }
        quotient.clear();
        quotient.extend_from_slice(product.get(length..)?);
        settle(quotient);
        if !is_below(quotient, &self.modulus) {
            add_product(quotient, &self.modulus, -1);
            settle(quotient);
        }
        Some(())
    }
}
