//! Measures several loads in turn, so that other work on the machine affects all of them alike.

use crate::load::{Load, Round, Until, quantile};

/// The median, the lowest and the highest of a value over all rounds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |share| quantile(&values, share);
        Self { median: at(0.5), lowest: at(0.0), highest: at(1.0) }
    }

    /// Formats the values with a unit and this number of decimals.
    pub(crate) fn show(self, decimals: usize, unit: &str) -> String {
        let Self { median, lowest, highest } = self;
        format!("{median:.decimals$}{unit} ({lowest:.decimals$}–{highest:.decimals$})")
    }
}

/// The rounds of several loads: for each round, the results of all loads.
pub(crate) struct Rounds(Vec<Vec<Round>>);

impl Rounds {
    /// Runs all loads in turn. The first round is a warm-up and does not count. Every second round
    /// runs the loads in reverse order.
    ///
    /// # Errors
    /// Returns the first unexpected answer.
    pub(crate) async fn run(
        loads: &[Load],
        connections: usize,
        until: Until,
        rounds: usize,
    ) -> Result<Self, String> {
        let mut all = Vec::new();
        for number in 0..=rounds {
            let mut outcomes = vec![Round::default(); loads.len()];
            let mut order: Vec<usize> = (0..loads.len()).collect();
            if number % 2 == 1 {
                order.reverse();
            }
            for index in order {
                outcomes[index] = loads[index].round(connections, until).await?;
            }
            if number > 0 {
                all.push(outcomes);
            }
        }
        Ok(Self(all))
    }

    /// A value of one load, over all rounds.
    pub(crate) fn of(&self, load: usize, value: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|round| value(&round[load])))
    }

    /// A value computed from two loads, over all rounds.
    pub(crate) fn both(
        &self,
        one: usize,
        other: usize,
        value: impl Fn(&Round, &Round) -> f64,
    ) -> Spread {
        Spread::of(self.0.iter().map(|round| value(&round[one], &round[other])))
    }
}
