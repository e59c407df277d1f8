//! Parses the command line.

use std::{path::PathBuf, time::Duration};

use crate::load::Until;

const HELP: &str = "\
Compares Doorward with a component that does nothing, and with other MCP servers.

    cargo bench                         measures all parts; takes about half an hour
    cargo bench -- --write              also updates docs/performance.md
    cargo bench -- --quick warm local   short rounds, only the named parts and hosts
    cargo bench -- --baseline old.wasm warm cold
                                        compares with this component, for instance that of another
                                        commit, instead of the one that does nothing
    cargo bench -- soak --minutes 10    instead of all parts, a mixed load on all hosts at once,
                                        without --minutes for 60; an error says what did not hold
    cargo bench -- profile              instead of all parts, the functions in which a warm call on
                                        the local host spends its time; needs `perf` on PATH

Parts: warm, stalls, cold, wasi02, signature, growth, scaling, budget, limits, upstreams, peers.
Hosts: local, spin (if `spin` is on PATH).
docs/performance.md explains what each part measures.
";

/// How long the mixed load runs unless `--minutes` says something else, and at most.
const MINUTES: u64 = 60;
const MAX_MINUTES: u64 = 1440;

/// The options of a run.
#[derive(Debug)]
pub(crate) struct Options {
    /// Whether rounds are short: for development, not for publication.
    pub(crate) quick: bool,
    /// Whether the results are written into the documents.
    pub(crate) write: bool,
    /// The component to compare with instead of the one that does nothing.
    pub(crate) baseline: Option<PathBuf>,
    /// Whether the mixed load runs instead of the parts.
    pub(crate) soak: bool,
    /// Whether the functions of a warm call are measured instead of the parts.
    pub(crate) profile: bool,
    /// How long the mixed load runs.
    pub(crate) minutes: u64,
    /// The selected parts and hosts.
    words: Vec<String>,
}

/// Why the program ends without measuring.
#[derive(Debug)]
pub(crate) enum Exit {
    /// The help was requested.
    Help(&'static str),
    /// The command line is invalid.
    Usage(String),
}

/// The parts of the benchmark.
pub(crate) const PARTS: [&str; 11] = [
    "warm",
    "stalls",
    "cold",
    "wasi02",
    "signature",
    "growth",
    "scaling",
    "budget",
    "limits",
    "upstreams",
    "peers",
];

/// The hosts.
pub(crate) const HOSTS: [&str; 2] = ["local", "spin"];

impl Options {
    /// Parses the arguments.
    ///
    /// # Errors
    /// Returns `Help` if the help is requested, and `Usage` if an argument is invalid.
    pub(crate) fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Exit> {
        let mut options = Self {
            quick: false,
            write: false,
            baseline: None,
            soak: false,
            profile: false,
            minutes: MINUTES,
            words: Vec::new(),
        };
        let mut minutes = None;
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                // Cargo passes this to every benchmark.
                "--bench" => {}
                "--quick" => options.quick = true,
                "--write" => options.write = true,
                "--baseline" => {
                    let file = arguments.next().map(PathBuf::from).filter(|file| file.is_file());
                    let missing =
                        || Exit::Usage("--baseline needs the file of a component.".to_owned());
                    options.baseline = Some(file.ok_or_else(missing)?);
                }
                "soak" => options.soak = true,
                "profile" => options.profile = true,
                "--minutes" => {
                    let number = arguments.next().and_then(|number| number.parse().ok());
                    let number = number.filter(|minutes| (1..=MAX_MINUTES).contains(minutes));
                    let missing =
                        || Exit::Usage("--minutes needs a whole number, 1 to 1440.".into());
                    minutes = Some(number.ok_or_else(missing)?);
                }
                "--help" | "-h" => return Err(Exit::Help(HELP)),
                word if PARTS.contains(&word) || HOSTS.contains(&word) => {
                    options.words.push(argument);
                }
                _ => return Err(Exit::Usage(format!("Unknown argument `{argument}`.\n\n{HELP}"))),
            }
        }
        if let Some(minutes) = minutes {
            if !options.soak {
                return Err(Exit::Usage("--minutes is for `soak`.".to_owned()));
            }
            options.minutes = minutes;
        }
        let other = PARTS.iter().any(|part| options.words.iter().any(|word| word == part));
        if options.soak && (other || options.quick || options.baseline.is_some()) {
            let problem = "`soak` takes --minutes, --write and hosts, and no other parts.";
            return Err(Exit::Usage(problem.to_owned()));
        }
        if options.profile && (!options.words.is_empty() || options.soak || options.quick) {
            let problem = "`profile` takes --baseline and --write, and no other parts.";
            return Err(Exit::Usage(problem.to_owned()));
        }
        let is_partial = options.quick || options.baseline.is_some() || !options.words.is_empty();
        if options.write && is_partial && !options.profile {
            let problem = "--write takes no other arguments: only a complete run is published.";
            return Err(Exit::Usage(problem.to_owned()));
        }
        Ok(options)
    }

    /// Whether a part or host is selected: by its name, or because none of its kind is named.
    pub(crate) fn selects(&self, kind: &[&str], name: &str) -> bool {
        let mut named = self.words.iter().filter(|word| kind.contains(&word.as_str())).peekable();
        named.peek().is_none() || named.any(|word| word == name)
    }

    /// The duration of a round of load.
    pub(crate) fn round(&self) -> Until {
        Until::Time(Duration::from_millis(self.of(1000, 400)))
    }

    /// The number of rounds of each load.
    pub(crate) fn rounds(&self) -> usize {
        self.of(9, 5)
    }

    /// Returns `whole` for a run for publication, or `quick` for one with short rounds.
    pub(crate) fn of<T>(&self, whole: T, quick: T) -> T {
        if self.quick { quick } else { whole }
    }
}
