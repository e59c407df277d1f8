//! A test case, and how the cases of one mode are run.

use std::{future::Future, pin::Pin};

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::{mode::Mode, secrecy, world::World};

/// A boxed future. It is not `Send`, because a case runs on one thread.
pub(crate) type Step<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One behavior of the server.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// The behavior, as a sentence.
    pub(crate) name: &'static str,
    /// Runs once, before `run`. A case with it gets its own tenant and server.
    pub(crate) prepare: Option<fn(&World) -> Step<'_>>,
    /// Variables of the server that differ from the defaults of the tests. A case with some gets
    /// its own tenant and server.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// Whether `run` runs once in every mode, on its own tenant and server. This is for a case that
    /// changes what it checks, or that sends many requests at once itself.
    pub(crate) alone: bool,
    /// Checks the behavior. Unless the case is `alone`, some modes run it many times at once, so it
    /// must not change what it checks.
    pub(crate) run: fn(&World) -> Step<'_>,
}

/// Makes a [`Case`] from an `async fn(&World)` and names it after that function. It may run `after`
/// another function, `with` variables, or `alone`.
macro_rules! case {
    ($run:ident) => {
        crate::case::Case {
            name: stringify!($run),
            prepare: None,
            variables: &[],
            alone: false,
            run: |world| Box::pin($run(world)),
        }
    };
    ($run:ident after $prepare:ident) => {
        crate::case::Case {
            prepare: Some(|world| Box::pin($prepare(world))),
            ..crate::case::case!($run)
        }
    };
    ($run:ident after $prepare:ident with $variables:expr) => {
        crate::case::Case { variables: $variables, ..crate::case::case!($run after $prepare) }
    };
    ($run:ident with $variables:expr) => {
        crate::case::Case { variables: $variables, ..crate::case::case!($run) }
    };
    ($run:ident alone) => {
        crate::case::Case { alone: true, ..crate::case::case!($run) }
    };
    ($run:ident alone with $variables:expr) => {
        crate::case::Case { variables: $variables, ..crate::case::case!($run alone) }
    };
}
pub(crate) use case;

/// Runs the cases of one mode. The cases that change nothing share a tenant and a server.
pub(crate) struct Plan {
    mode: Mode,
    shared: OnceCell<World>,
}

impl Plan {
    pub(crate) fn new(mode: Mode) -> Self {
        Self { mode, shared: OnceCell::new() }
    }

    pub(crate) async fn run(&self, case: &Case) {
        let own;
        let world = if case.prepare.is_none() && case.variables.is_empty() && !case.alone {
            self.shared.get_or_init(|| World::start(self.mode, &[])).await
        } else {
            own = World::start(self.mode, case.variables).await;
            &own
        };
        if let Some(prepare) = case.prepare {
            prepare(world).await;
        }
        let copies = if case.alone { 1 } else { self.mode.copies() };
        join_all((0..copies).map(|_| (case.run)(world))).await;
        secrecy::of_world(world);
    }
}
