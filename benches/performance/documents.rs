//! Writes the results of a run into `docs/performance.md`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    bench::Bench,
    chart,
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
    let panels = parts.iter().flat_map(|(_, findings)| findings.panels.clone());
    let panels: Vec<_> = panels.collect();
    if !panels.is_empty() {
        write_plot("growth", &chart::svg("How the cost of a call grows", &panels), bench)?;
    }
    let bars: Vec<&Bar> = parts.iter().flat_map(|(_, findings)| &findings.bars).collect();
    if !bench.options.write {
        let path = target("performance.svg");
        if !bars.is_empty() {
            save(&path, &plot::svg(&bars))?;
            bench.say(&format!("wrote the plot to {}", path.display()));
        }
        return Ok(());
    }
    let headlines = parts.iter().flat_map(|(_, findings)| &findings.lines);
    let headlines = table(headlines.filter(|line| line.is_headline));
    let tables = parts.iter().map(|(part, findings)| (*part, table(&findings.lines)));
    let facts = ("facts", format!("{facts}\n"));
    let all: Vec<_> = [facts, ("summary", headlines)].into_iter().chain(tables).collect();
    replace(&all)?;
    save(&root().join(PLOT), &plot::svg(&bars))?;
    bench.say(&format!("wrote {PERFORMANCE} and {PLOT}"));
    Ok(())
}

/// Replaces texts in `docs/performance.md`, each by the name of the marks around it.
///
/// # Errors
/// Returns a message if the file cannot be written, or lacks the marks.
pub(crate) fn replace(texts: &[(&str, String)]) -> Result<(), String> {
    let path = root().join(PERFORMANCE);
    let mut text = load(&path)?;
    for (name, new) in texts {
        text = between(&text, name, new)?;
    }
    save(&path, &text)
}

/// Writes a plot: with `--write` into `docs/images`, otherwise into `target`.
///
/// # Errors
/// Returns a message if the file cannot be written.
pub(crate) fn write_plot(name: &str, svg: &str, bench: &Bench) -> Result<(), String> {
    let folder = if bench.options.write { root().join("docs/images") } else { target("plots") };
    fs::create_dir_all(&folder)
        .map_err(|error| format!("{} cannot be written: {error}", folder.display()))?;
    let path = folder.join(format!("{name}.svg"));
    save(&path, svg)?;
    bench.say(&format!("wrote the plot to {}", path.display()));
    Ok(())
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
