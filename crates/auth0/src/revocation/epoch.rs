//! Tells whether a cached answer is older than a revocation: each answer has the last revocations
//! that were known when the tenant was asked. Revocations are random numbers that are compared for
//! equality, so it does not matter how far the clocks of machines differ.

use serde_json::{Value, json};

/// How long the first answers after a revocation are cached, in milliseconds: the tenant may report
/// a change before all of its servers know it.
const SETTLING_MILLIS: u64 = 2000;

/// How often answers are asked for again because roles or APIs change, in milliseconds. Such a
/// change is about everybody, and an administrator, or a script, may make many of them in a row.
/// Asking more often would cost a tenant more than the default of `permission_cache_seconds` does.
const DEBOUNCE_MILLIS: u64 = 10_000;

/// The last revocations of each kind, as random numbers; 0 if there was none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Generations {
    /// Of the user.
    pub(super) user: u64,
    /// Of everybody.
    pub(super) everybody: u64,
    /// Of everybody, because a role or an API was changed.
    pub(super) roles: u64,
}

/// The revocations that were known when an answer was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch {
    generations: Generations,
    /// When it was first asked after these revocations, in milliseconds since the Unix epoch; 0 if
    /// that is long ago.
    first_asked_at: u64,
    /// The same after the last change of roles or APIs, whatever was revoked since; 0 if none was
    /// seen, or if that is long ago.
    first_asked_after_roles_at: u64,
}

impl Generations {
    /// Those that do not depend on a user.
    pub(crate) fn of_everybody(self) -> Self {
        Self { user: 0, ..self }
    }
}

impl Epoch {
    /// The epoch of an answer that was asked for at `asked_at` with `generations` read before.
    /// `previous` is that of the answer that it replaces.
    pub(crate) fn after(previous: Option<Self>, generations: Generations, asked_at: u64) -> Self {
        let first_asked_at = match previous {
            Some(previous) if previous.generations == generations => previous.first_asked_at,
            None if generations == Generations::default() => 0,
            _ => asked_at,
        };
        let first_asked_after_roles_at = match previous {
            Some(previous) if previous.generations.roles == generations.roles => {
                previous.first_asked_after_roles_at
            }
            Some(_) => asked_at,
            None => 0,
        };
        Self { generations, first_asked_at, first_asked_after_roles_at }
    }

    /// Whether an answer of this epoch, asked for at `asked_at`, counts while `generations` are the
    /// last.
    pub(crate) fn is_current(&self, asked_at: u64, generations: Generations, now: u64) -> bool {
        let Generations { user, everybody, roles } = self.generations;
        let is_within = |millis, since| now.checked_sub(since).is_some_and(|age: u64| age < millis);
        if (user, everybody) != (generations.user, generations.everybody) {
            return false;
        }
        if roles != generations.roles {
            return is_within(DEBOUNCE_MILLIS, self.first_asked_after_roles_at);
        }
        let has_settled = asked_at.saturating_sub(self.first_asked_at) >= SETTLING_MILLIS;
        has_settled || is_within(SETTLING_MILLIS, self.first_asked_at)
    }

    /// As JSON, for records that are sealed.
    pub(crate) fn to_json(self) -> Value {
        let Generations { user, everybody, roles } = self.generations;
        json!([user, everybody, roles, self.first_asked_at, self.first_asked_after_roles_at])
    }

