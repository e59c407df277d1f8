//! Many callers on the smallest tenant: 2 requests a second, 2 at once. In simulated time. The
//! tables in `docs/permissions.md` have these figures:
//!
//! ```sh
//! cargo test --package doorward-auth0 --test fairness -- --nocapture
//! ```

#![allow(clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use doorward_auth0::{
    permissions::Decision,
    testing::{FakeTenant, Instance, user},
};
use doorward_core::host::PortFuture;
use doorward_oauth::Caller;

/// How long a run takes, in milliseconds.
const RUN_MILLIS: u64 = 30_000;

/// Strangers, who hold nothing and call without a pause, beside users who hold the permission and
/// call once a second. Both come at the same time, unless one of them is said to come later (in
/// milliseconds).
#[derive(Clone, Copy)]
struct Attack {
    cache_seconds: &'static str,
    strangers: usize,
    /// Connections of each stranger.
    connections: usize,
    strangers_come_after: u64,
    users: usize,
    users_come_after: u64,
    /// The calls of a client go round this many instances; with 0 each call has its own.
    instances: usize,
}

/// What becomes of the users' calls.
#[derive(Default)]
struct Figures {
    calls: usize,
    undecided: usize,
    /// The longest call, in milliseconds.
    longest: u64,
    /// The longest call of a user who had been allowed something before.
    longest_later: u64,
}

const ONE_ACCOUNT: Attack = Attack {
    cache_seconds: "0",
    strangers: 1,
    connections: 30,
    strangers_come_after: 0,
    users: 1,
    users_come_after: 0,
    instances: 1,
};

const ACCOUNTS: Attack =
    Attack { cache_seconds: "10", strangers: 28, connections: 1, ..ONE_ACCOUNT };

impl Attack {
    fn play(self) -> Figures {
        let tenant = FakeTenant::new();
        tenant.limit_to(2.0, 2.0);
        let host = tenant.host(&[("permission_cache_seconds", self.cache_seconds)]);
        let instances: Vec<_> = (0..self.instances).map(|_| Instance::new(&host)).collect();
        let subjects = |kind: &str, count: usize, holds: &[&str]| -> Vec<Caller> {
            let subjects = (0..count).map(|number| format!("auth0|{kind}{number}"));
            subjects
                .map(|subject| {
                    tenant.let_hold(&subject, holds);
                    user(&subject)
                })
                .collect()
        };
        let users = subjects("user", self.users, &["tool:greet"]);
        let strangers = subjects("stranger", self.strangers, &[]);
        let (host, instances) = (&host, &instances);
        let client = |caller, number: usize, begins: u64, pause: u64| -> PortFuture<'_, Figures> {
            Box::pin(async move {
                let end = host.clock.millis() + RUN_MILLIS;
                host.clock.sleep(begins).await;
                let (mut figures, mut was_allowed) = (Figures::default(), false);
                while host.clock.millis() < end {
                    let called = host.clock.millis();
                    let decided = match instances.len() {
                        0 => Instance::new(host).decide(host, caller, &["greet"]).await,
                        count => {
                            let instance = &instances[(number + figures.calls) % count];
                            instance.decide(host, caller, &["greet"]).await
                        }
                    };
                    let took = host.clock.millis() - called;
                    figures.calls += 1;
                    figures.longest = figures.longest.max(took);
                    if was_allowed {
                        figures.longest_later = figures.longest_later.max(took);
                    }
                    match decided[..] {
                        [Decision::Allowed] => was_allowed = true,
                        [Decision::Undecided(_)] => figures.undecided += 1,
                        _ => {}
                    }
                    host.clock.sleep(pause).await;
                }
                figures
            })
        };
        let of_users = users.iter().enumerate().map(|(number, user)| {
            client(user, number, self.users_come_after + 37 * number as u64, 1_000)
        });
        // An instance of its own for each call takes this test a while.
        let pause = if self.instances == 0 { 1_000 } else { 50 };
        let of_strangers = (0..self.strangers * self.connections).map(|number| {
            let stranger = &strangers[number % self.strangers];
            client(stranger, number, self.strangers_come_after + number as u64, pause)
        });
        // The strangers are the first where all come at once.
        let mut played = host.clock.run(of_strangers.chain(of_users).collect());
        let played = played.split_off(self.strangers * self.connections);
        played.into_iter().fold(Figures::default(), |sum, figures| Figures {
            calls: sum.calls + figures.calls,
            undecided: sum.undecided + figures.undecided,
            longest: sum.longest.max(figures.longest),
            longest_later: sum.longest_later.max(figures.longest_later),
        })
    }

    /// Plays, and prints a row of the table.
    fn print(self, name: &str) -> Figures {
        let figures = self.play();
        let Figures { calls, undecided, longest, longest_later } = figures;
        let seconds = |millis: u64| millis.div_ceil(1000);
        println!(
            "| {name} | `{}` | {} of {calls} | {} s | {} s |",
            self.cache_seconds,
            calls - undecided,
            seconds(longest),
            seconds(longest_later)
        );
        figures
    }
}

