//! What is asked for on the command line.

use std::time::Duration;

use crate::load::Until;

const HELP: &str = "\
Measures Doorward against a component that does nothing, and against what people would use instead.

    cargo bench                         everything, in less than a quarter of an hour
    cargo bench -- --write              and writes what README.md and docs/performance.md show
    cargo bench -- --quick warm local   short rounds of the parts and hosts with these names

Parts: warm, stalls, cold, signature, growth, budget, peers. Hosts: local, spin (where `spin` is on PATH).
The parts, and what each of them measures, are in docs/performance.md.
";

/// The command line.
#[derive(Debug)]
pub(crate) struct Options {
    /// Short rounds: for development, not for publication.
    pub(crate) quick: bool,
    /// Whether what the documents show is written.
    pub(crate) write: bool,
    words: Vec<String>,
}

/// What there is to do instead of measuring.
#[derive(Debug)]
pub(crate) enum Instead {
    /// The help was asked for.
    Help(&'static str),
    /// The command line cannot be understood.
    Refuse(String),
}

/// The parts of the benchmark.
pub(crate) const PARTS: [&str; 7] =
    ["warm", "stalls", "cold", "signature", "growth", "budget", "peers"];

/// The hosts.
pub(crate) const HOSTS: [&str; 2] = ["local", "spin"];

impl Options {
    /// # Errors
    /// What to do instead of measuring.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Instead> {
        let mut options = Self { quick: false, write: false, words: Vec::new() };
        for argument in arguments {
            match argument.as_str() {
                // Cargo says this to every benchmark.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                "--help" | "-h" => return Err(Instead::Help(HELP)),
                word if PARTS.contains(&word) || HOSTS.contains(&word) => {
                    options.words.push(argument);
                }
                _ => return Err(Instead::Refuse(format!("What is `{argument}`?\n\n{HELP}"))),
            }
        }
        if options.write && (options.quick || !options.words.is_empty()) {
            let problem = "--write goes with nothing else: only a whole run is for publication.";
            return Err(Instead::Refuse(problem.to_owned()));
        }
        Ok(options)
    }

    /// Whether a part or host is asked for: by its name, or because none of its kind is named.
    pub(crate) fn wants(&self, kind: &[&str], name: &str) -> bool {
        let mut named = self.words.iter().filter(|word| kind.contains(&word.as_str())).peekable();
        named.peek().is_none() || named.any(|word| word == name)
    }

    /// How long a round of load lasts.
    pub(crate) fn round(&self) -> Until {
        Until::Time(Duration::from_millis(self.of(1000, 400)))
    }

    /// How many rounds there are of each.
    pub(crate) fn rounds(&self) -> usize {
        self.of(9, 5)
    }

    /// A number for publication, and one for development.
    pub(crate) fn of<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}
