//! Draws line charts as SVG, one below the other.

use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 690.0;
const TITLE: f64 = 40.0;
const HEIGHT: f64 = 150.0;
const FOOT: f64 = 34.0;

/// The colors of the lines, in order.
const COLORS: [&str; 9] = [
    "rgb(9, 105, 218)",
    "rgb(207, 34, 46)",
    "rgb(26, 127, 55)",
    "rgb(154, 103, 0)",
    "rgb(130, 80, 223)",
    "rgb(87, 96, 106)",
    "rgb(191, 57, 137)",
    "rgb(27, 124, 131)",
    "rgb(36, 41, 47)",
];

/// One chart.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    /// What it shows, with the unit.
    pub(crate) title: String,
    /// What is below its axis.
    pub(crate) across: String,
    /// Whether both axes are logarithmic, from 1 on.
    pub(crate) is_logarithmic: bool,
    /// The lines: the label and the points.
    pub(crate) lines: Vec<(String, Vec<(f64, f64)>)>,
}

/// Draws the charts.
pub(crate) fn svg(title: &str, panels: &[Panel]) -> String {
    let mut drawn = String::new();
    let mut y = 0.0;
    for panel in panels {
        panel.draw(&mut drawn, y);
        y += TITLE + HEIGHT + FOOT;
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">
<title>{title}</title>
<style>
text {{ fill: rgb(36, 41, 47); }} .title {{ font-weight: bold; font-size: 14px; }}
.axis {{ stroke: rgb(140, 149, 159); }} .line {{ fill: none; stroke-width: 1.6; }}
</style>
<rect width="100%" height="100%" fill="white"/>
{drawn}</svg>
"#,
        height = y + 8.0,
    )
}

impl Panel {
    fn draw(&self, drawn: &mut String, y: f64) {
        let points = || self.lines.iter().flat_map(|(_, points)| points);
        let scaled = |value: f64| if self.is_logarithmic { value.max(1.0).log10() } else { value };
        let most = |all: &mut dyn Iterator<Item = f64>| all.map(scaled).fold(0.0, f64::max);
        let (widest, highest) = (
            most(&mut points().map(|point| point.0)).max(1e-9),
            most(&mut points().map(|point| point.1)).max(1e-9),
        );
        let bottom = y + TITLE + HEIGHT;
        let at = |(x, value): (f64, f64)| {
            (LEFT + scaled(x) / widest * (RIGHT - LEFT), bottom - scaled(value) / highest * HEIGHT)
        };
        let Self { title, across, .. } = self;
        let _ = writeln!(drawn, r#"<text class="title" x="12" y="{:.1}">{title}</text>"#, y + 26.0);
        for (x, end, level) in [(LEFT, LEFT, y + TITLE), (LEFT, RIGHT, bottom)] {
            let _ = writeln!(
                drawn,
                r#"<line class="axis" x1="{x}" y1="{level:.1}" x2="{end}" y2="{bottom:.1}"/>"#
            );
        }
        for share in [0.0, 0.5, 1.0] {
            let value = self.value(share * highest);
            let _ = writeln!(
                drawn,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="end">{value}</text>"#,
                LEFT - 6.0,
                bottom - share * HEIGHT + 4.0
            );
            let value = self.value(share * widest);
            let _ = writeln!(
                drawn,
                r#"<text x="{:.1}" y="{:.1}" text-anchor="middle">{value}</text>"#,
                LEFT + share * (RIGHT - LEFT),
                bottom + 15.0
            );
        }
        let _ = writeln!(
            drawn,
            r#"<text x="{:.1}" y="{:.1}">{across}</text>"#,
            RIGHT + 30.0,
            bottom + 15.0
        );
        for (number, (label, points)) in self.lines.iter().enumerate() {
            let color = COLORS[number % COLORS.len()];
            let placed = points.iter().map(|point| at(*point));
            let placed: Vec<String> = placed.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = writeln!(
                drawn,
                r#"<polyline class="line" stroke="{color}" points="{}"/>"#,
                placed.join(" ")
            );
            let _ = writeln!(
                drawn,
                r#"<text style="fill: {color}" x="{:.1}" y="{:.1}">{label}</text>"#,
                RIGHT + 12.0,
                y + TITLE + 12.0 + 17.0 * number as f64
            );
        }
    }

    /// The text of a scaled value.
    fn value(&self, scaled: f64) -> String {
        let value = if self.is_logarithmic { 10_f64.powf(scaled) } else { scaled };
        match value {
            value if value >= 20.0 || value == 0.0 => format!("{value:.0}"),
            value if value >= 2.0 => format!("{value:.1}"),
            value => format!("{value:.2}"),
        }
    }
}
