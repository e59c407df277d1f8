//! What a test case is, and where it runs.

use std::{future::Future, pin::Pin};

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use crate::{mode::Mode, secrecy, world::World};

/// A future that runs on the thread that made it.
pub(crate) type Step<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// One behaviour of the server.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    /// The behaviour, as a sentence.
    pub(crate) name: &'static str,
    /// What happens once, before. A case that has it gets a tenant and a server of its own.
    pub(crate) prepare: Option<fn(&World) -> Step<'_>>,
    /// Variables that the server is started with instead of the usual ones.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// What is seen. In some modes it runs many times at once, so it must not change what it looks at.
    pub(crate) run: fn(&World) -> Step<'_>,
}

/// Makes a [`Case`] of an `async fn(&World)`, named as the function is; `after` another one, or `with` variables.
macro_rules! case {
    ($run:ident) => {
        crate::case::Case {
            name: stringify!($run),
            prepare: None,
            variables: &[],
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
}
pub(crate) use case;

/// The cases of one mode. Those that change nothing share a tenant and a server.
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
        let world = if case.prepare.is_none() && case.variables.is_empty() {
            self.shared.get_or_init(|| World::start(self.mode, &[])).await
        } else {
            own = World::start(self.mode, case.variables).await;
            &own
        };
        if let Some(prepare) = case.prepare {
            prepare(world).await;
        }
        join_all((0..self.mode.copies()).map(|_| (case.run)(world))).await;
        secrecy::of_world(world);
    }
}
