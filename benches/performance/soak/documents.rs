//! Draws the plot of a run, and writes the tables.

use super::{record::Sample, verdict::Verdict};
use crate::{
    bench::Bench,
    chart::{self, Panel},
    documents,
    subject::On,
};

/// Draws the plot. With `--write`, also writes it and the tables into `docs`.
///
/// # Errors
/// Returns a message if a file cannot be written, or lacks the marks around the tables.
pub(super) fn write(seen: &[(On, Vec<Sample>, Verdict)], bench: &Bench) -> Result<(), String> {
    let panels: Vec<Panel> =
        seen.iter().flat_map(|(on, samples, _)| panels(*on, samples)).collect();
    documents::write_plot("soak", &chart::svg("A mixed load over time", &panels), bench)?;
    if !bench.options.write {
        return Ok(());
    }
    let tables: Vec<String> = seen.iter().map(|(_, _, verdict)| verdict.table()).collect();
    documents::replace(&[("soak", tables.join("\n"))])
}

fn panels(on: On, samples: &[Sample]) -> [Panel; 3] {
    let line = |label: &str, value: &dyn Fn(&Sample) -> Option<f64>| {
        let points = samples.iter().filter_map(|sample| Some((sample.at / 60.0, value(sample)?)));
        (label.to_owned(), points.filter(|(_, value)| value.is_finite()).collect())
    };
    let panel = |title: &str, lines| Panel {
        title: format!("{title}, on {}", on.plain()),
        across: "minutes".to_owned(),
        is_logarithmic: false,
        lines,
    };
    [
        panel("Requests per second", vec![line("all requests", &|sample| Some(sample.rate))]),
        panel(
            "Latency of ordinary calls in milliseconds",
            vec![
                line("median", &|sample| Some(sample.p50)),
                line("99th percentile", &|sample| Some(sample.p99)),
            ],
        ),
        panel("Memory of the host in MiB", vec![line("resident", &|sample| sample.memory)]),
    ]
}
