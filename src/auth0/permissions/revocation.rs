//! Forgetting permissions at once: what was remembered before a revocation counts no more, on any instance.
//!
//! A revocation is a time in key-value: one for each user, and one for everybody. It is never read to be changed, so two
//! that come at once cannot lose each other. Whoever wants to use something that is remembered reads both first.

mod endpoint;
mod events;

use futures_util::future;

use super::question;
use crate::{
    config::Config,
    host::{Host, KeyValueFailure},
};

pub(crate) use endpoint::revoke;

/// For so long after a revocation every call asks, in milliseconds. Clocks differ, and the tenant may tell of a change
/// before all of it knows.
const SETTLING_MILLIS: u64 = 2000;

/// What is to be forgotten.
#[derive(Debug, Default, PartialEq, Eq)]
struct Revoked {
    /// Of everybody, and of the API.
    everything: bool,
    subjects: Vec<String>,
}

/// Until when answers were revoked, in milliseconds since the Unix epoch: those asked for later count.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Revocations {
    /// Of everybody, and of the API.
    pub(super) of_everything: u64,
    /// Of the user.
    pub(super) of_the_user: u64,
}

impl Revocations {
    /// What holds for this user.
    ///
    /// A store that does not answer may hide a revocation: then nothing that is remembered counts.
    pub(super) async fn of(host: &dyn Host, config: &Config, subject: &str) -> Self {
        let (everything, user) = (key(config, ""), key(config, subject));
        let (everything, user) =
            future::join(revoked_until(host, &everything), revoked_until(host, &user)).await;
        Self { of_everything: everything, of_the_user: user.max(everything) }
    }
}

impl Revoked {
    async fn write_down(&self, host: &dyn Host, config: &Config) -> Result<(), KeyValueFailure> {
        let now = host.now_millis().to_string();
        if self.everything {
            return host.set(&key(config, ""), now.as_bytes()).await;
        }
        for subject in &self.subjects {
            host.set(&key(config, subject), now.as_bytes()).await?;
        }
        Ok(())
    }
}

async fn revoked_until(host: &dyn Host, key: &str) -> u64 {
    match host.get(key).await {
        Ok(None) => 0,
        Ok(Some(time)) => {
            let time = std::str::from_utf8(&time).ok().and_then(|time| time.parse::<u64>().ok());
            time.map_or(u64::MAX, |time| time.saturating_add(SETTLING_MILLIS))
        }
        Err(_) => u64::MAX,
    }
}

/// Nobody's subject is empty: that is the key for everything.
fn key(config: &Config, subject: &str) -> String {
    let digest = question::digest(&[config.management.tenant.as_str(), subject]);
    format!("doorward:v1:revoked:{}", super::stored::encoded(&digest))
}

#[cfg(test)]
mod tests;
