//! Two subjects, measured in turn, so that whatever else the machine does concerns both.

use std::fmt;

use crate::load::{Load, Round, Until};

/// A value of each round: the median, the lowest and the highest.
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
        let at = |share| crate::load::quantile(&values, share);
        Self { median: at(0.5), lowest: at(0.0), highest: at(1.0) }
    }

    /// With a unit, and so many decimals.
    pub(crate) fn show(self, decimals: usize, unit: &str) -> String {
        let Self { median, lowest, highest } = self;
        format!("{median:.decimals$}{unit} ({lowest:.decimals$}–{highest:.decimals$})")
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.show(2, ""))
    }
}

/// The rounds of two loads.
pub(crate) struct Pairs(Vec<(Round, Round)>);

impl Pairs {
    /// Runs both in turn, after one round each that does not count. Which of them comes first changes every time.
    ///
    /// # Errors
    /// The first answer that is not the expected one.
    pub(crate) async fn run(
        one: &Load,
        other: &Load,
        connections: usize,
        until: Until,
        rounds: usize,
    ) -> Result<Self, String> {
        let mut pairs = Vec::new();
        for round in 0..=rounds {
            let pair = if round % 2 == 0 {
                let first = one.round(connections, until).await?;
                (first, other.round(connections, until).await?)
            } else {
                let first = other.round(connections, until).await?;
                (one.round(connections, until).await?, first)
            };
            if round > 0 {
                pairs.push(pair);
            }
        }
        Ok(Self(pairs))
    }

    /// A value of the first load.
    pub(crate) fn one(&self, value: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|(one, _)| value(one)))
    }

    /// A value of the second load.
    pub(crate) fn other(&self, value: impl Fn(&Round) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|(_, other)| value(other)))
    }

    /// What the values of each pair come to.
    pub(crate) fn both(&self, value: impl Fn(&Round, &Round) -> f64) -> Spread {
        Spread::of(self.0.iter().map(|(one, other)| value(one, other)))
    }
}
