//! Runs the build commands of tool components, as `spin build` does.

use super::folder::ToolManifest;
use crate::{
    Error, Wasi,
    build::{Progress, Toolchain},
    process::ProcessGroup,
};
use std::{env, ffi::OsStr, io, path::Path, process::Stdio};
use tokio::{io::AsyncReadExt, process::Command};
use toml::Value;

/// The programs that build components, and how to install them.
const INSTALL: [(&str, &str); 5] = [
    ("cargo", "`curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh`"),
    ("node", "`apt install npm`, `brew install node`, or see https://nodejs.org"),
    ("npm", "`apt install npm`, `brew install node`, or see https://nodejs.org"),
    ("npx", "`apt install npm`, `brew install node`, or see https://nodejs.org"),
    ("python3", "`apt install python3-venv`, `brew install python`, or see https://python.org"),
];

/// Builds the components of a manifest.
///
/// # Errors
/// Returns an error if a program is missing, or if a command fails.
pub(super) async fn run(
    manifest: &ToolManifest,
    toolchain: &Toolchain,
    progress: Progress,
) -> Result<(), Error> {
    for (id, component) in manifest.components() {
        let Some(build) = component.get("build").and_then(Value::as_table) else { continue };
        let folder = match build.get("workdir").and_then(Value::as_str) {
            Some(workdir) => manifest.home().join(workdir),
            None => manifest.home().to_owned(),
        };
        let commands = match build.get("command") {
            Some(Value::Array(commands)) => commands.iter().filter_map(Value::as_str).collect(),
            command => Vec::from_iter(command.and_then(Value::as_str)),
        };
        let path = env::var_os("PATH").unwrap_or_default();
        for command in &commands {
            if let Some(missing) = program(command).filter(|program| !is_on(&path, program)) {
                return Err(Error::build(missing_text(id, missing, command, &manifest.path)));
            }
        }
        if progress == Progress::Shown {
            eprintln!("Building the tool component {id}.");
        }
        let target = Wasi::V0_3.target();
        if commands.iter().any(|command| command.contains(target)) {
            toolchain.ensure_target(target, progress).await?;
        }
        for command in commands {
            execute(id, command, &folder, progress).await?;
        }
    }
    Ok(())
}

/// The program that a command runs; `None` if it is one of the component's own folder.
fn program(command: &str) -> Option<&str> {
    let mut words = command.split_ascii_whitespace();
    words.find(|word| !word.contains('=')).filter(|word| !word.contains(['/', '$', '(']))
}

fn is_on(path: &OsStr, program: &str) -> bool {
    env::split_paths(path).any(|folder| folder.join(program).is_file())
}

fn missing_text(id: &str, program: &str, command: &str, manifest: &Path) -> String {
    let install = INSTALL.iter().find(|(name, _)| *name == program);
    let install = install.map_or_else(
        || format!("Install it, or correct the command in {}.", manifest.display()),
        |(_, how)| format!("Install it: {how}."),
    );
    format!("`{program}` is missing, which builds the tool component {id} (`{command}`). {install}")
}

async fn execute(id: &str, command: &str, folder: &Path, progress: Progress) -> Result<(), Error> {
    let failed = |error: io::Error| Error::build(format!("Cannot run `{command}`: {error}"));
    let output = || match progress {
        // Keep standard output for the output of this program.
        Progress::Shown => Stdio::from(io::stderr()),
        Progress::Quiet => Stdio::piped(),
    };
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).current_dir(folder).stdin(Stdio::null());
    shell.stdout(output()).stderr(output());
    let mut group = ProcessGroup::spawn(&mut shell).map_err(failed)?;
    let (stdout, stderr) = (group.child().stdout.take(), group.child().stderr.take());
    let (mut said, mut complained) = (String::new(), String::new());
    let read = async {
        tokio::try_join!(
            async {
                match stdout {
                    Some(mut pipe) => pipe.read_to_string(&mut said).await,
                    None => Ok(0),
                }
            },
            async {
                match stderr {
                    Some(mut pipe) => pipe.read_to_string(&mut complained).await,
                    None => Ok(0),
                }
            },
        )
    };
    read.await.map_err(failed)?;
    let status = group.wait().await.map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let text = format!(
        "The tool component {id} does not build: `{command}` failed in {} ({status}).\n\
         {said}{complained}",
        folder.display()
    );
    Err(Error::build(text.trim_end()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test that panics has failed")]

    use super::*;
    use std::fs;

    fn manifest(folder: &Path, command: &str) -> ToolManifest {
        let content = format!("[component.slow.build]\ncommand = {command}\nworkdir = \"in\"");
        fs::create_dir_all(folder.join("in")).expect("a folder");
        let content = content.parse().expect("it is TOML");
        ToolManifest { path: folder.join("spin.toml"), content }
    }

    async fn build(command: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let manifest = manifest(folder.path(), command);
        run(&manifest, &Toolchain::from_env(), Progress::Quiet)
            .await
            .map(|()| fs::read_to_string(folder.path().join("in/out")).unwrap_or_default())
            .map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn the_commands_run_one_after_the_other_in_the_folder_that_the_manifest_names() {
        let built = build(r#"["echo one > out", "WORD=two sh -c 'echo $WORD >> out'"]"#).await;
        assert_eq!(built.as_deref(), Ok("one\ntwo\n"));
    }

    #[tokio::test]
    async fn a_command_that_fails_is_named_with_its_output() {
        let error = build(r#""echo because; exit 3""#).await.expect_err("it fails");
        for part in ["slow", "`echo because; exit 3` failed", "exit status: 3", "\nbecause"] {
            assert!(error.contains(part), "{part}: {error}");
        }
    }

    #[test]
    fn a_missing_program_is_named_with_the_command_that_installs_it() {
        let manifest = Path::new("tools/spin.toml");
        let text = |program, command| missing_text("slow", program, command, manifest);
        let python = text("python3", "python3 -m venv .venv");
        assert!(python.starts_with("`python3` is missing") && python.contains("apt install"));
        let other = text("cobolc", "cobolc a.cob");
        assert!(other.contains("correct the command in tools/spin.toml"), "{other}");
        assert!(!is_on(OsStr::new("/nowhere"), "python3"));
    }

    #[test]
    fn the_program_of_a_command_is_its_first_word_but_for_variables() {
        assert_eq!(program("npm install"), Some("npm"));
        assert_eq!(program("A=b npm install"), Some("npm"));
        assert_eq!(program("VIRTUAL_ENV=.venv .venv/bin/componentize-py"), None);
    }
}
