//! Random bytes from the numbers of the host.

/// Fills all of `bytes`. The host's list of bytes may be shorter than what was asked for, a number
/// is always whole.
pub(crate) fn fill(bytes: &mut [u8], next: impl Fn() -> u64) {
    for chunk in bytes.chunks_mut(8) {
        for (byte, random) in chunk.iter_mut().zip(next().to_le_bytes()) {
            *byte = random;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_of_every_length_is_filled() {
        for length in 0..70 {
            let mut bytes = vec![0; length];
            fill(&mut bytes, || u64::MAX);
            assert_eq!(bytes, vec![0xff; length]);
        }
    }
}