    /// Reads what [`to_json`](Self::to_json) writes.
    pub(crate) fn from_json(json: &Value) -> Option<Self> {
        let [user, everybody, roles, first_asked_at, first_asked_after_roles_at] =
            json.as_array()?.as_slice()
        else {
            return None;
        };
        let generations = Generations {
            user: user.as_u64()?,
            everybody: everybody.as_u64()?,
            roles: roles.as_u64()?,
        };
        Some(Self {
            generations,
            first_asked_at: first_asked_at.as_u64()?,
            first_asked_after_roles_at: first_asked_after_roles_at.as_u64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000_000;

    fn generations(user: u64, everybody: u64, roles: u64) -> Generations {
        Generations { user, everybody, roles }
    }

    #[test]
    fn an_answer_counts_only_with_the_revocations_that_it_was_asked_for_after() {
        let own = generations(1, 2, 3);
        let epoch = Epoch { generations: own, ..Epoch::default() };
        for (last, counts) in [
            (own, true),
            (generations(9, 2, 3), false),
            (generations(1, 9, 3), false),
            (generations(1, 2, 9), false),
            (generations(0, 2, 3), false),
            (Generations::default(), false),
        ] {
            // The clock of this machine may be wrong by any time.
            for now in [NOW - 60_000, NOW, NOW + 60_000] {
                assert_eq!(epoch.is_current(NOW, last, now), counts, "{last:?}");
            }
        }
    }

    #[test]
    fn the_first_answer_after_a_revocation_is_asked_for_again_when_the_tenant_has_settled() {
        let last = generations(1, 0, 0);
        let first = Epoch::after(Some(Epoch::default()), last, NOW);
        assert!(first.is_current(NOW, last, NOW + 1_999));
        assert!(!first.is_current(NOW, last, NOW + 2_000));
        let second = Epoch::after(Some(first), last, NOW + 2_000);
        assert!(second.is_current(NOW + 2_000, last, NOW + 3_600_000));
        // One that is asked for in between, for another reason, has not settled either.
        let between = Epoch::after(Some(first), last, NOW + 500);
        assert!(!between.is_current(NOW + 500, last, NOW + 2_000));
        // Nothing is known of when the user was revoked, if nobody asked about the user since.
        let cold = Epoch::after(None, last, NOW);
        assert!(!cold.is_current(NOW, last, NOW + 2_000));
        let never_revoked = Epoch::after(None, Generations::default(), NOW);
        assert!(never_revoked.is_current(NOW, Generations::default(), NOW + 3_600_000));
    }

    #[test]
    fn changes_of_roles_in_a_row_are_asked_about_every_ten_seconds() {
        let epoch = Epoch::after(Some(Epoch::default()), generations(0, 0, 1), NOW);
        let next = generations(0, 0, 2);
        assert!(epoch.is_current(NOW, next, NOW + 1_500));
        assert!(epoch.is_current(NOW, next, NOW + 9_999));
        assert!(!epoch.is_current(NOW, next, NOW + 10_000));
        assert!(!epoch.is_current(NOW, next, NOW - 1), "a clock was set back");
        assert!(!epoch.is_current(NOW, generations(1, 0, 2), NOW), "the user was revoked as well");
        assert!(
            !Epoch::default().is_current(NOW, next, NOW),
            "the first one is asked about at once"
        );
    }

    /// Reproduction: what was taken away by a change of a role counted for 10 more seconds if the
    /// user, or everybody, had been revoked for another reason just before.
    #[test]
    fn the_first_change_of_roles_counts_at_once_whatever_was_revoked_before() {
        let none = generations(0, 0, 0);
        for before in [generations(1, 0, 0), generations(0, 1, 0), none] {
            let epoch = Epoch::after(Some(Epoch::default()), before, NOW);
            assert!(
                !epoch.is_current(NOW, Generations { roles: 1, ..before }, NOW + 1),
                "{before:?}"
            );
        }
        let cold = Epoch::after(None, generations(0, 0, 1), NOW);
        assert!(
            !cold.is_current(NOW, generations(0, 0, 2), NOW + 1),
            "an earlier one is not known"
        );
        // A change of roles that was asked about is remembered when others are revoked.
        let first = Epoch::after(Some(Epoch::default()), generations(0, 0, 1), NOW);
        let second = Epoch::after(Some(first), generations(1, 0, 1), NOW + 6_000);
        assert!(second.is_current(NOW + 6_000, generations(1, 0, 2), NOW + 9_999));
        assert!(!second.is_current(NOW + 6_000, generations(1, 0, 2), NOW + 10_000));
    }

    #[test]
    fn an_epoch_comes_back_as_it_was() {
        let generations = generations(1, u64::MAX, 3);
        let epoch = Epoch { generations, first_asked_at: NOW, first_asked_after_roles_at: NOW - 1 };
        assert_eq!(Epoch::from_json(&epoch.to_json()), Some(epoch));
        for bad in
            [json!(null), json!([1, 2, 3]), json!([1, 2, 3, 4, "5"]), json!([1, 2, 3, 4, 5, 6])]
        {
            assert_eq!(Epoch::from_json(&bad), None, "{bad}");
        }
    }
}
