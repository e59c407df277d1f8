//! A flag that one request at a time holds up: it asks, and the others wait or go on with what is known. They share the
//! flag and never a future, because a future that one request makes and another polls traps the instance.

use std::cell::Cell;

/// The request that asks. The flag falls with it, also when its client hangs up in the middle.
pub(crate) struct Asking<'a>(&'a Cell<bool>);

impl<'a> Asking<'a> {
    /// Raises the flag, unless another request has.
    pub(crate) fn begin(flag: &'a Cell<bool>) -> Option<Self> {
        // Lazily: an `Asking` that is made and dropped at once would lower the flag of the one who asks.
        (!flag.replace(true)).then(|| Self(flag))
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_asks_at_a_time_and_who_hangs_up_makes_room() {
        let flag = Cell::new(false);
        let first = Asking::begin(&flag);
        assert!(first.is_some());
        for _ in 0..3 {
            assert!(Asking::begin(&flag).is_none(), "who is turned away lowers no flag");
        }
        drop(first);
        assert!(Asking::begin(&flag).is_some());
    }
}