#[test]
fn strangers_do_not_keep_users_from_their_tools() {
    let live = Attack { cache_seconds: "0", ..ACCOUNTS };
    for (name, attack, longest, longest_later) in [
        ("1 account on 30 connections", ONE_ACCOUNT, 6_000, 6_000),
        ("the same, 3 instances", Attack { instances: 3, ..ONE_ACCOUNT }, 12_000, 12_000),
        ("28 accounts", Attack { users_come_after: 15_000, ..ACCOUNTS }, 6_000, 6_000),
        ("28 accounts", Attack { users_come_after: 15_000, ..live }, 9_000, 9_000),
        (
            "300 accounts, after 5 users",
            Attack { strangers: 300, strangers_come_after: 10_000, users: 5, ..ACCOUNTS },
            6_000,
            6_000,
        ),
    ] {
        let figures = attack.print(name);
        assert_eq!(figures.undecided, 0, "{name}");
        assert!(figures.longest < longest, "{name}: {} ms", figures.longest);
        assert!(figures.longest_later < longest_later, "{name}: {} ms", figures.longest_later);
    }
}

#[test]
fn a_newcomer_waits_for_no_more_than_one_request_of_each_other_newcomer() {
    for (name, attack) in [
        ("28 accounts that come together with the user", ACCOUNTS),
        ("the same", Attack { cache_seconds: "0", ..ACCOUNTS }),
    ] {
        let figures = attack.print(name);
        // 28 strangers, the user, and what the API defines, two in a second.
        assert!(figures.undecided <= 1, "{name}: {}", figures.undecided);
        assert!(figures.longest_later < 9_000, "{name}: {} ms", figures.longest_later);
    }
}

#[test]
fn instances_that_serve_one_request_each_share_the_budget_through_the_store() {
    let figures = Attack { instances: 0, ..ACCOUNTS }.print("28 accounts, one request an instance");
    // The one that comes with the strangers may be unlucky.
    assert!(figures.undecided <= 2, "{} of {}", figures.undecided, figures.calls);
    assert!(figures.calls - figures.undecided >= 3, "{}", figures.calls);
}

/// 300 users, all new, arrive within a second and call once. They obey what they are told about a
/// retry.
#[test]
fn three_hundred_callers_are_all_decided_if_they_come_back_when_they_are_told() {
    const CALLERS: u64 = 300;
    let tenant = FakeTenant::new();
    tenant.limit_to(2.0, 2.0);
    let host = tenant.host(&[]);
    let instance = Instance::new(&host);
    let users: Vec<_> = (0..CALLERS).map(|number| user(&format!("auth0|u{number}"))).collect();
    users.iter().for_each(|user| tenant.let_hold(user.subject(), &["tool:greet"]));
    let (host, instance) = (&host, &instance);
    let began = host.clock.millis();
    let call = |(number, user)| -> PortFuture<'_, (u64, u64)> {
        Box::pin(async move {
            host.clock.sleep(number * 1_000 / CALLERS).await;
            let mut retries = 0;
            loop {
                let called = host.clock.millis();
                let decided = instance.decide(host, user, &["greet"]).await.remove(0);
                assert!(host.clock.millis() - called < 16_000, "nobody is held up for long");
                let Decision::Undecided(undecided) = decided else {
                    assert_eq!(decided, Decision::Allowed);
                    return (retries, host.clock.millis() - began);
                };
                retries += 1;
                let seconds = undecided.retry_after.unwrap();
                host.clock.sleep(seconds * 1_000).await;
            }
        })
    };
    let played = host.clock.run((0..CALLERS).zip(&users).map(call).collect());
    let at_once = played.iter().filter(|(retries, _)| *retries == 0).count();
    let retries = played.iter().map(|(retries, _)| *retries).max().unwrap_or_default();
    let last = played.iter().map(|(_, decided_at)| *decided_at).max().unwrap_or_default();
    println!(
        "300 users: {at_once} are decided within 15 s, the last after {last} ms ({retries} retries)"
    );
    assert!(at_once >= 20, "{at_once}");
    assert!(retries <= 3, "{retries}");
    assert!(last < 300_000, "{last} ms: 300 requests take 150 s");
}
