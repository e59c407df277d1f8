//! Writes the results of a run into `docs/performance.md`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    bench::Bench,
    components::target,
    plot,
    report::{Bar, Findings, table},
};

const PERFORMANCE: &str = "docs/performance.md";
const PLOT: &str = "docs/performance.svg";

/// Draws the plot. With `--write`, also writes the tables and the plot into `docs`.
///
/// # Errors
/// Returns a message if a file cannot be written, or lacks the marks around a table.
pub(crate) fn write(parts: &[(&str, Findings)], facts: &str, bench: &Bench) -> Result<(), String> {
    let bars: Vec<&Bar> = parts.iter().flat_map(|(_, findings)| &findings.bars).collect();
    if !bench.options.write {
        let path = target("performance.svg");
        if !bars.is_empty() {
            save(&path, &plot::svg(&bars))?;
            bench.say(&format!("wrote the plot to {}", path.display()));
        }
        return Ok(());
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let headlines = parts.iter().flat_map(|(_, findings)| &findings.lines);
    let headlines = table(headlines.filter(|line| line.is_headline));
    let path = root.join(PERFORMANCE);
    let mut text = between(&load(&path)?, "facts", &format!("{facts}\n"))?;
    text = between(&text, "summary", &headlines)?;
    for (part, findings) in parts {
        text = between(&text, part, &table(&findings.lines))?;
    }
    save(&path, &text)?;
    save(&root.join(PLOT), &plot::svg(&bars))?;
    bench.say(&format!("wrote {PERFORMANCE} and {PLOT}"));
    Ok(())
}

/// Replaces the text between the marks of this name.
fn between(text: &str, name: &str, new: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- benchmark: {name} -->\n"), "<!-- /benchmark -->");
    let missing = || format!("{PERFORMANCE} has no `{}` followed by `{end}`.", begin.trim_end());
    let (before, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}\n{new}\n{end}{after}"))
}

fn load(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn save(path: &PathBuf, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{} cannot be written: {error}", path.display()))
}
