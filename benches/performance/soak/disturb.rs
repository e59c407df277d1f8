//! What happens besides the load: new keys, changed permissions, restarts of the store.

use std::time::{Duration, Instant};

use super::start::Running;

/// How often the tenant signs with its next key. The server fetches unknown keys at most every 30
/// seconds, so more often some tokens would be refused.
const ROTATION: Duration = Duration::from_secs(40);

/// How often a user gets or loses a permission.
const CHANGE: Duration = Duration::from_secs(11);

/// When the store is restarted, in twelfths of the time: in the first and third quarters, so that
/// the second and the last one can be compared, and each shows how the store fills.
const RESTARTS: [u32; 4] = [1, 2, 7, 8];

/// What comes next, and what there was.
#[derive(Debug)]
pub(super) struct Disturbances {
    rotate_at: Instant,
    change_at: Instant,
    /// The restarts that are left, the next one last.
    restarts_at: Vec<Instant>,
    rotations: u32,
    changes: u32,
    restarts: u32,
}

impl Disturbances {
    pub(super) fn new(time: Duration, start: Instant) -> Self {
        let restarts = RESTARTS.iter().rev().map(|twelfth| start + time / 12 * *twelfth);
        Self {
            rotate_at: start + ROTATION,
            change_at: start + CHANGE,
            restarts_at: restarts.collect(),
            rotations: 0,
            changes: 0,
            restarts: 0,
        }
    }

    /// Disturbs the servers in the way whose time has come.
    ///
    /// # Errors
    /// Returns a message if a disturbance failed, which is no fault of the servers.
    pub(super) async fn next(&mut self, running: &mut Running) -> Result<(), String> {
        let now = Instant::now();
        if now >= self.rotate_at {
            self.rotate_at += ROTATION;
            self.rotations += 1;
            for subject in [&running.shared.doorward, &running.shared.fixture] {
                let control = subject.stack().tenant().control().clone();
                // Making a key takes a while.
                let rotated = tokio::task::spawn_blocking(move || control.rotate_keys(true)).await;
                let rotated = rotated.map_err(|error| error.to_string())?;
                rotated.map_err(|error| error.to_string())?;
            }
        }
        if now >= self.change_at {
            self.change_at += CHANGE;
            self.changes += 1;
            let stack = running.shared.doorward.stack();
            running.shared.users.change(stack.tenant().control(), &stack.mcp_url())?;
        }
        if self.restarts_at.pop_if(|at| now >= *at).is_some() {
            self.restarts += u32::from(running.restart_store().await?);
        }
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        let Self { rotations, changes, restarts, .. } = self;
        format!(
            "{rotations} key rotations, {changes} changes of permissions, {restarts} restarts of the store"
        )
    }
}
