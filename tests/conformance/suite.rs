//! The runs of the suite: which part of it, against which server, and which checks may fail.

use libtest_mimic::Failed;

use crate::{
    node::{self, NodePackage},
    subject::{Subject, Subjects},
};

/// The outcome of a test.
pub(crate) type Outcome = Result<(), Failed>;

/// One run of the suite. A warning counts as a failure. So does a check that passes although the
/// baseline lists it.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    release: Release,
    subject: Subject,
    selection: Selection,
    /// A file in `baselines/` that lists which checks may fail, and why.
    baseline: &'static str,
}

/// A release of the suite.
#[derive(Clone, Copy)]
enum Release {
    /// The release that supports revision 2026-07-28.
    Alpha,
    /// The latest release that is not a pre-release.
    Stable,
}

/// A part of the suite.
#[derive(Clone, Copy)]
enum Selection {
    /// Everything that is active by default.
    Active,
    /// Everything that a revision requires.
    Requirements(&'static str),
    /// One scenario, for one revision.
    Scenario(&'static str, &'static str),
}

use Release::{Alpha, Stable};
use Selection::{Active, Requirements, Scenario};
use Subject::{Doorward, Fixture};

/// All runs.
pub(crate) const RUNS: [Run; 16] = [
    Run::new(Alpha, Fixture, Requirements("2026-07-28"), "none.yml"),
    Run::new(Alpha, Fixture, Requirements("2025-11-25"), "fixture-2025-11-25.yml"),
    Run::new(Stable, Fixture, Active, "fixture-0.1.16.yml"),
    // No revision requires these scenarios yet.
    Run::new(Alpha, Fixture, Scenario("json-schema-2020-12", "2026-07-28"), "none.yml"),
    Run::new(Alpha, Fixture, Scenario("json-schema-2020-12", "2025-11-25"), "none.yml"),
    Run::new(Alpha, Fixture, Scenario("http-header-validation", "2026-07-28"), "none.yml"),
    Run::new(
        Alpha,
        Fixture,
        Scenario("http-custom-header-server-validation", "2026-07-28"),
        "none.yml",
    ),
    Run::new(Alpha, Doorward, Scenario("server-stateless", "2026-07-28"), "doorward.yml"),
    Run::new(Alpha, Doorward, Scenario("http-header-validation", "2026-07-28"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("dns-rebinding-protection", "2026-07-28"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("dns-rebinding-protection", "2025-11-25"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("tools-list", "2026-07-28"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("tools-list", "2025-11-25"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("tools-list", "2025-06-18"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("server-initialize", "2025-11-25"), "none.yml"),
    Run::new(Alpha, Doorward, Scenario("ping", "2025-11-25"), "none.yml"),
];

impl Run {
    const fn new(
        release: Release,
        subject: Subject,
        selection: Selection,
        baseline: &'static str,
    ) -> Self {
        Self { release, subject, selection, baseline }
    }

    /// The test's name.
    pub(crate) fn name(&self) -> String {
        let Self { subject, release, .. } = self;
        let release = match release {
            Alpha => "0.2.0-alpha.12",
            Stable => "0.1.16",
        };
        let what = match self.selection {
            Active => "everything active".to_owned(),
            Requirements(revision) => format!("everything that {revision} requires"),
            Scenario(name, revision) => format!("{name} in {revision}"),
        };
        format!("{subject}: {what} (suite {release})")
    }

    /// Runs this part of the suite.
    pub(crate) fn start(&self, subjects: &Subjects, package: &NodePackage) -> Outcome {
        let suite = match self.release {
            Alpha => "node_modules/@modelcontextprotocol/conformance/dist/index.js",
            Stable => "node_modules/conformance-01/dist/index.js",
        };
        let url = subjects.url(self.subject);
        let baseline = format!("baselines/{}", self.baseline);
        let mut command = package.node(["--import", "./bearer.mjs", suite, "server"])?;
        command.args(["--url", &url, "--expected-failures", &baseline]);
        match self.selection {
            Active => command.args(["--suite", "active"]),
            Requirements(revision) => command.args(["--requirements", revision]),
            Scenario(name, revision) => {
                command.args(["--scenario", name, "--spec-version", revision])
            }
        };
        command.env("MCP_URL", &url).env("MCP_TOKEN", subjects.token(self.subject));
        node::run(suite, &mut command).map(drop)
    }
}
