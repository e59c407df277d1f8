//! What is asked for on the command line.

use std::time::Duration;

const HELP: &str = "\
Measures Doorward against a component that does nothing, and against what people would use instead.

    cargo bench                         everything, in less than a quarter of an hour
    cargo bench -- --write              and writes what README.md and docs/performance.md show
    cargo bench -- --quick warm local   short rounds of the parts and hosts with these words in their names

Parts: warm, stalls, cold, signature, growth, budget, peers. Hosts: local, spin (where `spin` is on PATH).
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

/// The parts of the benchmark.
pub(crate) const PARTS: [&str; 7] =
    ["warm", "stalls", "cold", "signature", "growth", "budget", "peers"];

/// The hosts.
pub(crate) const HOSTS: [&str; 2] = ["local", "spin"];

impl Options {
    /// # Errors
    /// What to print instead of measuring.
    pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { quick: false, write: false, words: Vec::new() };
        for argument in arguments {
            match argument.as_str() {
                // Cargo says this to every benchmark.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                word if PARTS.contains(&word) || HOSTS.contains(&word) => {
                    options.words.push(argument);
                }
                _ => return Err(HELP.to_owned()),
            }
        }
        if options.write && (options.quick || !options.words.is_empty()) {
            return Err("Only a whole run with long rounds is for publication.".to_owned());
        }
        Ok(options)
    }

    /// Whether a part or host is asked for: by its name, or because none of its kind is named.
    pub(crate) fn wants(&self, kind: &[&str], name: &str) -> bool {
        let mut named = self.words.iter().filter(|word| kind.contains(&word.as_str())).peekable();
        named.peek().is_none() || named.any(|word| word == name)
    }

    /// How long a round of load lasts.
    pub(crate) fn round(&self) -> Duration {
        if self.quick { Duration::from_millis(400) } else { Duration::from_millis(1000) }
    }

    /// How many rounds there are of each.
    pub(crate) fn rounds(&self) -> usize {
        if self.quick { 5 } else { 9 }
    }
}
