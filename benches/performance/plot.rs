//! Draws the plot as SVG: calls per second as bars, with the spread of the rounds.

use std::fmt::Write as _;

use crate::report::Bar;

const WIDTH: f64 = 900.0;
/// The left end of the bars.
const LEFT: f64 = 310.0;
/// The length of the longest bar.
const LONGEST: f64 = 480.0;
const ROW: f64 = 26.0;
const TITLE: f64 = 44.0;

/// Draws the bars in their groups. Each group has its own scale.
pub(crate) fn svg(bars: &[&Bar]) -> String {
    let mut drawn = String::new();
    let mut y = 0.0;
    for group in bars.chunk_by(|one, other| one.group == other.group) {
        let most = group.iter().map(|bar| bar.rate.highest).fold(1.0, f64::max);
        let title = group.first().map(|bar| bar.group.as_str()).unwrap_or_default();
        let _ = writeln!(drawn, r#"<text class="title" x="12" y="{}">{title}</text>"#, y + 28.0);
        y += TITLE;
        for bar in group {
            draw(&mut drawn, bar, y, LONGEST / most);
            y += ROW;
        }
    }
    format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">
<title>Calls per second of Doorward and others</title>
<style>
text {{ fill: rgb(36, 41, 47); }} .title {{ font-weight: bold; font-size: 14px; }}
.bar {{ fill: rgb(140, 149, 159); }} .doorward {{ fill: rgb(9, 105, 218); }} .spread {{ stroke: rgb(36, 41, 47); stroke-width: 1.5; }}
</style>
<rect width="100%" height="100%" fill="white"/>
{drawn}</svg>
"#,
        height = y + 16.0,
    )
}

fn draw(drawn: &mut String, bar: &Bar, y: f64, scale: f64) {
    let Bar { label, rate, is_doorward, .. } = bar;
    let class = if *is_doorward { "bar doorward" } else { "bar" };
    let (middle, text) = (y + 9.0, y + 14.0);
    let x = |rate: f64| LEFT + rate * scale;
    let _ =
        writeln!(drawn, r#"<text x="{}" y="{text}" text-anchor="end">{label}</text>"#, LEFT - 10.0);
    let _ = writeln!(
        drawn,
        r#"<rect class="{class}" x="{LEFT}" y="{y}" width="{:.1}" height="18"/>"#,
        rate.median * scale
    );
    let _ = writeln!(
        drawn,
        r#"<line class="spread" x1="{:.1}" y1="{middle}" x2="{:.1}" y2="{middle}"/>"#,
        x(rate.lowest),
        x(rate.highest)
    );
    let _ = writeln!(
        drawn,
        r#"<text x="{:.1}" y="{text}">{:.0}</text>"#,
        x(rate.highest) + 8.0,
        rate.median
    );
}
