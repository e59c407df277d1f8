//! Numbers of any length as digits of 27 bits, the lowest first.
//!
//! A digit has room for more products of two digits than come together in one place for a modulus
//! of 4096 bits. So sums are made without a look at carries, and those are settled at the end.

/// How many bits of a digit are its own. The others are what is to be carried, with a sign.
pub(crate) const BITS: u32 = 27;
/// A digit has room for the sum of less than so many products of two digits.
pub(crate) const MOST_PRODUCTS: usize = 1 << (63 - 2 * BITS);
/// The largest digit that has nothing to carry.
pub(crate) const LARGEST: i64 = (1 << BITS) - 1;

/// A big-endian number, without zeros in front.
pub(crate) fn number(bytes: &[u8]) -> Vec<i64> {
    let mut number = Vec::with_capacity(bytes.len() * 8 / BITS as usize + 1);
    let (mut rest, mut bits) = (0, 0);
    for byte in bytes.iter().rev() {
        rest |= i64::from(*byte) << bits;
        bits += 8;
        if bits >= BITS {
            number.push(rest & LARGEST);
            (rest, bits) = (rest >> BITS, bits - BITS);
        }
    }
    number.push(rest);
    trim(&mut number);
    number
}

/// The last bytes of a number, big end first.
pub(crate) fn bytes(number: &[i64], length: usize) -> Vec<u8> {
    let digit = |place: usize| number.get(place).copied().unwrap_or(0);
    let byte = |place: usize| {
        let (at, bits) = (place * 8 / BITS as usize, place * 8 % BITS as usize);
        ((digit(at + 1) << BITS | digit(at)) >> bits) as u8
    };
    (0..length).rev().map(byte).collect()
}

/// Removes zeros in front of a number.
pub(crate) fn trim(number: &mut Vec<i64>) {
    number.truncate(number.iter().rposition(|digit| *digit != 0).map_or(0, |last| last + 1));
}

/// Whether a number is below another one that has as many digits.
pub(crate) fn is_below(number: &[i64], limit: &[i64]) -> bool {
    number.iter().rev().lt(limit.iter().rev())
}

/// Adds `number · by` to a sum that has at least as many digits.
///
/// Nearly all the time of a verification is spent here, so four digits are one turn of the loop. It
/// is long enough for a copy of it in every caller to save nothing.
#[inline(never)]
pub(crate) fn add_product(sum: &mut [i64], number: &[i64], by: i64) {
    let Some((sum, _)) = sum.split_at_mut_checked(number.len()) else { return };
    let add = |(sum, digit): (&mut i64, &i64)| *sum += digit * by;
    let (sums, last_sums) = sum.as_chunks_mut::<4>();
    let (fours, last) = number.as_chunks::<4>();
    for (sums, digits) in sums.iter_mut().zip(fours) {
        sums.iter_mut().zip(digits).for_each(add);
    }
    last_sums.iter_mut().zip(last).for_each(add);
}

/// The square of a number, in a place with twice as many digits.
pub(crate) fn square(number: &[i64], mut place: &mut [i64]) -> Option<()> {
    place.fill(0);
    let mut rest = number;
    while let Some((digit, after)) = rest.split_first() {
        let (lowest, above) = place.split_first_mut()?;
        *lowest += digit * digit;
        // The products of two different digits are there twice.
        add_product(above, after, digit * 2);
        (rest, place) = (after, above.get_mut(1..)?);
    }
    Some(())
}

/// Carries what each digit has to carry. What the highest has stays with it, and so does the sign
/// of the number.
#[inline(never)]
pub(crate) fn settle(number: &mut [i64]) {
    let mut carry = 0;
    let Some((highest, others)) = number.split_last_mut() else { return };
    for digit in others {
        let sum = *digit + carry;
        (*digit, carry) = (sum & LARGEST, sum >> BITS);
    }
    *highest += carry;
}
