//! How the cost of a call grows with connections, tools, users and the length of tokens. Nothing
//! may grow faster than its input.

mod connections;
mod registry;
mod tokens;
mod users;

use crate::{
    bench::Bench,
    chart::Panel,
    compare::Spread,
    report::{Findings, Goal, Line},
    subject::On,
};

/// How much more than its input a cost may grow from one point to the next, because of the spread
/// of the rounds.
const TOLERANCE: f64 = 1.25;

/// A cost at several sizes of its input, in ascending order.
struct Curve {
    /// What is measured, for the line of a size.
    what: fn(usize) -> String,
    /// The same without a size, for the plot.
    label: &'static str,
    unit: &'static str,
    points: Vec<Point>,
}

struct Point {
    input: usize,
    cost: Spread,
    /// Another figure of the same rounds.
    more: String,
}

pub(crate) async fn measure(on: On, bench: &Bench) -> Result<Findings, String> {
    let mut curves = vec![connections::measure(on, bench).await?];
    curves.extend(registry::measure(on, bench).await?);
    curves.extend(users::measure(on, bench).await?);
    curves.extend(tokens::measure(on, bench).await?);
    let lines = curves.iter().flat_map(|curve| curve.lines(on)).collect();
    Ok(Findings { lines, panels: vec![panel(on, &curves)], ..Findings::default() })
}

impl Curve {
    fn lines(&self, on: On) -> Vec<Line> {
        let last = self.points.len().saturating_sub(1);
        let line = |(index, point): (usize, &Point)| Line {
            what: (self.what)(point.input),
            on: on.to_string(),
            doorward: point.cost.show(if self.unit.is_empty() { 0 } else { 3 }, self.unit),
            compared: point.more.clone(),
            goal: Goal::of("grows no faster", self.grows_no_faster()).filter(|_| index == last),
            ..Line::default()
        };
        self.points.iter().enumerate().map(line).collect()
    }

    /// Whether from each point to the next the cost grows at most as much as its input.
    fn grows_no_faster(&self) -> bool {
        self.points.windows(2).all(|pair| {
            let input = pair[1].input as f64 / pair[0].input as f64;
            pair[1].cost.median / pair[0].cost.median <= input * TOLERANCE
        })
    }

    /// Input and cost, both relative to the first point.
    fn relative(&self) -> Vec<(f64, f64)> {
        let Some(first) = self.points.first() else { return Vec::new() };
        let relative = |point: &Point| {
            (point.input as f64 / first.input as f64, point.cost.median / first.cost.median)
        };
        self.points.iter().map(relative).collect()
    }
}

/// All curves, and the one that grows as fast as its input.
fn panel(on: On, curves: &[Curve]) -> Panel {
    let lines = curves.iter().map(|curve| (curve.label.to_owned(), curve.relative()));
    let furthest = |lines: &[(String, Vec<(f64, f64)>)], least: f64| {
        let points = lines.iter().flat_map(|(_, points)| points);
        points.map(|point| point.0).fold(least, f64::max)
    };
    let mut lines: Vec<_> = lines.collect();
    let end = furthest(&lines, 1.0);
    lines.push(("as fast as the input".to_owned(), vec![(1.0, 1.0), (end, end)]));
    Panel {
        title: format!("Growth of the cost of a call, on {}", on.plain()),
        across: "times the input".to_owned(),
        is_logarithmic: true,
        lines,
    }
}
