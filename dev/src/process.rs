//! Child processes that are killed together with their descendants.

use std::{io, process::ExitStatus};
use tokio::process::{Child, Command};

/// A child process that leads its own process group. Dropping it kills the whole group.
///
/// `spin up` starts `spin trigger http`, and cargo starts rustc. Killing only the child would leave
/// those running.
#[derive(Debug)]
pub(crate) struct ProcessGroup {
    child: Child,
    #[cfg(unix)]
    group: Option<rustix::process::Pid>,
}

impl ProcessGroup {
    /// Starts `command` as the leader of a new process group.
    ///
    /// # Errors
    /// Returns the system's error if the program cannot be started.
    pub(crate) fn spawn(command: &mut Command) -> io::Result<Self> {
        #[cfg(unix)]
        command.process_group(0);
        let child = command.kill_on_drop(true).spawn()?;
        Ok(Self {
            #[cfg(unix)]
            group: child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed())),
            child,
        })
    }

    /// The child, for access to its pipes.
    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// The id of the group, which is that of the child; `None` once the child has been waited for.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits for the child to exit, then kills the rest of its group.
    ///
    /// # Errors
    /// Returns the system's error if waiting fails.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await?;
        self.kill_group();
        Ok(status)
    }

    #[cfg(unix)]
    fn kill_group(&mut self) {
        // Use the group's ID only once: the system may reuse it when the group has no members left.
        if let Some(group) = self.group.take() {
            // An error means that the group has already ended.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }

    #[cfg(not(unix))]
    fn kill_group(&mut self) {
        // There are no process groups on this platform; `kill_on_drop` kills the child.
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill_group();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::{process::Stdio, time::Duration};
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};

    #[tokio::test]
    async fn dropping_the_group_kills_the_processes_that_the_child_started() {
        // The grandchild keeps the pipe open until it ends.
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 600 & echo started; wait"]).stdout(Stdio::piped());
        let mut group = ProcessGroup::spawn(&mut command).expect("sh starts");
        let mut pipe = BufReader::new(group.child().stdout.take().expect("stdout is piped"));
        let mut line = String::new();
        pipe.read_line(&mut line).await.expect("a line");
        assert_eq!(line, "started\n");

        drop(group);

        let mut rest = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), pipe.read_to_end(&mut rest))
            .await
            .expect("the grandchild has ended, so its end of the pipe is closed")
            .expect("the pipe reads to its end");
    }
}
