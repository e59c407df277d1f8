//! Completes the commands that outcomes name, so that they can be run as they stand.

use super::outcome::{Outcome, Verdict};
use crate::{
    cli,
    setup::{self, EnvFile},
    variables::Variables,
};
use std::path::PathBuf;

const SETUP: &str = "cargo run -- tenant setup";
const SECRETS: &str = "cargo run -- secrets ";

/// What the commands need.
pub(super) struct Commands {
    /// The option that says how the Management API is reached, after a space; empty for the Auth0
    /// CLI.
    access: String,
    domain: String,
    public_url: String,
    file: File,
    /// Whether an earlier run of the set-up left a state file beside it.
    is_remembered: bool,
}

/// The file with the variables.
enum File {
    /// The commands take it if nothing names another.
    Usual,
    /// The commands wrote it, and have to be told.
    Named(PathBuf),
    /// Somebody else wrote it, so the commands leave it alone.
    Foreign(PathBuf),
    /// There is none.
    None,
}

impl Commands {
    pub(super) fn new(options: &cli::Check, variables: &Variables) -> Self {
        let is_local = variables.tenant_origin().starts_with("http://");
        let access = match (&options.auth0_cli, options.token_stdin || is_local) {
            (_, true) => " --token-stdin".to_owned(),
            (Some(program), false) if program != "auth0" => format!(" --auth0-cli {program}"),
            (Some(_), false) => " --auth0-cli".to_owned(),
            (None, false) => String::new(),
        };
        let usual = std::env::current_dir().unwrap_or_default().join(".env");
        let file = match &variables.file {
            None => File::None,
            Some(path) if !EnvFile::is_own(path) => File::Foreign(path.clone()),
            Some(path) if std::path::absolute(path).is_ok_and(|path| path == usual) => File::Usual,
            Some(path) => File::Named(path.clone()),
        };
        Self {
            access,
            domain: variables.get("auth0_domain").unwrap_or("<the tenant>").to_owned(),
            public_url: variables.public_url().to_owned(),
            file,
            is_remembered: variables.file.as_deref().is_some_and(setup::is_remembered),
        }
    }

    /// Completes the commands of a finding or a note.
    pub(super) fn complete(&self, outcome: &mut Outcome) {
        let text = match &mut outcome.verdict {
            Verdict::Found(finding) => &mut finding.fix,
            Verdict::Note(text) => text,
            Verdict::Passed(_) | Verdict::Unknown(_) => return,
        };
        let lines: Vec<String> = text.split('\n').map(|line| self.line(line)).collect();
        *text = lines.join("\n");
    }

    fn line(&self, line: &str) -> String {
        if let Some((before, after)) = line.split_once(SETUP) {
            let (domain, url) = (&self.domain, &self.public_url);
            let (file, is_remembered) = match (after.contains("--url "), &self.file) {
                // What is remembered beside the file is about another API.
                (true, _) => (format!(" --domain {domain} --env-file .env.new"), false),
                (false, File::Usual) => (String::new(), self.is_remembered),
                (false, File::Named(path)) => {
                    (format!(" --env-file {}", path.display()), self.is_remembered)
                }
                (false, File::Foreign(_) | File::None) => {
                    (format!(" --domain {domain} --url {url} --env-file .env.setup"), false)
                }
            };
            let how = match is_remembered {
                true => " --yes",
                // It may be a first run, which opens the tenant. So it shows its plan, and lets no
                // client register unless the outcome says so.
                false if after.contains("--registration") => "",
                false => " --registration none",
            };
            return format!("{before}{SETUP}{file}{how}{}{after}", self.access);
        }
        let Some((before, command)) = line.split_once(SECRETS) else { return line.to_owned() };
        // The verb and what it is about, each a word.
        let is_end = |c: char| !(c.is_ascii_lowercase() || matches!(c, '_' | ' ' | '-'));
        let (command, after) = command.split_at(command.find(is_end).unwrap_or(command.len()));
        let access = if command.starts_with("rotate") { self.access.as_str() } else { "" };
        let (convert, file) = match &self.file {
            File::Usual | File::None => (String::new(), String::new()),
            File::Named(path) => (String::new(), format!(" --env-file {}", path.display())),
            File::Foreign(path) => (
                format!("{SECRETS}convert {} --env-file .env.new && ", path.display()),
                " --env-file .env.new".to_owned(),
            ),
        };
        format!("{before}{convert}{SECRETS}{command}{file}{access}{after}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(file: File, access: &str, fix: &str) -> String {
        complete_with(file, true, access, fix)
    }

    fn complete_with(file: File, is_remembered: bool, access: &str, fix: &str) -> String {
        let commands = Commands {
            access: access.to_owned(),
            domain: "t.example".to_owned(),
            public_url: "https://mcp.example".to_owned(),
            file,
            is_remembered,
        };
        let mut outcome = Outcome::found("id", "what", "why", fix);
        commands.complete(&mut outcome);
        let Verdict::Found(finding) = outcome.verdict else { panic!("it is a finding") };
        finding.fix
    }

    #[test]
    fn the_set_up_is_named_with_all_that_it_needs() {
        let other = || File::Named("other.env".into());
        let foreign = || File::Foreign(".env".into());
        for (file, access, fix, expected) in [
            (File::Usual, "", "", " --yes"),
            (
                File::Usual,
                " --token-stdin",
                "\nOr: Dashboard.",
                " --yes --token-stdin\nOr: Dashboard.",
            ),
            (other(), " --auth0-cli", "", " --env-file other.env --yes --auth0-cli"),
            (
                foreign(),
                "",
                "",
                " --domain t.example --url https://mcp.example --env-file .env.setup \
                 --registration none",
            ),
            (
                File::None,
                " --token-stdin",
                " --registration documents",
                " --domain t.example --url https://mcp.example --env-file .env.setup --token-stdin \
                 --registration documents",
            ),
            (
                File::Usual,
                "",
                " --url http://localhost:3000",
                " --domain t.example --env-file .env.new --registration none \
                 --url http://localhost:3000",
            ),
        ] {
            let text = complete(file, access, &format!("Do: {SETUP}{fix}"));
            assert_eq!(text, format!("Do: {SETUP}{expected}"));
        }
    }

    /// A first run opens the tenant, so its plan comes first.
    #[test]
    fn a_set_up_that_may_be_a_first_run_is_only_planned_and_lets_no_client_register() {
        for file in [File::Usual, File::Named("a.env".into())] {
            let text = complete_with(file, false, "", SETUP);
            assert!(text.ends_with(" --registration none") && !text.contains("--yes"), "{text}");
        }
    }

    #[test]
    fn commands_about_secrets_name_the_file_and_who_asks_the_tenant() {
        let rotate = "Or: cargo run -- secrets rotate client";
        let text = complete(File::Named("a.env".into()), " --auth0-cli", rotate);
        assert_eq!(text, format!("{rotate} --env-file a.env --auth0-cli"));
        let generate = "remove it, then `cargo run -- secrets generate server_secret`";
        let text = complete(File::Named("a.env".into()), " --auth0-cli", generate);
        assert_eq!(text, generate.replace("server_secret", "server_secret --env-file a.env"));
        let text = complete(File::Foreign("a.env".into()), "", rotate);
        let convert = "cargo run -- secrets convert a.env --env-file .env.new && cargo";
        assert_eq!(text, rotate.replace("cargo", convert) + " --env-file .env.new");
        assert_eq!(complete(File::Usual, "", rotate), rotate);
    }
}
