//! What runs on a host: Doorward with a server behind it, and a server with a tool that reports
//! progress.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use doorward_dev::{Log, Server, StackOptions};
use serde_json::json;

use super::{
    memory,
    record::{Record, Sample},
    users::Users,
};
use crate::{
    behind::Behind,
    bench::Bench,
    components::target,
    redis::Redis,
    subject::{On, Subject},
};

/// `store_buckets`: as few as there can be, so that all are in use soon.
pub(super) const BUCKETS: usize = 16;

/// What the workers share.
pub(super) struct Shared {
    pub(super) doorward: Subject,
    pub(super) fixture: Subject,
    pub(super) users: Users,
    /// When the store was last restarted.
    restarted: Mutex<Option<Instant>>,
    _behind: Behind,
}

/// Everything that runs on a host.
pub(super) struct Running {
    pub(super) shared: Arc<Shared>,
    redis: Option<Redis>,
}

impl Running {
    pub(super) async fn start(on: On, bench: &Bench) -> Result<Self, String> {
        let redis = match on {
            On::Local => None,
            On::Spin => Redis::start(&target("soak")).await?,
        };
        if on == On::Spin && redis.is_none() {
            bench.say("no `redis-server` on PATH: the store is not restarted on Spin");
        }
        let behind = Behind::start().await?;
        let url = format!("{}/mcp", behind.origin());
        let entry = json!({
            "url": url, "tools": "*", "access": "public", "caller": ["subject"], "seconds": 1,
        });
        let upstreams = json!({ "behind": entry }).to_string();
        let variables = [
            ("third_issuer_origin", behind.origin()),
            ("upstreams", upstreams),
            // So that changes show soon.
            ("permission_cache_seconds", "1".to_owned()),
            ("store_buckets", BUCKETS.to_string()),
        ];
        let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
        let options = |component| StackOptions {
            component: Some(component),
            log: Log::Capture,
            ..StackOptions::default()
        };
        // The other server has a store of its own, which is not counted.
        let stored = |options| StackOptions {
            runtime_config: redis.as_ref().map(|redis| redis.config().to_owned()),
            ..options
        };
        let components = &bench.components;
        let doorward =
            Subject::start_as(on, stored(options(components.doorward())), &variables).await?;
        let fixture = Subject::start_as(on, options(components.fixture()), &[]).await?;
        let stack = doorward.stack();
        let users = Users::arrive(stack.tenant().control(), &stack.mcp_url());
        let fixture_stack = fixture.stack();
        Users::arrive(fixture_stack.tenant().control(), &fixture_stack.mcp_url());
        let shared =
            Shared { doorward, fixture, users, restarted: Mutex::default(), _behind: behind };
        Ok(Self { shared: Arc::new(shared), redis })
    }

    /// Takes what the servers have logged.
    pub(super) fn take_logs(&self) -> String {
        let logs = self.shared.servers().map(Server::take_logs);
        logs.concat()
    }

    /// Restarts the store, as far as the host permits it, and returns whether it did.
    ///
    /// # Errors
    /// Returns a message if the store does not start again.
    pub(super) async fn restart_store(&mut self) -> Result<bool, String> {
        let restarted = match (&mut self.redis, self.shared.doorward.stack().server().local()) {
            (Some(redis), _) => redis.restart().await.map(|()| true)?,
            (None, Some(host)) => {
                host.clear_key_value();
                true
            }
            (None, None) => false,
        };
        if restarted {
            let mut at = self.shared.restarted.lock().unwrap_or_else(PoisonError::into_inner);
            *at = Some(Instant::now());
        }
        Ok(restarted)
    }

    /// Measures the interval that ends now.
    ///
    /// # Errors
    /// Returns a message if the store does not say how many keys it has.
    pub(super) async fn sample(&self, record: &Record, every: Duration) -> Result<Sample, String> {
        let groups = self.shared.servers().map(|server| server.process_group());
        Ok(record.sample(every, memory::resident(&groups), self.keys().await?))
    }

    /// The number of keys in the store of Doorward; `None` if it cannot be told.
    async fn keys(&self) -> Result<Option<usize>, String> {
        let server = self.shared.doorward.stack().server();
        if let Some(redis) = &self.redis {
            return redis.keys().await.map(Some);
        }
        if let Some(host) = server.local() {
            return Ok(Some(host.key_value().values().map(|store| store.len()).sum()));
        }
        Ok(server.state_folder().and_then(|folder| {
            let file = folder.join("sqlite_key_value.db");
            let program = "import sqlite3, sys\n\
                store = sqlite3.connect(f'file:{sys.argv[1]}?mode=ro', uri=True)\n\
                print(store.execute('SELECT COUNT(*) FROM spin_key_value').fetchone()[0])";
            let output = Command::new("python3").args(["-c", program]).arg(file).output().ok()?;
            String::from_utf8(output.stdout).ok()?.trim().parse().ok()
        }))
    }
}

impl Shared {
    /// Whether the store was restarted so recently that Doorward may still keep away from it.
    pub(super) fn store_may_be_missing(&self) -> bool {
        let at = self.restarted.lock().unwrap_or_else(PoisonError::into_inner);
        at.is_some_and(|at| at.elapsed() < Duration::from_secs(15))
    }

    fn servers(&self) -> [&Server; 2] {
        [self.doorward.stack().server(), self.fixture.stack().server()]
    }
}
